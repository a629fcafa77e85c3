# SPDX-License-Identifier: GPL-3.0-or-later
"""TripoSG (Li et al. 2025): one image -> a set of latent vectors by a flow transformer -> a field -> mesh."""
