# SPDX-License-Identifier: GPL-3.0-or-later
# nerfacc annotates its estimator loosely.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportOperatorIssue=false
"""Where a field is empty, so that nobody has to look there: Instant NGP's occupancy grid.

The state is nerfacc's OccGridEstimator's. Where nerfacc's CUDA kernels load they walk the rays; elsewhere plain
PyTorch finds the same sections: [jitter + k step, jitter + (k + 1) step] whose middle lies in an occupied cell.
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

THRESHOLD, DECAY = 0.01, 0.95  # nerfacc's
EVERY = 16  # steps
REACH = 0.99  # of a cell's side: a point that is not farther away lies in the same cell or beside it
EVEN = 1 - 1e-5  # of the mean: a fog of one density everywhere, as a voxel field begins, is not below its own mean


class Occupancy(nn.Module):
    """`resolution`^3 cells over the cube `bounds`. Before the first update every cell counts as occupied.

    decay: what a cell keeps of its opacity from one update to the next; nerfacc's is for thousands of steps, in which
    what has become empty is forgotten in time. looks: points of a cell that an update asks for; the most counts.
    """

    def __init__(self, bounds: tuple[float, float], resolution: int = 32, decay: float = DECAY, looks: int = 1) -> None:
        super().__init__()
        self.grid = OccGridEstimator([bounds[0]] * 3 + [bounds[1]] * 3, resolution)
        self.grid.binaries.fill_(True)
        self.bounds, self.resolution, self.decay, self.looks = bounds, resolution, decay, looks

    @property
    def cell(self) -> float:
        """A cell's side."""
        return (self.bounds[1] - self.bounds[0]) / self.resolution

    def update(self, evaluate: Callable[[Tensor], Tensor], generator: torch.Generator | None = None) -> None:
        """Ask evaluate(points (K, 3)) -> opacity of a step (K,) at random points of every cell.

        As nerfacc: a cell keeps `decay` of what it had where the new value is smaller, and is occupied above the
        smaller one of 0.01 and the mean.
        """
        place = self.grid.grid_coords
        self.grid.occs = self.grid.occs * self.decay
        for _ in range(self.looks):
            noise = torch.rand(place.shape, generator=generator, device=generator.device if generator else place.device)
            with torch.no_grad():
                found = evaluate(self.bounds[0] + (place + noise.to(place.device)) * self.cell).float()
            self.grid.occs = torch.maximum(self.grid.occs, found)
        threshold = self.least(THRESHOLD)
        self.grid.binaries = (self.grid.occs > threshold).view(self.grid.binaries.shape)

    def least(self, most: float) -> float:
        """The opacity from which on there is something to see: `most`, or the mean of all cells if that is less."""
        return min(most, EVEN * float(self.grid.occs.mean()))

    def sections(
        self, origins: Tensor, directions: Tensor, step: float, generator: torch.Generator | None = None
    ) -> Sections:
        """Sections of length `step` of rays (N, 3) whose middle lies in an occupied cell.

        With a generator each ray's sections move by a random share of `step`.
        """
        jitter = torch.zeros_like(origins[:, 0])
        if generator is not None:
            share = torch.rand(len(origins), generator=generator, device=generator.device).to(origins)
            jitter = share * step
        if origins.is_cuda and kernels_load():
            ray, starts, ends = self.grid.sampling(origins, directions, t_min=jitter, render_step_size=step)
            return Sections(ray, starts, ends)
        return self.walk(origins, directions, step, jitter)

    def walk(self, origins: Tensor, directions: Tensor, step: float, jitter: Tensor) -> Sections:
        """`sections` in plain PyTorch, with each ray's first start `jitter` (N,).

        Groups of sections are looked at first, by whether an occupied cell is near: most of them are left out.
        """
        low, high = self.occupied_box()
        near, far, hit = intersect_box(origins, directions, (low, high))
        hit = hit.nonzero()[:, 0]
        if not len(hit):
            return Sections(hit, near[:0], near[:0])
        first = torch.ceil((near[hit] - jitter[hit]) / step - 0.5)
        count = math.ceil(float((far - near).max()) / step) + 1
        group = 1 + int(2 * REACH * self.cell / step)  # so many sections lie within a cell's side of their middle
        number = first[:, None] + torch.arange(0, count, group, device=origins.device)
        middle = jitter[hit, None] + (number + group / 2) * step
        points = origins[hit, None] + directions[hit, None] * middle[..., None]
        beside = F.max_pool3d(self.grid.binaries.float(), 3, 1, 1) > 0
        row, column = beside.view(-1)[self.cell_of(points)].nonzero(as_tuple=True)

        ray, number = hit[row], number[row, column, None] + torch.arange(group, device=origins.device)
        middle = jitter[ray, None] + (number + 0.5) * step
        points = origins[ray, None] + directions[ray, None] * middle[..., None]
        keep = self.grid.binaries.view(-1)[self.cell_of(points)]
        keep &= (middle >= near[ray, None]) & (middle < far[ray, None])
        starts = (jitter[ray, None] + number * step)[keep]
        return Sections(ray[:, None].expand_as(keep)[keep], starts, starts + step)

    def cell_of(self, points: Tensor) -> Tensor:
        """The place (...) in the flat grid of points (..., 3); outside, the nearest cell's."""
        index = ((points - self.bounds[0]) / self.cell).floor().long().clamp_(0, self.resolution - 1)
        return (index[..., 0] * self.resolution + index[..., 1]) * self.resolution + index[..., 2]

    def occupied_box(self) -> tuple[Tensor, Tensor]:
        """The smallest box (3,), (3,) around the occupied cells; empty if there are none."""
        cells = self.grid.binaries[0]
        edges = []
        for axis in range(3):
            used = cells.amax(dim=tuple({0, 1, 2} - {axis})).nonzero()
            edges.append((used.min(), used.max() + 1) if len(used) else (used.new_zeros(()), used.new_zeros(())))
        low, high = (torch.stack(list(side)) for side in zip(*edges, strict=True))
        return self.bounds[0] + low * self.cell, self.bounds[0] + high * self.cell


def kernels_load() -> bool:
    """Whether nerfacc's CUDA kernels are compiled, or can be."""
    from nerfacc.cuda._backend import _C

    return _C is not None
