# SPDX-License-Identifier: GPL-3.0-or-later
"""Buttons: one file for each or for a family, thin, with a reason when a button is grey."""
