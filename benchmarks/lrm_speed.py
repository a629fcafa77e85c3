# SPDX-License-Identifier: GPL-3.0-or-later
"""TripoSR's size on this machine: the network's time and memory, and meshing against the dense query of the grid.

Run: python -m benchmarks.lrm_speed

The network has random weights. Its planes would hold noise, which no object looks like: for meshing they are given
three bumps each, and the decoder, as deep and wide as published, adds them up, so that a rounded body is there. The
meshes are compared at `--compare` cells a side; at others the dense grid's time is that of `--points` of its points,
times their number.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from backend.meshing.marching_cubes import extract
from backend.reconstruction.lrm.model import LRM, Architecture, Scene

LEVEL = 25.0
TARGETS = {256: 8, 512: 20}
BUMPS = ((0.0, 0.0, 0.1, 0.45), (0.35, 0.2, -0.1, 0.2), (-0.3, -0.25, 0.3, 0.15))  # place and width


def timed(call: Callable[[], Any]) -> tuple[Any, float, float]:
    """The result, seconds by the clock, and seconds of processor time over all threads."""
    clock, processor = time.perf_counter(), time.process_time()
    return call(), time.perf_counter() - clock, time.process_time() - processor


def bumps(size: int) -> Tensor:
    """Planes (3, size, size) of the body: three bumps on each, like the body's shadows."""
    axis = torch.linspace(-0.87, 0.87, size)
    v, u = torch.meshgrid(axis, axis, indexing="ij")
    planes = torch.zeros(3, size, size)
    for *centre, width in BUMPS:
        for plane, (a, b) in zip(planes, ((0, 1), (0, 2), (1, 2)), strict=True):
            plane += torch.exp(-((u - centre[a]) ** 2 + (v - centre[b]) ** 2) / width**2)
    return planes


def make_body(model: LRM) -> Scene:
    """A scene of the published size; changes the decoder, whose other channels stay random."""
    size, channels = 2 * model.architecture.plane_size, model.architecture.channels
    planes = torch.randn(1, 3, channels, size, size) * 0.1
    planes[0, :, 0] = bumps(size)
    layers = [layer for layer in model.decoder if isinstance(layer, nn.Linear)]
    for i, layer in enumerate(layers):
        layer.weight[0], layer.bias[0] = 0, 0
        if i:
            layer.weight[0, 0] = 1
    layers[0].weight[0, ::channels] = 8
    layers[-1].bias[0] = -12
    return Scene(planes)


def network(model: LRM) -> Scene:
    scene, seconds, cpu = timed(lambda: model.encode(torch.rand(1, 3, 512, 512)))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    parameters = sum(p.numel() for p in model.parameters()) / 1e6
    print(f"picture to planes {tuple(scene.planes.shape)}, {parameters:.1f} M parameters, float32")
    print(f"  {seconds:.1f} s ({cpu:.1f} s of processor), at most {memory:.2f} GiB of memory", flush=True)
    return scene


def meshing(model: LRM, cells: list[int], compare: int, points: int) -> None:
    scene, asked, radius = make_body(model), 0, model.architecture.radius

    def field(points: Tensor) -> Tensor:
        nonlocal asked
        asked += len(points)
        return model.density(model.query_many(scene, points)[0])

    def mesh(side: int, coarse: int = 32) -> tuple[np.ndarray, np.ndarray]:
        return extract(field, side, (-radius, radius), LEVEL, "positive", coarse=coarse)

    (whole, _, _), (part, _, _) = timed(lambda: mesh(compare, coarse=compare)), timed(lambda: mesh(compare))
    same = np.array_equal(whole[1], part[1]) and len(whole[0])
    apart = np.abs(whole[0] - part[0]).max() / (2 * radius / compare) if same else np.inf
    print(f"{compare} cells a side: {len(whole[1])} faces dense, {len(part[1])} ours, within {apart:.1e} of a cell")
    sample = (torch.rand(points, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1) * radius
    _, _, sample_cpu = timed(lambda: field(sample))
    for side in cells:
        asked = 0
        (_, faces), seconds, cpu = timed(lambda side=side: mesh(side))
        dense = sample_cpu * (side + 1) ** 3 / points
        print(f"{side} cells a side: {len(faces)} faces, {seconds:.1f} s ({cpu:.1f} s of processor)")
        print(f"  the dense query alone: {dense:.0f} s of processor, extrapolated from {points} points")
        print(f"  {dense / cpu:.1f} times faster (target {TARGETS.get(side, '-')}), ", end="")
        print(f"{(side + 1) ** 3 / asked:.1f} times fewer points", flush=True)


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("network", "meshing"))
    parser.add_argument("--cells", type=int, nargs="*", default=[256, 512])
    parser.add_argument("--compare", type=int, default=128)
    parser.add_argument("--points", type=int, default=1 << 18)
    options = parser.parse_args()
    print(f"{torch.get_num_threads()} threads, load of the machine {os.getloadavg()[0]:.1f}")
    torch.manual_seed(0)
    if options.only != "meshing":
        network(LRM(Architecture()).eval())
    if options.only != "network":
        meshing(LRM(Architecture(depth=1)).eval(), options.cells, options.compare, options.points)


if __name__ == "__main__":
    main()
