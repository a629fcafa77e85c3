# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests whose checkpoints serve each other, and those whose do not."""

from dataclasses import replace

import numpy as np
import pytest

from backend.engines import Request
from backend.interface.tasks import VIEWS_TO_MESH, ZERO123_SDS
from backend.process.identity import identify
from backend.rendering.cameras import Camera, orbit
from backend.rendering.mesh import Mesh
from tests.support.toy_views import given

IMAGE = np.linspace(0, 1, 4 * 4 * 4, dtype=np.float32).reshape(4, 4, 4)
TRIANGLE = Mesh(np.eye(3), np.array([[0, 1, 2]]))


def request(seed=0, inputs=None, **values) -> Request:
    return Request("zero123_sds", {"image": IMAGE} | (inputs or {}), ZERO123_SDS.check(values), seed)


@pytest.mark.parametrize(
    "other",
    [
        request(mesh_resolution=300, max_faces=5, texture="512", device="cpu", minutes=9.0),
        request(inputs={"image": np.rint(IMAGE * 255).astype(np.float32) / 255}),
    ],
    ids=["what comes after the optimisation", "the image, kept with 8 bits"],
)
def test_requests_that_differ_in_length_or_device_share_checkpoints(other):
    assert identify(request()) == identify(other)


@pytest.mark.parametrize(
    "other",
    [
        request(seed=1),
        request(steps=7),
        request(weights="zero123-xl"),
        request(guidance_scale=2.0),
        request(inputs={"image": 1 - IMAGE}),
        request(inputs={"image": IMAGE[:2]}),
        request(inputs={"mesh": TRIANGLE}),
        replace(request(), task="one2345"),
    ],
    ids=["seed", "steps", "weights", "guidance", "image", "size", "mesh", "task"],
)
def test_requests_that_differ_in_their_result_share_no_checkpoint(other):
    assert identify(request()) != identify(other)


def test_prompts_meshes_and_cameras_are_part_of_the_identity():
    def of(**inputs) -> str:
        return identify(Request("views_to_mesh", inputs, VIEWS_TO_MESH.check({}), 0))

    camera, other = (given(Camera(orbit(azimuth, 10, 2), 40, 8, 8)) for azimuth in (0, 1))
    zoomed = replace(camera, lens=replace(camera.lens, fl_x=9.0))
    moved = Mesh(TRIANGLE.vertices + 1, TRIANGLE.faces)
    pairs = (
        ({"prompt": "a cat"}, {"prompt": "a dog"}),
        ({"mesh": TRIANGLE}, {"mesh": moved}),
        ({"cameras": [camera]}, {"cameras": [other]}),
        ({"cameras": [camera]}, {"cameras": [zoomed]}),
        ({"cameras": [camera]}, {"cameras": [camera, camera]}),
        ({"views": [IMAGE, IMAGE]}, {"views": [IMAGE]}),
    )
    for one, other in pairs:
        assert of(**one) == of(**one) != of(**other)
