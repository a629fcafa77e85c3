# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of weights: the starter, shipped here, and folders of the user's own."""
