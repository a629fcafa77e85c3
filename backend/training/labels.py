# SPDX-License-Identifier: GPL-3.0-or-later
"""What the starter LRM learns from beside the rendered views: points with true distances and colours, made once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .distance import SignedDistance
from .meshes import TrainingMesh, list_meshes, load_stretched
from .render import RADIUS, Light, Renderer, orbit
from .views import FRAMED, VIEWPOINTS, Views

POINTS = 1024  # of each kind of an object
REACH = 0.52  # of the cube in which distances are known
SPREADS = (0.008, 0.03)  # standard deviations of the points beside the surface


@dataclass
class Labels:
    """Of N objects in the world: points float16 (N, 3 POINTS, 4), place and distance, negative inside; surface float16
    (N, POINTS, 6), place and lit sRGB 0..1; middles float32 (N, VIEWPOINTS, 2), of the framed views in tangent units.
    """

    points: np.ndarray
    surface: np.ndarray
    middles: np.ndarray
    done: np.ndarray
    names: list[str]


def open_labels(folder: Path, names: list[str]) -> Labels:
    """Open the arrays in `folder`, made where they are missing. ValueError if they are of other objects."""
    folder.mkdir(parents=True, exist_ok=True)
    shapes = {
        "points": ((len(names), 3 * POINTS, 4), np.float16),
        "surface": ((len(names), POINTS, 6), np.float16),
        "middles": ((len(names), VIEWPOINTS, 2), np.float32),
        "done": ((len(names),), np.uint8),
    }
    if not (folder / "names.json").exists():
        for key, (shape, dtype) in shapes.items():
            np.lib.format.open_memmap(folder / f"{key}.npy", "w+", dtype, shape).flush()
        (folder / "names.json").write_text(json.dumps(names))
    if json.loads((folder / "names.json").read_text()) != names:
        raise ValueError(f"{folder} holds labels of other meshes. Choose another work folder or delete it.")
    return Labels(**{key: np.load(folder / f"{key}.npy", mmap_mode="r+") for key in shapes}, names=names)


def make_labels(meshes: Path, views: Views, folder: Path, progress, stretching: int = 0) -> Labels:
    """Label every mesh of the views, in a random but fixed order, skipping what an earlier run has done."""
    entries = {entry[0]: entry for entry in list_meshes(meshes, "all")}
    labels = open_labels(folder, views.names)
    order = np.random.default_rng(1).permutation(len(views.names))
    for i in progress([i for i in order if not labels.done[i]]):
        mesh = load_stretched(entries[views.names[i]], i, stretching)
        renderer = Renderer(mesh, Light.random(np.random.default_rng([i, stretching])))  # the light of the views
        points, surface = draw_labels(renderer, np.random.default_rng([i, 5, stretching]))
        labels.points[i], labels.surface[i] = points, surface
        for k, (azimuth, elevation, _) in enumerate(views.poses[i, FRAMED]):
            left, bottom, right, top = renderer.framing(orbit(azimuth, elevation))
            labels.middles[i, k] = (left + right) / 2, (bottom + top) / 2
        labels.done[i] = 1
    return labels


def draw_labels(renderer: Renderer, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """points (3 POINTS, 4) and surface (POINTS, 6) as in `Labels`: what can be seen from outside, and around it."""
    surface = np.zeros((0, 6), np.float32)
    while len(surface) < POINTS:
        surface = np.concatenate([surface, cast_at(renderer.mesh, renderer, rng)])
    surface = surface[:POINTS]
    near = [surface[:, :3] + rng.normal(size=(POINTS, 3)) * s for s in SPREADS]
    points = np.concatenate([*near, rng.uniform(-REACH, REACH, (POINTS, 3))]).clip(-REACH, REACH).astype(np.float32)
    return np.concatenate([points, SignedDistance(renderer)(points)[:, None]], 1), surface


def cast_at(mesh: TrainingMesh, renderer: Renderer, rng: np.random.Generator) -> np.ndarray:
    """Place and colour (K, 6) of what rays from all around meet that aim at points of the surface, even over it."""
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
