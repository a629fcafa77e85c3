# SPDX-License-Identifier: GPL-3.0-or-later
"""SparseNeuS's sparse network and meshing against the plain ways: python -m benchmarks.reconstruction_speed

The network: 96^3 voxels, the sites that the published rig sees. Plain: the same convolutions, the norm as written.
Meshing: the starter's SparseNeuS on views of two balls. Plain: every point of the grid. The meshes, without crumbs, are
compared at `--compare` cells a side; at `--cells` the dense grid's time is that of `--points` of its points, times
their number.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from backend.interface.view_set import FOV_DEG, RADIUS, view_set
from backend.meshing.clean import keep_components
from backend.meshing.marching_cubes import extract
from backend.reconstruction.sparse_neus import cost_regularisation
from backend.reconstruction.sparse_neus.cost_regularisation import SparseCostRegNet
from backend.reconstruction.sparse_neus.model import (
    PUBLISHED_RESOLUTION,
    SparseNeuS,
    cost_volume,
    is_observed,
)
from backend.reconstruction.sparse_neus.to_mesh import SMALLEST_PIECE
from backend.reconstruction.sparse_neus.volume_frame import PUBLISHED_FOV_DEG, place_volume
from backend.rendering.cameras import Camera, orbit, rays
from backend.rendering.mesh import Mesh
from backend.weights.loaders.one2345 import load_reconstruction
from backend.weights.store.store import STARTER

BALLS = (((0.15, 0.0, 0.05), 0.25, (0.8, 0.3, 0.2)), ((-0.2, 0.05, -0.1), 0.15, (0.2, 0.4, 0.8)))
WITHIN = 0.94  # as the engine does


def timed(call: Callable[[], Any]) -> tuple[Any, float, float]:
    """The result, seconds by the clock, and seconds of processor time over all threads, which other programs' work
    lengthens less."""
    clock, processor = time.perf_counter(), time.process_time()
    return call(), time.perf_counter() - clock, time.process_time() - processor


def plain_norm(x: Tensor, mask: Tensor, norm: nn.Module) -> Tensor:
    count = mask.sum()
    mean = (x * mask).sum((2, 3, 4), keepdim=True) / count
    variance = (((x - mean) * mask) ** 2).sum((2, 3, 4), keepdim=True) / count
    weight, bias = (p.view(1, -1, 1, 1, 1) for p in (norm.weight, norm.bias))  # pyright: ignore[reportCallIssue]
    return F.relu((x - mean) * torch.rsqrt(variance + 1e-5) * weight + bias) * mask


def network(repeats: int) -> None:
    """Best of the repeats, both ways in turn."""
    torch.manual_seed(0)
    cameras = torch.stack([orbit(a, e, RADIUS) for a, e in view_set(20)])
    _, affine, _ = place_volume("published", cameras, PUBLISHED_FOV_DEG, 256)
    _, mask = cost_volume(torch.zeros(len(affine), 1, 256, 256), affine, PUBLISHED_RESOLUTION)
    net, cost = SparseCostRegNet(), torch.randn(1, 32, *mask.shape[2:]) * mask
    quick_norm, quick_dense = cost_regularisation.masked_norm, cost_regularisation.Kernel.dense
    results: dict[str, list[tuple[Any, float, float]]] = {"ours": [], "plain": []}
    for _ in range(repeats):
        results["ours"].append(timed(lambda: net(cost, mask)))
        cost_regularisation.masked_norm = plain_norm
        cost_regularisation.Kernel.dense = lambda self: quick_dense(self).contiguous()
        results["plain"].append(timed(lambda: net(cost, mask)))
        cost_regularisation.masked_norm, cost_regularisation.Kernel.dense = quick_norm, quick_dense
    (ours, our_s, our_cpu), (plain, plain_s, plain_cpu) = (min(r, key=lambda r: r[2]) for r in results.values())
    error = ((ours - plain).abs().max() / plain.abs().max()).item()
    print(f"network, {int(mask.sum())} of {mask.numel()} sites, difference {error:.0e}")
    print(f"  ours {our_s:.2f} s ({our_cpu:.2f} s of processor), plain {plain_s:.2f} s ({plain_cpu:.2f} s)")
    print(f"  {plain_cpu / our_cpu:.2f} times faster; target 1.5 s on two cores that do nothing else")


def views(size: int = 64) -> tuple[Tensor, Tensor]:
    """The balls on white from the starter's rig: (32, 3, size, size), and the cameras (32, 4, 4)."""
    cameras = [Camera(orbit(a, e, RADIUS), FOV_DEG, size, size) for a, e in view_set(20)]
    pictures = []
    for camera in cameras:
        origins, directions = rays(camera)
        nearest, color = torch.full((len(origins),), 9.0), torch.ones(len(origins), 3)
        for centre, radius, rgb in BALLS:
            away = origins - torch.tensor(centre)
            b = (away * directions).sum(1)
            root = b * b - (away * away).sum(1) + radius**2
            distance = torch.where(root > 0, -b - root.clamp(min=0).sqrt(), 9.0)
            color[distance < nearest] = torch.tensor(rgb)
            nearest = nearest.minimum(distance)
        pictures.append(color.T.view(3, size, size))
    return torch.stack(pictures), torch.stack([c.cam_to_world for c in cameras])


