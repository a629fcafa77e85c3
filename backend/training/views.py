# SPDX-License-Identifier: GPL-3.0-or-later
"""Rendered training views as memory-mapped arrays; rendering can be resumed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..runtime import images
from .meshes import is_validation, list_meshes, load_mesh
from .render import FOV_DEG, RADIUS, Light, Renderer, orbit

SIZE = 64  # pixels
VIEWPOINTS = 12
PLAIN, FRAMED, NEIGHBOUR = range(3)  # at the rig's distance; framed as an input image; a few degrees from PLAIN


@dataclass
class Views:
    """Views of N objects. The second axis is PLAIN, FRAMED, NEIGHBOUR."""

    images: np.ndarray  # uint8 (N, 3, VIEWPOINTS, SIZE, SIZE, 3), on white
    poses: np.ndarray  # float32 (N, 3, VIEWPOINTS, 3): azimuth and elevation in degrees, apparent camera distance
    done: np.ndarray  # uint8 (N,)
    names: list[str]

    def select(self, validation: bool) -> np.ndarray:
        """Indices of the rendered objects of one split."""
        return np.array([i for i, n in enumerate(self.names) if self.done[i] and is_validation(n) == validation])


def open_views(folder: Path, names: list[str] | None = None) -> Views:
    """Open the arrays in `folder`; with `names`, create them if missing. Raises ValueError for other meshes' views."""
    folder.mkdir(parents=True, exist_ok=True)
    n = len(names or json.loads((folder / "names.json").read_text()))
    shapes = {
        "images": ((n, 3, VIEWPOINTS, SIZE, SIZE, 3), np.uint8),
        "poses": ((n, 3, VIEWPOINTS, 3), np.float32),
        "done": ((n,), np.uint8),
    }
    if names and not (folder / "names.json").exists():
        for key, (shape, dtype) in shapes.items():
            np.lib.format.open_memmap(folder / f"{key}.npy", "w+", dtype, shape).flush()
        (folder / "names.json").write_text(json.dumps(names))
    stored = json.loads((folder / "names.json").read_text())
    if names and stored != names:
        raise ValueError(f"{folder} holds views of other meshes. Choose another work folder or delete it.")
    return Views(**{key: np.load(folder / f"{key}.npy", mmap_mode="r+") for key in shapes}, names=stored)


def render_views(meshes: Path, folder: Path, progress) -> Views:
    """Render every mesh in a fixed random order, skipping those of an earlier run."""
    entries = list_meshes(meshes, "all")
    views = open_views(folder, [name for name, _, _ in entries])
    order = np.random.default_rng(0).permutation(len(entries))
    for i in progress([i for i in order if not views.done[i]]):
        rng = np.random.default_rng([i, 0])
        renderer = Renderer(load_mesh(*entries[i]), Light.random(rng))
        start = rng.uniform(0, 360)
        for k in range(VIEWPOINTS):
            azimuth = start + (k + rng.uniform(-0.5, 0.5)) * 360 / VIEWPOINTS
            elevation = rng.uniform(-35, 65)
            neighbour = azimuth + rng.uniform(-14, 14), elevation + rng.uniform(-14, 14)
            window = renderer.framing(orbit(azimuth, elevation))
            for kind, pose, frame in (
                (PLAIN, (azimuth, elevation, RADIUS), None),
                (FRAMED, (azimuth, elevation, apparent_distance(window)), window),
                (NEIGHBOUR, (*neighbour, RADIUS), None),
            ):
                rgba, _ = renderer.render(orbit(*pose[:2]), SIZE, frame)
                views.images[i, kind, k] = on_white(rgba)
                views.poses[i, kind, k] = pose
        views.done[i] = 1
    return views


def apparent_distance(window: np.ndarray) -> float:
    """Camera distance at which the uncropped image would show what `window` shows: framing acts like moving closer."""
    return float(RADIUS * (window[2] - window[0]) / (2 * np.tan(np.radians(FOV_DEG) / 2)))


def on_white(rgba: np.ndarray) -> np.ndarray:
    """Composite uint8 (..., 4), straight alpha, on white -> uint8 (..., 3)."""
    return images.to_bytes(images.on_white(rgba.astype(np.float32) / 255))
