# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for the backend in the add-on's tests: speaks its frames, written a second time, without torch."""
