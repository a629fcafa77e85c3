# SPDX-License-Identifier: GPL-3.0-or-later
"""View-conditioned diffusion priors and their samplers."""
