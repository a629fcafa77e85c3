# SPDX-License-Identifier: GPL-3.0-or-later
import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from backend.interface.errors import ImageError
from backend.preprocess.views import ViewsError, read_views
from backend.rendering.cameras import orbit

WIDTH, HEIGHT = 40, 20


def frame(name: str, azimuth: float, matrix=None) -> dict:
    return {"file_path": name, "transform_matrix": orbit(azimuth, 30.0, 1.5).tolist() if matrix is None else matrix}


def write(folder: Path, content, name: str = "transforms.json") -> Path:
    for index, shade in enumerate((50, 200)):
        Image.new("RGBA", (WIDTH, HEIGHT), (shade, 0, 0, 255)).save(folder / f"r_{index}.png")
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def good() -> dict:
    return {"camera_angle_x": math.pi / 2, "frames": [frame("./r_0", 0), frame("r_1.png", 90)]}


def test_reads_images_and_cameras(tmp_path: Path):
    images, cameras = read_views(write(tmp_path, good()), scale=0.5)
    assert images.shape == (2, HEIGHT, WIDTH, 4)
    np.testing.assert_allclose(images[:, 0, 0, 0], [50 / 255, 200 / 255])
    # 90 degrees across 40 pixels is a focal length of 20 pixels, and that is 2 atan(10 / 20) from top to bottom.
    assert cameras[0].fov_deg == pytest.approx(math.degrees(2 * math.atan(0.5)))
    assert cameras[0].focal == pytest.approx(20)
    np.testing.assert_allclose(cameras[1].position, [0.75 * math.cos(math.pi / 6), 0, 0.375], atol=1e-6)


def test_a_dataset_file_name_is_accepted(tmp_path: Path):
    images, _ = read_views(write(tmp_path, good(), "transforms_train.json"))
    assert len(images) == 2


SKEWED = [[1, 0.5, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1]]
MIRRORED = [[-1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1]]
HOSTILE = {
    "no json": "This is a text.",
    "a list": [],
    "deep": "[" * 100000,
    "no angle": {"frames": good()["frames"]},
    "angle": good() | {"camera_angle_x": "0.7"},
    "wide angle": good() | {"camera_angle_x": 3.2},
    "negative angle": good() | {"camera_angle_x": -0.1},
    "no number": '{"camera_angle_x": NaN, "frames": []}',
    "no frames": good() | {"frames": []},
    "too many": good() | {"frames": [frame("r_0", 0)] * 513},
    "frames are texts": good() | {"frames": ["r_0"]},
    "no name": good() | {"frames": [{"transform_matrix": SKEWED}]},
    "outside": good() | {"frames": [frame("../../etc/passwd", 0)]},
    "absolute": good() | {"frames": [frame("/etc/passwd", 0)]},
    "short matrix": good() | {"frames": [frame("r_0", 0, [[1, 0], [0, 1]])]},
    "ragged matrix": good() | {"frames": [frame("r_0", 0, [[1], [1, 2]])]},
    "words": good() | {"frames": [frame("r_0", 0, [["a"] * 4] * 4)]},
    "skewed": good() | {"frames": [frame("r_0", 0, SKEWED)]},
    "mirrored": good() | {"frames": [frame("r_0", 0, MIRRORED)]},
    "infinite": json.dumps(good() | {"frames": [frame("r_0", 0, [[1e999, 0, 0, 0]] * 4)]}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_with_a_remedy(name: str, tmp_path: Path):
    with pytest.raises(ViewsError) as caught:
        read_views(write(tmp_path, HOSTILE[name]))
    assert "NeRF-synthetic" in caught.value.remedy


def test_missing_folder_image_and_other_sizes(tmp_path: Path):
    with pytest.raises(ViewsError, match="no transforms"):
        read_views(tmp_path / "nowhere")
    write(tmp_path, good() | {"frames": [frame("r_7", 0)]})
    with pytest.raises(ImageError, match="r_7"):
        read_views(tmp_path)
    write(tmp_path, good())
    Image.new("RGB", (30, 30)).save(tmp_path / "r_1.png")
    with pytest.raises(ViewsError, match="another size"):
        read_views(tmp_path)
