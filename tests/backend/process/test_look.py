# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of the input is what an engine gets of it."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from backend.engines import MeshResult, Request
from backend.interface.errors import ImageError
from backend.interface.parameters import ParameterError
from backend.interface.tasks import LRM
from backend.preprocess.background import remove_background
from backend.preprocess.framing import frame
from backend.preprocess.image import read_image
from backend.process.inputs import read_inputs
from backend.process.look import LARGEST, look
from backend.process.run import run
from backend.rendering.mesh import Mesh
from backend.runtime.images import to_bytes
from backend.runtime.progress import Progress


def photograph(width: int = 300, height: int = 200) -> bytes:
    """A red and a blue disk on grey."""
    picture = Image.new("RGB", (width, height), (200, 200, 200))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((0.1 * width, 0.3 * height, 0.35 * width, 0.7 * height), fill=(200, 20, 20))
    draw.ellipse((0.6 * width, 0.2 * height, 0.9 * width, 0.8 * height), fill=(20, 20, 200))
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def seen_by_an_engine(data: bytes, inputs: dict, parameters: dict) -> np.ndarray:
    """The image (H, W, 4) that a request hands the engine."""
    seen = []

    class Engine:
        @staticmethod
        def run(request, progress):
            seen.append(request.inputs["image"])
            return MeshResult(Mesh(np.eye(3), np.array([[0, 1, 2]])), np.zeros((1, 4, 4, 4), np.uint8), {})

    attached = {"image_file": data}
    given = read_inputs(LRM, inputs, attached, lambda name, data: None)
    run(Request("lrm", given, LRM.check(parameters)), Progress(), lambda name: Engine)
    return seen[0]


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("box", [(0, 0, 1, 1), (0.2, 0.1, 0.95, 0.9)])
def test_the_picture_is_what_an_engine_gets(number: int, box: tuple):
    """Also where the box cuts the red disk through."""
    data, inputs = photograph(), {"selection": {"box": list(box), "object": number}}
    facts, picture = look({"inputs": inputs, "framed": 128}, {"image_file": data})
    given = seen_by_an_engine(data, inputs, {"device": "cpu"})
    expected = frame(remove_background(given, "auto").image, 128)[0]
    np.testing.assert_array_equal(picture, to_bytes(expected))
    assert facts["objects"] == 2 and "color" in facts["note"]
    shown = picture[picture[..., 3] > 200].astype(int)
    is_red, is_blue = (shown[:, 0] > 150).any(), (shown[:, 2] > 150).any()
    assert (is_red, is_blue) == {0: (True, True), 1: (True, False), 2: (False, True)}[number]


def test_the_whole_picture_is_shown_without_a_cut_out():
    """Every n-th pixel of a large one."""
    facts, picture = look({"framed": 0, "remove_background": "never"}, {"image_file": photograph(1500, 900)})
    image = to_bytes(read_image(photograph(1500, 900)))
    np.testing.assert_array_equal(picture, image[::2, ::2])
    assert max(picture.shape) <= LARGEST and facts["objects"] == 0


def test_what_cannot_be_shown_is_refused_as_for_a_job():
    plain = io.BytesIO()
    Image.new("RGB", (64, 64), (90, 90, 90)).save(plain, "PNG")
    with pytest.raises(ImageError, match="No object"):
        look({"framed": 64}, {"image_file": plain.getvalue()})
    with pytest.raises(ImageError):
        look({"framed": 64}, {"image_file": b"no image"})
    with pytest.raises(ParameterError):
        look({"framed": 64, "remove_background": "perhaps"}, {"image_file": photograph()})
    with pytest.raises(ImageError, match="no image"):
        look({"framed": 64, "inputs": {"prompt": "a cat"}}, {})
