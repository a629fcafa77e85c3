# SPDX-License-Identifier: GPL-3.0-or-later
# nerfacc annotates its estimator loosely.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportOperatorIssue=false
"""Instant NGP's occupancy grid, which skips the empty parts of a field.

The state is nerfacc's OccGridEstimator. Its CUDA kernels march the rays where they load; elsewhere plain PyTorch finds
identical sections: [jitter + k step, jitter + (k + 1) step] whose midpoint lies in an occupied cell.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from nerfacc import OccGridEstimator
from torch import Tensor, nn
from torch.nn import functional as F

from .rays import intersect_box
from .sections import Sections

THRESHOLD = 0.01  # nerfacc's opacity from which a cell is occupied
DECAY = 0.95  # nerfacc's
UPDATE_EVERY = 16  # steps
NEIGHBOUR_REACH = 0.99  # of a cell's side; a point within it lies in the same cell or a neighbour
BELOW_MEAN = 1 - 1e-5  # of the mean; a constant density, as a voxel field starts with, must not fall below its own mean


class Occupancy(nn.Module):
    """`resolution`^3 cells over the cube `bounds`, all occupied before the first update.

    decay: factor on a cell's opacity from one update to the next; nerfacc's suits thousands of steps. samples: points
    drawn in each cell by an update, which takes their maximum.
    """

    def __init__(
        self, bounds: tuple[float, float], resolution: int = 32, decay: float = DECAY, samples: int = 1
    ) -> None:
        super().__init__()
        self.grid = OccGridEstimator([bounds[0]] * 3 + [bounds[1]] * 3, resolution)
        self.grid.binaries.fill_(True)
        self.bounds = bounds
        self.resolution = resolution
        self.decay = decay
        self.samples = samples

    @property
    def cell(self) -> float:
        """Side of a cell."""
        return (self.bounds[1] - self.bounds[0]) / self.resolution

    def update(self, evaluate: Callable[[Tensor], Tensor], generator: torch.Generator | None = None) -> None:
        """Update every cell from evaluate(points (K, 3)) -> opacity of a step (K,) at random points inside it.

        As in nerfacc, a cell takes the maximum of the new opacity and `decay` times its old one, and is occupied above
        min(0.01, mean).
        """
        corner = self.grid.grid_coords
        self.grid.occs = self.grid.occs * self.decay
        for _ in range(self.samples):
            device = generator.device if generator else corner.device
            noise = torch.rand(corner.shape, generator=generator, device=device)
            with torch.no_grad():
                opacity = evaluate(self.bounds[0] + (corner + noise.to(corner.device)) * self.cell).float()
            self.grid.occs = torch.maximum(self.grid.occs, opacity)
        threshold = self.threshold(THRESHOLD)
        self.grid.binaries = (self.grid.occs > threshold).view(self.grid.binaries.shape)

    def threshold(self, highest: float) -> float:
        """The opacity from which a cell is occupied: `highest` or the mean of all cells, whichever is lower."""
        return min(highest, BELOW_MEAN * float(self.grid.occs.mean()))

    def sections(
        self, origins: Tensor, directions: Tensor, step: float, generator: torch.Generator | None = None
    ) -> Sections:
        """Sections of length `step` of rays (N, 3) whose midpoint lies in an occupied cell.

        With a generator each ray's sections are jittered by a random share of `step`.
        """
        jitter = torch.zeros_like(origins[:, 0])
        if generator is not None:
            share = torch.rand(len(origins), generator=generator, device=generator.device).to(origins)
            jitter = share * step
        if origins.is_cuda and kernels_load():
            ray, starts, ends = self.grid.sampling(origins, directions, t_min=jitter, render_step_size=step)
            return Sections(ray, starts, ends)
        return self.march(origins, directions, step, jitter)

    def march(self, origins: Tensor, directions: Tensor, step: float, jitter: Tensor) -> Sections:
        """Plain PyTorch version of `sections`, with each ray's first start `jitter` (N,).

        Groups of sections are tested first for an occupied cell nearby, which rules out most of them.
        """
        low, high = self.occupied_box()
        near, far, hit = intersect_box(origins, directions, (low, high))
        hit = hit.nonzero()[:, 0]
        if not len(hit):
            return Sections(hit, near[:0], near[:0])
        first = torch.ceil((near[hit] - jitter[hit]) / step - 0.5)
        count = math.ceil(float((far - near).max()) / step) + 1
        group = 1 + int(2 * NEIGHBOUR_REACH * self.cell / step)  # sections within a cell's side of their midpoint
        number = first[:, None] + torch.arange(0, count, group, device=origins.device)
        middle = jitter[hit, None] + (number + group / 2) * step
        points = origins[hit, None] + directions[hit, None] * middle[..., None]
        neighbourhood = F.max_pool3d(self.grid.binaries.float(), 3, 1, 1) > 0
        row, column = neighbourhood.view(-1)[self.cell_of(points)].nonzero(as_tuple=True)

        ray = hit[row]
        number = number[row, column, None] + torch.arange(group, device=origins.device)
        middle = jitter[ray, None] + (number + 0.5) * step
        points = origins[ray, None] + directions[ray, None] * middle[..., None]
        keep = self.grid.binaries.view(-1)[self.cell_of(points)]
        keep &= (middle >= near[ray, None]) & (middle < far[ray, None])
        starts = (jitter[ray, None] + number * step)[keep]
        return Sections(ray[:, None].expand_as(keep)[keep], starts, starts + step)

    def cell_of(self, points: Tensor) -> Tensor:
        """Flat grid index (...) of the cell that holds points (..., 3); outside, of the nearest cell."""
        index = ((points - self.bounds[0]) / self.cell).floor().long().clamp_(0, self.resolution - 1)
        return (index[..., 0] * self.resolution + index[..., 1]) * self.resolution + index[..., 2]

    def occupied_box(self) -> tuple[Tensor, Tensor]:
        """Corners (3,), (3,) of the bounding box of the occupied cells; empty if there are none."""
        cells = self.grid.binaries[0]
        edges = []
        for axis in range(3):
            used = cells.amax(dim=tuple({0, 1, 2} - {axis})).nonzero()
            edges.append((used.min(), used.max() + 1) if len(used) else (used.new_zeros(()), used.new_zeros(())))
        low, high = (torch.stack(list(side)) for side in zip(*edges, strict=True))
        return self.bounds[0] + low * self.cell, self.bounds[0] + high * self.cell


def kernels_load() -> bool:
    """Whether nerfacc's CUDA kernels are compiled or can be compiled."""
    from nerfacc.cuda._backend import _C

    return _C is not None
