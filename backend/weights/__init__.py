# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of weights: where they are stored, published formats, and the loaders of networks."""
