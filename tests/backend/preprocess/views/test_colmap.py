# SPDX-License-Identifier: GPL-3.0-or-later
"""COLMAP's files, written here by its documented layout."""

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.transform import Rotation

from backend.preprocess.views.folder import read_views
from backend.preprocess.views.poses import ViewsError
from tests.support.toy_views import look_at

POSES = [look_at(20, 10), look_at(110, 30)]
NAMES = ["a photo.png", "b.png"]
LENS = ("OPENCV", 4, 64, 48, (60.0, 58.0, 30.0, 25.0, 0.1, -0.02, 0.003, 0.004))


def world_to_camera(pose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quaternion (w, x, y, z) and translation with y down and z forward."""
    rotation = np.stack([pose[:3, 0], -pose[:3, 1], -pose[:3, 2]])
    return Rotation.from_matrix(rotation).as_quat()[[3, 0, 1, 2]], -rotation @ pose[:3, 3]


def write_text(model: Path) -> None:
    name, _, width, height, values = LENS
    (model / "cameras.txt").write_text(f"# comment\n7 {name} {width} {height} {' '.join(map(str, values))}\n")
    text = "# comment\n"
    for number, pose in enumerate(POSES):
        turn, move = world_to_camera(pose)
        text += f"{number} {' '.join(map(repr, map(float, [*turn, *move])))} 7 {NAMES[number]}\n"
        text += "\n" if number else "1.5 2.5 -1 3.5 4.5 9\n"
    (model / "images.txt").write_text(text)


def write_binary(model: Path) -> None:
    _, number, width, height, values = LENS
    (model / "cameras.bin").write_bytes(struct.pack("<QiiQQ8d", 1, 7, number, width, height, *values))
    data = struct.pack("<Q", 2)
    for index, pose in enumerate(POSES):
        turn, move = world_to_camera(pose)
        data += struct.pack("<i7di", index, *turn, *move, 7) + NAMES[index].encode() + b"\0"
        data += struct.pack("<Q", 1 - index) + (1 - index) * struct.pack("<2dq", 1.5, 2.5, -1)
    (model / "images.bin").write_bytes(data)


def folder_with(tmp_path: Path, write, place: str = "sparse/0") -> Path:
    (tmp_path / "images").mkdir()
    for index, name in enumerate(NAMES):
        Image.new("RGB", (64, 48), (index, 0, 0)).save(tmp_path / "images" / name)
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    write(tmp_path / place)
    return tmp_path


@pytest.mark.parametrize("write", [write_text, write_binary])
@pytest.mark.parametrize("place", ["sparse/0", "."])
def test_lenses_and_poses_of_a_model(write, place: str, tmp_path: Path):
    found = read_views(folder_with(tmp_path, write, place))
    assert len(found.images) == 2 and found.notes == []
    for camera, pose in zip(found.cameras, POSES, strict=True):
        np.testing.assert_allclose(camera.cam_to_world, pose, atol=1e-9)
        lens = camera.lens
        assert (lens.fl_x, lens.fl_y, lens.cx, lens.cy) == (60, 58, 30, 25)
        assert (lens.radial, lens.tangential) == ((0.1, -0.02), (0.003, 0.004))


@pytest.mark.parametrize(("write", "kind"), [(write_text, "txt"), (write_binary, "bin")])
def test_damaged_models_are_refused(write, kind: str, tmp_path: Path):
    folder = folder_with(tmp_path, write)
    for name in ("cameras", "images"):
        path = folder / "sparse" / "0" / f"{name}.{kind}"
        whole = path.read_bytes()
        for part in (b"", whole[: len(whole) // 2], b"\xff" * 90):
            path.write_bytes(part)
            with pytest.raises(ViewsError):
                read_views(folder)
        path.write_bytes(whole)
    assert len(read_views(folder).images) == 2


def test_models_of_other_lenses_are_refused_by_name(tmp_path: Path):
    folder = folder_with(tmp_path, write_text)
    (folder / "sparse" / "0" / "cameras.txt").write_text("7 THIN_PRISM_FISHEYE 64 48 60 58 30 25 0 0 0 0 0 0 0 0\n")
    with pytest.raises(ViewsError, match="THIN_PRISM_FISHEYE"):
        read_views(folder)
