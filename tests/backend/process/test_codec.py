# SPDX-License-Identifier: GPL-3.0-or-later
"""Results as bytes, and that a finished one is packed once for the folder and the message."""

import io
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from backend.engines import ImageResult, MeshResult
from backend.interface import protocol
from backend.meshing import textured_files
from backend.meshing.solid.origin import Origin
from backend.preprocess.image import read_image
from backend.process.codec import pack_result, pack_thumbnail, plain
from backend.process.server import Server, check_request
from backend.rendering.mesh import Mesh
from tests.support.backend_client import PICTURE, arrays
from tests.support.double_engine import FACES, VERTICES

VIEWS = np.arange(2 * 4 * 4 * 4, dtype=np.uint8).reshape(2, 4, 4, 4)


def textured() -> Mesh:
    """A tetrahedron with a texture of four colours."""
    colors, uv = np.full((4, 4), 255, np.uint8), np.zeros((4, 3, 2), np.float32)
    return Mesh(VERTICES, FACES, colors, uv=uv, texture=np.arange(16, dtype=np.uint8).reshape(2, 2, 4) | 1)


def test_a_finished_mesh_is_encoded_once_and_kept_as_it_is_sent(monkeypatch, tmp_path: Path):
    encoded, encode = [], textured_files.encode_texture
    monkeypatch.setattr(textured_files, "encode_texture", lambda texture: encoded.append(0) or encode(texture))
    engine = SimpleNamespace(run=lambda request, progress: MeshResult(textured(), VIEWS, {}))
    sink = io.BytesIO()
    server = Server(io.BytesIO(), sink, tmp_path, lambda name: engine)
    message = {"job": "a", "engine": "lrm"}
    assert server._run(check_request(message, {"image_file": PICTURE})) is None
    assert len(encoded) == 1
    sink.seek(0)
    while (frame := protocol.read_frame(sink)) and frame[0]["type"] != "result":
        pass
    assert frame is not None and frame[1]["mesh"] == (tmp_path / "a" / "result.npz").read_bytes()
    assert set(arrays(frame[1]["mesh"])) == {"vertices", "faces", "vertex_colors", "uv", "texture"}


def test_images_are_numbered_from_the_second_on():
    views = np.full((3, 16, 16, 4), 255, np.uint8)
    views[:, :, :, 0] = np.array([10, 20, 30])[:, None, None]
    packed = pack_result(ImageResult(views))
    assert list(packed) == ["image_file", "image_file_001", "image_file_002"]
    for view, data in zip(views, packed.values(), strict=True):
        np.testing.assert_array_equal(np.rint(read_image(data) * 255), view)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (math.inf, None),
        (np.float64("nan"), None),
        ({1: (np.bool_(True), "a")}, {"1": [True, "a"]}),
        (Path("a"), "a"),
    ],
)
def test_facts_become_what_json_can_hold(value, expected):
    found = plain(value)
    assert found == expected and type(found) is type(expected)


def test_a_thumbnail_is_every_nth_pixel_of_the_first_view():
    views = np.zeros((2, 130, 90, 4), np.uint8)
    views[0, ..., 0], views[0, ..., 3] = np.arange(130)[:, None], 255
    with Image.open(io.BytesIO(pack_thumbnail(views))) as picture:
        shown = np.asarray(picture)
    assert shown.shape == (44, 30, 4) and (shown[:, 0, 0] == np.arange(0, 130, 3)).all()


def test_where_the_faces_lie_on_the_mesh_before_is_sent_along():
    origin = Origin(np.arange(4, dtype=np.int32), np.tile(np.eye(3, dtype=np.float32), (4, 1, 1)))
    packed = pack_result(MeshResult(textured(), VIEWS, origin=origin))["mesh"]
    assert arrays(packed)["origin_face"].tolist() == [0, 1, 2, 3]
    assert arrays(packed)["origin_weights"].shape == (4, 3, 3)
    assert "origin_face" not in arrays(pack_result(MeshResult(textured(), VIEWS))["mesh"])
