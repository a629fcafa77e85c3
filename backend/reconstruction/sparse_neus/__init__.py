# SPDX-License-Identifier: GPL-3.0-or-later
"""SparseNeuS: posed views to a feature volume to a signed distance field."""