def meshing(cells: int, compare: int, points: int) -> None:
    model: SparseNeuS = load_reconstruction(STARTER, True).eval().requires_grad_(False)
    pictures, cameras = views()
    _, affine, centres = place_volume(model.rig, cameras, FOV_DEG, pictures.shape[-1])
    scene, asked = model.build(pictures, affine, centres), 0

    def field(points: Tensor) -> Tensor:
        nonlocal asked
        asked += len(points)
        return torch.cat([torch.where(is_observed(scene, p), model.sdf(scene, p), 1.0) for p in points.split(1 << 14)])

    bounds = (-WITHIN, WITHIN)
    whole, _, dense_cpu = timed(lambda: extract(field, compare, bounds, coarse=compare))
    asked = 0
    part, _, our_cpu = timed(lambda: extract(field, compare, bounds))
    ours, plain = (keep_components(Mesh(*m), SMALLEST_PIECE) for m in (part, whole))  # as the engine does
    same = np.array_equal(ours.faces, plain.faces) and len(ours.vertices) == len(plain.vertices)
    apart = np.abs(ours.vertices - plain.vertices).max() if same else np.inf  # batches of other sizes round differently
    print(f"mesh at {compare} cells a side: {len(plain.faces)} faces, ", end="")
    print(f"the same, vertices within {apart:.0e}" if same else f"NOT THE SAME: {len(ours.faces)}")
    print(f"  with crumbs {len(whole[1])} faces, of which {len(part[1])} were found", flush=True)
    print(f"  {dense_cpu / our_cpu:.1f} times faster, {(compare + 1) ** 3 / asked:.1f} times fewer points")

    asked, generator = 0, torch.Generator().manual_seed(0)
    mesh, seconds, our_cpu = timed(lambda: extract(field, cells, bounds))
    count, sample = asked, (torch.rand(points, 3, generator=generator) * 2 - 1) * WITHIN
    _, _, sample_cpu = timed(lambda: field(sample))
    dense_cpu = sample_cpu * (cells + 1) ** 3 / points
    print(f"mesh at {cells} cells a side: {len(mesh[1])} faces, {seconds:.1f} s ({our_cpu:.1f} s of processor)")
    print(f"  the dense grid's points alone: {dense_cpu:.0f} s of processor, extrapolated from {points} of them")
    print(f"  {dense_cpu / our_cpu:.1f} times faster, {(cells + 1) ** 3 / count:.1f} times fewer points")


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("network", "meshing"))
    parser.add_argument("--cells", type=int, default=512)
    parser.add_argument("--compare", type=int, default=128)
    parser.add_argument("--points", type=int, default=1 << 20)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print(f"{torch.get_num_threads()} threads, load of the machine {os.getloadavg()[0]:.1f}")
    if options.only != "meshing":
        network(options.repeats)
    if options.only != "network":
        meshing(options.cells, options.compare, options.points)


if __name__ == "__main__":
    main()
