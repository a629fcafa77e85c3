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
LEAKS = 2  # half the width, in cells, of openings through which a cave counts as closed
SKIN = 2.5  # cells below the outside that keep the field's own distance


def fill_hollow(field: Field, box: Tensor, within: float) -> Field:
    """A field, points (N, 3) of the world -> distance (N,) in the world, negative inside, without caves.

    What the surface encloses, but for narrow leaks, is solid below a skin (the morphological closing with its holes
    filled, e.g. Serra 1982). box (4, 4): the cube -1..1 to the world, looked at up to `within`.
    """
    centres = ((torch.arange(CELLS, device=box.device) + 0.5) / CELLS * 2 - 1) * within
    grid = torch.stack(torch.meshgrid(centres, centres, centres, indexing="ij"), -1).view(-1, 3)
    solid = (field(grid @ box[:3, :3].T + box[:3, 3]) < 0).view(CELLS, CELLS, CELLS).cpu().numpy()
    closed = binary_closing(np.pad(solid, LEAKS), generate_binary_structure(3, 1), LEAKS)
    full = np.asarray(binary_fill_holes(closed), bool)[(slice(LEAKS, -LEAKS),) * 3]
    depth = np.asarray(distance_transform_edt(full)) - np.asarray(distance_transform_edt(~full))
    size = float(2 * within / CELLS * box[:3, 0].norm())
    core = torch.from_numpy(((SKIN - depth) * size).astype(np.float32)).to(box)[None, None]
    to_grid = torch.linalg.inv(box) / within

    def filled(points: Tensor) -> Tensor:
        place = (points @ to_grid[:3, :3].T + to_grid[:3, 3]).flip(-1)
        inner = F.grid_sample(core, place.view(1, 1, 1, -1, 3), padding_mode="border", align_corners=False).view(-1)
        return torch.minimum(field(points), inner)

    return filled
