# SPDX-License-Identifier: GPL-3.0-or-later
"""Caves inside an object, where no view ever looked: a network that knows surfaces guesses there, and often wrongly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import binary_closing, binary_fill_holes, distance_transform_edt, generate_binary_structure
from torch import Tensor

Field = Callable[[Tensor], Tensor]
CELLS = 64  # a side of the grid on which caves are looked for
# Half the width, in cells, of openings that count as closed, and how many cells below the outside it is solid then:
# pores nearly to the surface, wider leaks only deep inside, so that what is open keeps its walls.
CLOSINGS = ((1, 1.0), (2, 2.5))


def fill_hollow(field: Field, box: Tensor, within: float) -> Field:
    """A field, points (N, 3) of the world -> distance (N,) in the world, negative inside, without caves.

    What the surface encloses, but for pores and narrow leaks, is solid below a skin (the morphological closing with its
    holes filled, e.g. Serra 1982). box (4, 4): the cube -1..1 to the world, looked at up to `within`.
    """
    centres = ((torch.arange(CELLS, device=box.device) + 0.5) / CELLS * 2 - 1) * within
    grid = torch.stack(torch.meshgrid(centres, centres, centres, indexing="ij"), -1).view(-1, 3)
    solid = (field(grid @ box[:3, :3].T + box[:3, 3]) < 0).view(CELLS, CELLS, CELLS).cpu().numpy()
    size = float(2 * within / CELLS * box[:3, 0].norm())
    core = np.minimum.reduce([skin - depth_in_closed(solid, width) for width, skin in CLOSINGS]) * size
    core = torch.from_numpy(core.astype(np.float32)).to(box)[None, None]
    to_grid = torch.linalg.inv(box) / within

    def filled(points: Tensor) -> Tensor:
        place = (points @ to_grid[:3, :3].T + to_grid[:3, 3]).flip(-1)
        inner = F.grid_sample(core, place.view(1, 1, 1, -1, 3), padding_mode="border", align_corners=False).view(-1)
        return torch.minimum(field(points), inner)

    return filled


def depth_in_closed(solid: np.ndarray, width: int) -> np.ndarray:
    """Cells (C, C, C) of a solid -> how many cells below the outside each lies, once openings of 2 `width` are shut."""
    closed = binary_closing(np.pad(solid, width), generate_binary_structure(3, 1), width)
    full = np.asarray(binary_fill_holes(closed), bool)[(slice(width, -width),) * 3]
    return np.asarray(distance_transform_edt(full)) - np.asarray(distance_transform_edt(~full))
