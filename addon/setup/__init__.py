# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend's environment, weights and folders, and the background tasks that change them."""
