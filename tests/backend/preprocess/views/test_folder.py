# SPDX-License-Identifier: GPL-3.0-or-later
import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from backend.interface.errors import ImageError
from backend.preprocess.views import folder
from backend.preprocess.views.folder import SAME_CAMERA, SAME_IMAGE, read_attached, read_views
from backend.preprocess.views.poses import ViewsError
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
    found = read_views(write(tmp_path, good()), scale=0.5)
    assert [image.shape for image in found.images] == [(HEIGHT, WIDTH, 4)] * 2 and found.notes == []
    np.testing.assert_allclose([image[0, 0, 0] for image in found.images], [50 / 255, 200 / 255])
    # 90 degrees across 40 pixels is a focal length of 20 pixels.
    lens = found.cameras[0].lens
    assert (lens.fl_x, lens.fl_y, lens.cx, lens.cy) == pytest.approx((20, 20, 20, 10))
    np.testing.assert_allclose(found.cameras[1].position, [0.75 * math.cos(math.pi / 6), 0, 0.375], atol=1e-6)


def test_a_dataset_file_name_and_the_file_itself_are_accepted(tmp_path: Path):
    write(tmp_path, good(), "transforms_train.json")
    assert len(read_views(tmp_path).images) == len(read_views(tmp_path / "transforms_train.json").images) == 2


def test_images_may_have_sizes_and_lenses_of_their_own(tmp_path: Path):
    content = good()
    content["frames"][1] |= {"fl_x": 30, "fl_y": 31, "cx": 14, "cy": 16}
    write(tmp_path, content)
    Image.new("RGB", (30, 32)).save(tmp_path / "r_1.png")
    found = read_views(tmp_path)
    lens = found.cameras[1].lens
    assert found.images[1].shape == (32, 30, 4) and (lens.width, lens.height) == (30, 32)
    assert (lens.fl_x, lens.fl_y, lens.cx, lens.cy) == (30, 31, 14, 16)


def test_a_scaled_copy_has_a_scaled_lens(tmp_path: Path):
    content = {"fl_x": 80, "fl_y": 84, "cx": 70, "cy": 44, "w": 160, "h": 80, "frames": good()["frames"]}
    lens = read_views(write(tmp_path, content)).cameras[0].lens
    assert (lens.fl_x, lens.fl_y, lens.cx, lens.cy) == (20, 21, 17.5, 11)


