# SPDX-License-Identifier: GPL-3.0-or-later
"""Training images of the LRM: each mesh framed as an artist's cut-out image is. Rendering can be resumed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .meshes import is_validation, list_meshes, load_stretched
from .patterns import Pattern
from .render import Light, Renderer, orbit
from .views import apparent_distance, on_white

SIZE = 128  # pixels
VIEWPOINTS = 12
ALL = slice(None)
ELEVATIONS = (-15.0, 50.0)  # degrees, typical of photos


@dataclass
class FramedViews:
    """Framed views of N objects as memory-mapped arrays."""

    images: np.ndarray  # uint8 (N, VIEWPOINTS, SIZE, SIZE, 3), on white
    poses: np.ndarray  # float32 (N, VIEWPOINTS, 3): azimuth and elevation in degrees, apparent camera distance
    middles: np.ndarray  # float32 (N, VIEWPOINTS, 2), centres of the framed windows in tangent units
    done: np.ndarray  # uint8 (N,)
    names: list[str]

    def select(self, validation: bool) -> np.ndarray:
        """Indices of the rendered objects of one split."""
        return np.array([i for i, n in enumerate(self.names) if self.done[i] and is_validation(n) == validation])


def open_framed(folder: Path, names: list[str]) -> FramedViews:
    """Open the arrays in `folder`, creating them if missing. Raises ValueError if they belong to other objects."""
    folder.mkdir(parents=True, exist_ok=True)
    n = len(names)
    shapes = {
        "images": ((n, VIEWPOINTS, SIZE, SIZE, 3), np.uint8),
        "poses": ((n, VIEWPOINTS, 3), np.float32),
        "middles": ((n, VIEWPOINTS, 2), np.float32),
        "done": ((n,), np.uint8),
    }
    if not (folder / "names.json").exists():
        for key, (shape, dtype) in shapes.items():
            np.lib.format.open_memmap(folder / f"{key}.npy", "w+", dtype, shape).flush()
        (folder / "names.json").write_text(json.dumps(names))
    if json.loads((folder / "names.json").read_text()) != names:
        raise ValueError(f"{folder} holds views of other meshes. Choose another work folder or delete it.")
    return FramedViews(**{key: np.load(folder / f"{key}.npy", mmap_mode="r+") for key in shapes}, names=names)


def make_renderer(entry: tuple[str, str, Path], index: int, stretching: int) -> Renderer:
    """A renderer of the mesh with the light and the scales that its index and `stretching` seed, and, if it is
    stretched, perhaps with a pattern."""
    rng = np.random.default_rng([index, stretching])
    light = Light.random(rng)
    pattern = Pattern.random(np.random.default_rng([index, stretching, 2])) if stretching else None
    return Renderer(load_stretched(entry, index, stretching), light, pattern)


def render_framed(meshes: Path, folder: Path, stretching: int = 0, chosen: slice = ALL) -> FramedViews:
    """Render the chosen meshes, skipping those that an earlier run has rendered. stretching: see `load_stretched`."""
    entries = list_meshes(meshes, "all")
    views = open_framed(folder, [name for name, _, _ in entries])
    for i in np.arange(len(entries))[chosen]:
        if views.done[i]:
            continue
        rng = np.random.default_rng([i, stretching, 3])
        renderer = make_renderer(entries[i], int(i), stretching)
        start = rng.uniform(0, 360)
        for k in range(VIEWPOINTS):
            azimuth = start + (k + rng.uniform(-0.5, 0.5)) * 360 / VIEWPOINTS
            elevation = rng.uniform(*ELEVATIONS)
            window = renderer.framing(orbit(azimuth, elevation))
            views.images[i, k] = on_white(renderer.render(orbit(azimuth, elevation), SIZE, window)[0])
            views.poses[i, k] = azimuth, elevation, apparent_distance(window)
            views.middles[i, k] = (window[0] + window[2]) / 2, (window[1] + window[3]) / 2
        views.done[i] = 1
    return views
