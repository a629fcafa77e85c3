# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for the backend in tests of the add-on: speaks its frames, written here a second time, and needs no torch."""
