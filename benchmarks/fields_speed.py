# SPDX-License-Identifier: GPL-3.0-or-later
"""Rendering of fields: processor time and memory of a step, against the straightforward ways, as ratios.

    python -m benchmarks.fields_speed [--size 64] [--plot cost.png]

All in one process on one thread, processor time, not the wall's. The field is a ball with a rough surface.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor
from torch.nn import functional as F

from backend.fields import hash_field
from backend.fields.hash_grid import HashGrid
from backend.fields.renderer import Renderer
from backend.rendering.cameras import Camera, orbit, rays
from tests.support.volume_rendering import render_density

STEP, SPAN = 0.02, 2.1  # length of a section; of the longest ray in the cube
REPEATS = 3


def main(
    size: Annotated[int, typer.Option(help="Pixels a side.")] = 64,
    plot: Annotated[Path | None, typer.Option(help="PNG of the cost against resolution and samples.")] = None,
) -> None:
    torch.set_num_threads(1)
    renderer = rough_ball(STEP)
    origins, directions = rays(Camera(orbit(30, 20, 1.5), 49.13, size, size))

    def pruned() -> Tensor:
        return renderer.render(origins, directions).color

    def batched() -> Tensor:
        """nerfacc's batched functions over every section of every ray."""
        field = renderer.field.value_and_color
        return render_density(lambda p, d: field(p), origins, directions, round(SPAN / STEP), bounds=(-0.6, 0.6)).color

    def naive() -> Tensor:
        """The batched rendering with one gather of rows per level, as it is usually written."""
        take, HashGrid.forward = HashGrid.forward, forward_by_rows
        try:
            return batched()
        finally:
            HashGrid.forward = take

    print(f"{size} x {size} pixels, {len(renderer.render(origins, directions).samples.ray)} sections are kept")
    base, memory = cost(pruned, renderer)
    print(f"pruned: {base:.3f} s a step (forwards and backwards), {memory / 2**20:.0f} MiB kept for the gradients")
    for name, other in (("nerfacc batched", batched), ("naive dense", naive)):
        seconds, kept = cost(other, renderer)
        print(f"{name}: {seconds / base:.1f} x the time, {kept / memory:.1f} x the memory")
    seconds, _ = cost(lambda: with_normals(renderer, origins, directions), renderer)
    print(f"with normals: {seconds / base:.1f} x the time")
    if plot is not None:
        draw(plot)


def rough_ball(step: float) -> Renderer:
    """A dense ball of radius 0.35, its grid filled with noise, and an occupancy grid that knows it."""
    field = hash_field.small(blob=(120.0, 0.35))
    field.grid.table.data.normal_(generator=torch.Generator().manual_seed(0)).mul_(0.3)
    renderer = Renderer(field, step)
    for seed in range(4):
        renderer.occupancy.update(
            lambda points: field.occupancy(points, step, renderer.occupancy.cell), torch.Generator().manual_seed(seed)
        )
    return renderer


def with_normals(renderer: Renderer, origins: Tensor, directions: Tensor) -> Tensor:
    rendering = renderer.render(origins, directions, normals="analytic")
    assert rendering.normal is not None
    return torch.cat([rendering.color, rendering.normal])


def cost(render: Callable[[], Tensor], renderer: Renderer) -> tuple[float, int]:
    """Least processor time of a step in seconds, and bytes that autograd keeps for the way back."""
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        render()
    times = []
    for _ in range(REPEATS):
        renderer.field.zero_grad()
        started = time.process_time()
        render().square().sum().backward()
        times.append(time.process_time() - started)
    return min(times), sum(kept.values())


def forward_by_rows(self: HashGrid, points: Tensor) -> Tensor:
    """HashGrid.forward with F.embedding."""
    features = []
    for level, part in enumerate(self.table.split(self.sizes, dim=1)):
        index, weight = self.corners(points, level)
        features.append((F.embedding(index, part.T) * weight[..., None]).sum(0))
    return torch.cat(features, dim=1)


def draw(path: Path) -> None:
    """Seconds a step against pixels a side and against the length of a section."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True)
    sizes, steps = (16, 32, 64, 128), (0.04, 0.02, 0.01, 0.005)
    for step in steps[1:3]:
        left.plot(sizes, [measure(size, step) for size in sizes], "o-", label=f"sections of {step}")
    for size in sizes[1:3]:
        right.plot([1 / step for step in steps], [measure(size, step) for step in steps], "o-", label=f"{size} pixels")
    left.set(xlabel="pixels a side", ylabel="processor seconds a step", xscale="log", yscale="log")
    right.set(xlabel="sections a unit length", xscale="log", yscale="log")
    for axis, ticks in ((left, sizes), (right, [round(1 / step) for step in steps])):
        axis.set_xticks(ticks, map(str, ticks))
        axis.set_xticks([], minor=True)
        axis.legend()
        axis.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def measure(size: int, step: float) -> float:
    renderer, (origins, directions) = rough_ball(step), rays(Camera(orbit(30, 20, 1.5), 49.13, size, size))
    return cost(lambda: renderer.render(origins, directions).color, renderer)[0]


if __name__ == "__main__":
    typer.run(main)
