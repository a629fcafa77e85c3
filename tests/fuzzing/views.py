# SPDX-License-Identifier: GPL-3.0-or-later
"""transforms.json, with images beside it."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from backend.interface.errors import ImageError
from backend.interface.parameters import ParameterError
from backend.preprocess.views.folder import read_views
from backend.preprocess.views.poses import ViewsError
from tests.fuzzing.format import Files, Format
from tests.fuzzing.mutations import PATHS, dump, mutate_json

SIDE = 16  # pixels
COUNT = 3


def transforms() -> dict:
    """Three cameras on a line, in the form of instant-ngp."""
    poses = [np.eye(4) for _ in range(COUNT)]
    for index, pose in enumerate(poses):
        pose[:3, 3] = (0.1 * index, 0, 2)
    frames = [{"file_path": f"{i}.png", "transform_matrix": pose.tolist()} for i, pose in enumerate(poses)]
    lens = {"fl_x": 20.0, "fl_y": 20.0, "cx": SIDE / 2, "cy": SIDE / 2, "w": SIDE, "h": SIDE}
    return {"camera_angle_x": 0.7, **lens, "k1": 0.0, "p1": 0.0, "aabb_scale": 4, "frames": frames}


def prepare(folder: Path) -> None:
    for index in range(COUNT):
        Image.new("RGBA", (SIDE, SIDE), (10, 200, 30 * index, 255)).save(folder / f"{index}.png")
    (folder.parent / "outside.png").write_bytes((folder / "0.png").read_bytes())


def make(rng: Random) -> Files:
    tree = transforms()
    if rng.random() < 0.2:
        rng.choice(tree["frames"])["file_path"] = rng.choice((*PATHS, str(Path("a") / ".." / ".." / "outside")))
        return {"transforms.json": json.dumps(tree).encode()}
    if rng.random() < 0.3:
        for name in ("fl_x", "fl_y", "cx", "cy", "w", "h"):
            del tree[name]
    return {"transforms.json": dump(rng, mutate_json(rng, tree))}


def read(folder: Path) -> None:
    views = read_views(folder)
    assert len(views.images) == len(views.cameras) > 0
    for image, camera in zip(views.images, views.cameras, strict=True):
        lens = camera.lens
        assert image.dtype == np.float32 and image.shape == (lens.height, lens.width, 4) and np.isfinite(image).all()
        assert camera.cam_to_world.shape == (4, 4) and np.isfinite(camera.cam_to_world.astype(np.float32)).all()
        numbers = np.float32([lens.fl_x, lens.fl_y, lens.cx, lens.cy, *lens.radial, *lens.tangential])
        assert np.isfinite(numbers).all() and min(lens.fl_x, lens.fl_y) > 0


VIEWS = (Format("transforms", make, read, (ViewsError, ImageError, ParameterError), prepare),)
