# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a picture of many points takes, and how much slower a loop over the pixels is.

python -m benchmarks.points_speed --threads 2
"""

from __future__ import annotations

import time
from typing import Annotated

import torch
import typer
from torch import Tensor

from backend.rendering.cameras import Camera, orbit, project
from backend.rendering.points import FALLOFF, MIN_FALLOFF, Splats, splat

CHANNELS = 19


def sphere(count: int) -> Tensor:
    """Points (count, 3) on a sphere that fills most of the picture, seen from both sides."""
    return 0.48 * torch.nn.functional.normalize(
        torch.randn(count, 3, generator=torch.Generator().manual_seed(0)), dim=1
    )


def loop(points: Tensor, camera: Camera, radius: float, per_pixel: int) -> Splats:
    """`splat` in plain Python, pixel by pixel."""
    centre, depth = project(camera, points)
    index = torch.full((camera.height, camera.width, per_pixel), -1)
    weight = torch.zeros(index.shape)
    for row in range(camera.height):
        for column in range(camera.width):
            squares = (centre[:, 0] - column - 0.5) ** 2 + (centre[:, 1] - row - 0.5) ** 2
            near = ((squares <= (radius * camera.height) ** 2) & (depth > 0)).nonzero()[:, 0]
            light = 1.0
            for place, point in enumerate(near[depth[near].argsort(stable=True)][:per_pixel]):
                share = max(min(FALLOFF * float(squares[point]) / (radius * camera.height) ** 2, 1), MIN_FALLOFF)
                index[row, column, place], weight[row, column, place] = point, light * (1 - share**0.5)
                light *= share**0.5
    return Splats(index, weight)


def main(
    points: Annotated[int, typer.Option(help="How many.")] = 1_000_000,
    side: Annotated[int, typer.Option(help="Pixels a side.")] = 800,
    threads: int = 2,
) -> None:
    torch.set_num_threads(threads)
    cloud, camera = sphere(points), Camera(orbit(30, 20, 3.8), 16.0, side, side)
    features = torch.rand(points, CHANNELS, requires_grad=True)
    for clock, of in ((time.process_time, "processor"), (time.perf_counter, "wall")):
        begun = clock()
        splats = splat(cloud, camera, 2 / 800)
        found = clock()
        picture = splats.composite(features)
        drawn = clock()
        picture.square().sum().backward()
        print(
            f"{points:,} points, {side} x {side}, {threads} threads, {of}: rasterised {found - begun:.2f} s, ", end=""
        )
        print(f"{CHANNELS} channels drawn {drawn - found:.2f} s, gradient {clock() - drawn:.2f} s")
    full = float((splats.index[..., -1] >= 0).float().mean())
    print(f"{full:.0%} of the pixels see 8 points or more")
    few, small = sphere(5000), Camera(camera.cam_to_world, camera.fov_deg, 48, 48)
    begun = time.perf_counter()
    slow = loop(few, small, 0.02, 8)
    between = time.perf_counter()
    fast = splat(few, small, 0.02, 8)
    ended = time.perf_counter()
    assert torch.equal(slow.index, fast.index) and torch.allclose(slow.weight, fast.weight, atol=1e-5)
    print(f"5,000 points, 48 x 48: the loop takes {(between - begun) / (ended - between):.0f} times as long")


if __name__ == "__main__":
    typer.run(main)
