# SPDX-License-Identifier: GPL-3.0-or-later
"""Removal of cavities inside an object, which no view shows and a network can only guess."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import binary_closing, binary_fill_holes, distance_transform_edt, generate_binary_structure
from torch import Tensor

Field = Callable[[Tensor], Tensor]
CELLS = 64  # per side of the grid
# (radius of the closing, thickness of the skin that is left alone), in cells: pores are filled nearly up to the
# surface, wider leaks only deep inside, so that open objects keep their walls.
CLOSINGS = ((1, 1.0), (2, 2.5))


def fill_cavities(field: Field, box: Tensor, within: float) -> Field:
    """Fill the cavities of a field: points (N, 3) -> signed distance (N,), both in world units.

    A volume that the surface encloses, up to pores and narrow leaks, becomes solid below a skin (morphological closing
    followed by hole filling, e.g. Serra 1982).

    Args:
        field: the signed distance, negative inside.
        box: (4, 4), maps the cube [-1, 1]^3 to the world.
        within: half side of the part of that cube in which cavities are filled.
    """
    centres = ((torch.arange(CELLS, device=box.device) + 0.5) / CELLS * 2 - 1) * within
    grid = torch.stack(torch.meshgrid(centres, centres, centres, indexing="ij"), -1).view(-1, 3)
    solid = (field(grid @ box[:3, :3].T + box[:3, 3]) < 0).view(CELLS, CELLS, CELLS).cpu().numpy()
    size = float(2 * within / CELLS * box[:3, 0].norm())
    core = np.minimum.reduce([skin - depth_in_closed(solid, width) for width, skin in CLOSINGS]) * size
    core = torch.from_numpy(core.astype(np.float32)).to(box)[None, None]
    to_grid = torch.linalg.inv(box) / within

    def filled(points: Tensor) -> Tensor:
        position = (points @ to_grid[:3, :3].T + to_grid[:3, 3]).flip(-1)
        inner = F.grid_sample(core, position.view(1, 1, 1, -1, 3), padding_mode="border", align_corners=False).view(-1)
        return torch.minimum(field(points), inner)

    return filled


def depth_in_closed(solid: np.ndarray, width: int) -> np.ndarray:
    """Solid cells (C, C, C) -> depth in cells below the outside, after closing openings of up to 2 `width` cells."""
    closed = binary_closing(np.pad(solid, width), generate_binary_structure(3, 1), width)
    full = np.asarray(binary_fill_holes(closed), bool)[(slice(width, -width),) * 3]
    return np.asarray(distance_transform_edt(full)) - np.asarray(distance_transform_edt(~full))
