# SPDX-License-Identifier: GPL-3.0-or-later
"""Installs the backend's Python environment. Standard library only."""
