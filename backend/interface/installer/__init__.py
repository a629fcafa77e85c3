# SPDX-License-Identifier: GPL-3.0-or-later
"""Making the backend's environment. Standard library only."""
