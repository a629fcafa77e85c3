# SPDX-License-Identifier: GPL-3.0-or-later
"""Buttons of the preferences: the backend, sets of weights, reports."""