def test_many_large_images_are_averaged_down(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(folder, "MAX_TOTAL_PIXELS", WIDTH * HEIGHT // 2)  # a quarter for each of two
    found = read_views(write(tmp_path, good()))
    assert found.images[0].shape == (HEIGHT // 2, WIDTH // 2, 4)
    assert found.cameras[0].lens.fl_x == pytest.approx(10) and found.cameras[0].lens.cx == 10


def test_a_photograph_beyond_the_working_size_keeps_its_lens(tmp_path: Path):
    content = good() | {"fl_x": 3000, "cx": 2000, "cy": 100, "w": 4100, "h": 300}
    write(tmp_path, content)
    for index in range(2):
        Image.new("RGB", (4100, 300), (index, 0, 0)).save(tmp_path / f"r_{index}.png")
    lens = read_views(tmp_path).cameras[0].lens
    assert (lens.fl_x, lens.cx, lens.cy) == (1000, pytest.approx(2000 / 3), pytest.approx(100 / 3))


def test_masks_are_taken_as_transparency(tmp_path: Path):
    content = good()
    content["frames"][0]["mask_path"] = "masks/m.png"
    write(tmp_path, content)
    (tmp_path / "masks").mkdir()
    mask = np.zeros((2 * HEIGHT, 2 * WIDTH), np.uint8)
    mask[:, WIDTH:] = 255
    Image.fromarray(mask).save(tmp_path / "masks" / "m.png")
    found = read_views(tmp_path)
    alpha = found.images[0][..., 3]
    assert not alpha[:, : WIDTH // 2].any() and (alpha[:, WIDTH // 2 :] == 1).all() and found.images[1][..., 3].all()


@pytest.mark.parametrize("name", ["r_0", "./r_0.png", "images/r_0", "images\\r_0.png", ".\\images\\r_0", "up/../r_0"])
def test_names_of_images(name: str, tmp_path: Path):
    content = good()
    content["frames"][0]["file_path"] = name
    write(tmp_path, content)
    (tmp_path / "images").mkdir()
    Image.open(tmp_path / "r_0.png").save(tmp_path / "images" / "r_0.png")
    if ".." in name:
        with pytest.raises(ViewsError, match="outside"):
            read_views(tmp_path)
    else:
        assert read_views(tmp_path).images[0][0, 0, 0] == pytest.approx(50 / 255)


def test_an_absolute_name_may_lie_in_the_folder(tmp_path: Path):
    content = good()
    content["frames"][0]["file_path"] = str(tmp_path / "r_0.png")
    assert len(read_views(write(tmp_path, content)).images) == 2


def test_a_link_does_not_lead_out_of_the_folder(tmp_path: Path):
    inside = tmp_path / "views"
    inside.mkdir()
    Image.new("RGB", (20, 20)).save(tmp_path / "secret.png")
    write(inside, good() | {"frames": [frame("link.png", 0), frame("r_1", 90)]})
    (inside / "link.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(ViewsError, match="outside"):
        read_views(inside)


def test_repeated_views_are_said(tmp_path: Path):
    frames = [frame("r_0", 0), frame("r_0", 90), frame("r_1", 90)]
    assert read_views(write(tmp_path, good() | {"frames": frames})).notes == [SAME_IMAGE, SAME_CAMERA]


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
    "one view": good() | {"frames": [frame("r_0", 0)]},
    "one view eight times": good() | {"frames": [frame("r_0", 0)] * 8},
    "no name": good() | {"frames": [{"transform_matrix": orbit(a, 0, 1).tolist()} for a in (0, 9)]},
    "outside": good() | {"frames": [frame("../../etc/passwd", 0), frame("r_0", 9)]},
    "absolute": good() | {"frames": [frame("/etc/passwd", 0), frame("r_0", 9)]},
    "drive": good() | {"frames": [frame("C:\\r_0.png", 0), frame("r_0", 9)]},
    "network": good() | {"frames": [frame("\\\\server\\share\\r_0.png", 0), frame("r_0", 9)]},
    "mask outside": good() | {"frames": [frame("r_0", 0) | {"mask_path": "../m.png"}, frame("r_0", 9)]},
    "short matrix": good() | {"frames": [frame("r_0", 0, [[1, 0], [0, 1]])]},
    "ragged matrix": good() | {"frames": [frame("r_0", 0, [[1], [1, 2]])]},
    "words": good() | {"frames": [frame("r_0", 0, [["a"] * 4] * 4)]},
    "skewed": good() | {"frames": [frame("r_0", 0, SKEWED)]},
    "mirrored": good() | {"frames": [frame("r_0", 0, MIRRORED)]},
    "infinite": json.dumps(good() | {"frames": [frame("r_0", 0, [[1e999, 0, 0, 0]] * 4)]}),
    "other proportions": good() | {"w": 40, "h": 40},
    "a panorama": good() | {"camera_model": "EQUIRECTANGULAR"},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_with_a_remedy(name: str, tmp_path: Path):
    with pytest.raises(ViewsError) as caught:
        read_views(write(tmp_path, HOSTILE[name]))
    assert caught.value.remedy and len(str(caught.value)) < 200


def test_missing_folder_and_image(tmp_path: Path):
    with pytest.raises(ViewsError, match="no transforms"):
        read_views(tmp_path / "nowhere")
    write(tmp_path, good() | {"frames": [frame("r_7", 0), frame("r_0", 9)]})
    with pytest.raises(ImageError, match="r_7"):
        read_views(tmp_path)


def test_an_image_that_cannot_be_used_is_named_by_its_frame(tmp_path: Path):
    write(tmp_path, good())
    Image.new("RGBA", (WIDTH, HEIGHT)).save(tmp_path / "r_1.png")
    with pytest.raises(ImageError, match=r"^Frame 1: .*transparent"):
        read_views(tmp_path)


def test_views_from_blender_may_have_one_place_only_by_mistake(tmp_path: Path):
    data = (write(tmp_path, good()) / "r_0.png").read_bytes()
    camera = {"cam_to_world": orbit(0, 0, 1).tolist(), "fov_deg": 40.0}
    with pytest.raises(ViewsError, match="same place"):
        read_attached([data, data], [camera, camera])
