# SPDX-License-Identifier: GPL-3.0-or-later
"""Every setting that is saved with a scene."""
