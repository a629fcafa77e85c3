# SPDX-License-Identifier: GPL-3.0-or-later
"""The view set under the name by which the priors know it; Blender places cameras by the same numbers."""

from ..interface.view_set import FOV_DEG, NEIGHBOURS, RADIUS, first_stage, second_stage, view_set

__all__ = ["FOV_DEG", "NEIGHBOURS", "RADIUS", "first_stage", "second_stage", "view_set"]
