# SPDX-License-Identifier: GPL-3.0-or-later
"""Property groups: all settings that are saved with a scene."""
