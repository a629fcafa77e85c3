# SPDX-License-Identifier: GPL-3.0-or-later
"""Translations of labels and tooltips."""
