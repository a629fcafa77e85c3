# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels for the starter LRM: points with ground-truth distances and colours, computed once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .distance import SignedDistance
from .framed import ALL, make_renderer
from .meshes import TrainingMesh, list_meshes
from .render import RADIUS, Renderer

POINTS = 1024  # of each kind per object
HALF = 0.52  # half side of the cube in which distances are known
SPREADS = (0.008, 0.03)  # standard deviations of the points near the surface


@dataclass
class Labels:
    """Labels of N objects in world coordinates, as memory-mapped arrays."""

    points: np.ndarray  # float16 (N, 3 POINTS, 4), position and signed distance
    surface: np.ndarray  # float16 (N, POINTS, 6), position and lit sRGB 0..1
    done: np.ndarray  # uint8 (N,)
    names: list[str]


def open_labels(folder: Path, names: list[str]) -> Labels:
    """Open the arrays in `folder`, creating them if missing. Raises ValueError if they belong to other objects."""
    folder.mkdir(parents=True, exist_ok=True)
    shapes = {
        "points": ((len(names), 3 * POINTS, 4), np.float16),
        "surface": ((len(names), POINTS, 6), np.float16),
        "done": ((len(names),), np.uint8),
    }
    if not (folder / "names.json").exists():
        for key, (shape, dtype) in shapes.items():
            np.lib.format.open_memmap(folder / f"{key}.npy", "w+", dtype, shape).flush()
        (folder / "names.json").write_text(json.dumps(names))
    if json.loads((folder / "names.json").read_text()) != names:
        raise ValueError(f"{folder} holds labels of other meshes. Choose another work folder or delete it.")
    return Labels(**{key: np.load(folder / f"{key}.npy", mmap_mode="r+") for key in shapes}, names=names)


def make_labels(meshes: Path, folder: Path, stretching: int = 0, chosen: slice = ALL) -> Labels:
    """Label the chosen meshes, skipping those that an earlier run has labelled. stretching: see `load_stretched`."""
    entries = list_meshes(meshes, "all")
    labels = open_labels(folder, [name for name, _, _ in entries])
    for i in np.arange(len(entries))[chosen]:
        if labels.done[i]:
            continue
        renderer = make_renderer(entries[i], int(i), stretching)  # with the light of the views
        labels.points[i], labels.surface[i] = draw_labels(renderer, np.random.default_rng([i, 5, stretching]))
        labels.done[i] = 1
    return labels


def draw_labels(renderer: Renderer, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw an object's points (3 POINTS, 4) and surface (POINTS, 6), see `Labels`, on its visible surface."""
    surface = np.zeros((0, 6), np.float32)
    while len(surface) < POINTS:
        surface = np.concatenate([surface, sample_visible(renderer.mesh, renderer, rng)])
    surface = surface[:POINTS]
    near = [surface[:, :3] + rng.normal(size=(POINTS, 3)) * s for s in SPREADS]
    points = np.concatenate([*near, rng.uniform(-HALF, HALF, (POINTS, 3))]).clip(-HALF, HALF).astype(np.float32)
    return np.concatenate([points, SignedDistance(renderer)(points)[:, None]], 1), surface


def sample_visible(mesh: TrainingMesh, renderer: Renderer, rng: np.random.Generator) -> np.ndarray:
    """Position and colour (K, 6) of the first hits of rays that aim from all around at points even over the surface."""
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) + 1e-12
    face = rng.choice(len(area), 2 * POINTS, p=area / area.sum())
    weights = rng.dirichlet(np.ones(3), len(face))[:, :, None]
    target = (weights * mesh.vertices[mesh.faces[face]]).sum(1)
    origins = rng.normal(size=target.shape)
    origins *= RADIUS / np.linalg.norm(origins, axis=1, keepdims=True)
    directions = (target - origins) / np.linalg.norm(target - origins, axis=1, keepdims=True)
    rgba, distance, _ = renderer.cast(origins.astype(np.float32), directions.astype(np.float32))
    hit = np.isfinite(distance)
    return np.concatenate([(origins + distance[:, None] * directions)[hit], rgba[hit, :3]], 1)
