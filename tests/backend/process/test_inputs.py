# SPDX-License-Identifier: GPL-3.0-or-later
import io

import numpy as np
import pytest
from PIL import Image

from backend.interface.common_parameters import check_prompt
from backend.interface.errors import ImageError
from backend.interface.parameters import ParameterError
from backend.interface.tasks import DREAMFUSION, LRM, TEXT_TO_IMAGE, VIEWS_TO_MESH
from backend.process.inputs import read_inputs


def keep(name: str, data: bytes) -> None:
    raise AssertionError("nothing was sent")


def test_a_prompt_is_read_from_the_request():
    assert read_inputs(DREAMFUSION, {"prompt": "  a cat "}, {}, keep) == {"prompt": "a cat"}


@pytest.mark.parametrize("named", [None, {}, [], {"prompt": 3}, {"prompt": None}, {"prompt": ""}, {"prompt": "  "}])
def test_a_request_without_a_prompt_is_refused(named):
    with pytest.raises(ParameterError, match="no prompt"):
        read_inputs(DREAMFUSION, named, {}, keep)


@pytest.mark.parametrize("prompt", ["x" * 5000, "a\0b"])
def test_a_prompt_is_a_text_of_limited_length(prompt: str):
    with pytest.raises(ParameterError, match=r"Prompt .* at most 4096 characters"):
        check_prompt(prompt)


def test_an_engine_that_takes_an_image_gets_a_prompt_and_how_to_draw_it():
    given = read_inputs(LRM, {"prompt": "a cat", "picture": {"steps": 3}}, {}, keep)
    assert given == {"prompt": "a cat", "picture": TEXT_TO_IMAGE.check({"steps": 3})}


@pytest.mark.parametrize("named", [None, {}, {"image": "attachment"}, {"image": 3}])
def test_a_request_without_an_image_or_a_prompt_is_refused(named):
    with pytest.raises(ImageError, match="No image"):
        read_inputs(LRM, named, {}, keep)


def photograph(**options) -> bytes:
    """A JPEG of 40 x 24 pixels that EXIF turns."""
    stream, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 24), (200, 90, 60)).save(stream, "JPEG", exif=exif, **options)
    return stream.getvalue()


def test_a_photograph_is_turned_unless_its_camera_is_given():
    upright = read_inputs(LRM, {}, {"image_file": photograph()}, lambda name, data: None)
    assert upright["image"].shape[:2] == (40, 24) and upright["warnings"] == []
    poses = np.eye(4)[None].repeat(3, 0)
    poses[:, :3, :3] = [np.roll(np.eye(3), k, 0) for k in range(3)]
    poses[:, :3, 3] = 2 * poses[:, :3, 2]
    files = {f"view_{number:03}": photograph() for number in range(3)}
    cameras = [{"cam_to_world": pose.tolist(), "fov_deg": 40.0} for pose in poses]
    views = read_inputs(VIEWS_TO_MESH, {"cameras": cameras}, files, lambda name, data: None)["views"]
    assert [view.shape[:2] for view in views] == [(24, 40)] * 3


def test_what_is_ignored_of_an_image_is_told_with_it():
    given = read_inputs(LRM, {}, {"image_file": photograph(icc_profile=b"nonsense")}, lambda name, data: None)
    assert len(given["warnings"]) == 1 and "profile" in given["warnings"][0]
