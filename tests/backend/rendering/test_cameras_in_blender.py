# SPDX-License-Identifier: GPL-3.0-or-later
"""Our projection against Blender's: silhouettes of three objects, rendered from cameras that Blender placed."""

import json
import os
import subprocess

import numpy as np
import pytest
import torch

from backend.rendering.cameras import Camera, orbit, project
from tests.support import ROOT

VIEWS = [  # azimuth, elevation, radius, field of view, width, height
    (0, 0, 1.2, 49.1, 512, 512),
    (90, 0, 1.6, 40.0, 512, 512),
    (30, 20, 1.5, 40.0, 512, 512),
    (125, -35, 2.5, 25.0, 512, 384),
    (250, 60, 1.2, 60.0, 384, 512),
    (-10, 85, 4.0, 15.0, 512, 512),
]
NAMES = ("azimuth_deg", "elevation_deg", "radius", "fov_deg", "width", "height")


@pytest.fixture(scope="module")
def renders(tmp_path_factory):
    """Silhouettes that blender_silhouettes.py renders, with the first Python named in IMAGE_TO_MESH_BPY_PYTHONS."""
    pythons = [p for p in os.environ.get("IMAGE_TO_MESH_BPY_PYTHONS", "").split(os.pathsep) if p]
    if not pythons:
        pytest.skip("IMAGE_TO_MESH_BPY_PYTHONS names no Python with bpy")
    folder = tmp_path_factory.mktemp("silhouettes")
    (folder / "views.json").write_text(json.dumps([dict(zip(NAMES, view, strict=True)) for view in VIEWS]))
    script = ROOT / "tests" / "support" / "blender_silhouettes.py"
    command = [pythons[0], str(script), str(folder / "views.json"), str(folder / "renders.npz")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert (folder / "renders.npz").is_file(), done.stdout[-2000:] + done.stderr[-2000:]
    with np.load(folder / "renders.npz") as data:
        return dict(data)


def silhouette(vertices: np.ndarray, faces: np.ndarray, camera: Camera) -> np.ndarray:
    """Pixels whose centre lies in a projected triangle, (H, W) bool."""
    pixels, depth = project(camera, torch.from_numpy(vertices))
    assert (depth > 0).all()
    picture = np.zeros((camera.height, camera.width), bool)
    for a, b, c in pixels.numpy().astype(np.float64)[faces]:
        corners = np.stack([a, b, c])
        x0, y0 = np.maximum(np.floor(corners.min(0)).astype(int), 0)
        x1, y1 = np.ceil(corners.max(0)).astype(int)
        x, y = np.meshgrid(np.arange(x0, min(x1, camera.width)) + 0.5, np.arange(y0, min(y1, camera.height)) + 0.5)
        side = [(q[0] - p[0]) * (y - p[1]) - (q[1] - p[1]) * (x - p[0]) for p, q in ((a, b), (b, c), (c, a))]
        picture[y0 : y0 + x.shape[0], x0 : x0 + x.shape[1]] |= (np.min(side, 0) >= 0) | (np.max(side, 0) <= 0)
    return picture


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return (a & b).sum() / (a | b).sum()


@pytest.mark.parametrize("name", ["suzanne", "cone", "l"])
@pytest.mark.parametrize("index", range(len(VIEWS)))
def test_silhouettes_equal_blenders(renders, name, index):
    azimuth, elevation, radius, fov, width, height = VIEWS[index]
    camera = Camera(orbit(azimuth, elevation, radius), fov, width, height)
    ours = silhouette(renders[f"{name}_vertices"], renders[f"{name}_faces"], camera)
    theirs = renders[f"{name}_alpha_{index}"]
    assert theirs.mean() > 0.02 and not theirs.all()
    iou = overlap(ours, theirs)
    print(f"{name} view {index}: IoU {iou:.5f}")
    assert iou >= 0.99
    shifts = [overlap(np.roll(ours, s, axis), theirs) for s in (-1, 1) for axis in (0, 1)]
    assert iou > max(shifts)  # not even one pixel aside
    if name == "l":
        assert overlap(ours[:, ::-1], theirs) < 0.9  # a mirror image would be noticed
