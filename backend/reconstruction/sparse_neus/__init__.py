# SPDX-License-Identifier: GPL-3.0-or-later
"""SparseNeuS: posed views -> feature volume -> signed distance field."""
