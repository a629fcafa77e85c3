# SPDX-License-Identifier: GPL-3.0-or-later
"""Posed objects and their drawings, against closed forms."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backend.evaluation.objects import drawing, pose_object, view_camera
from backend.meshing.texture import bake
from backend.rendering.mesh import Mesh

CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32) * [0.4, 0.2, 0.1]
QUADS = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
FACES = np.array([t for a, b, c, d in QUADS for t in ((a, b, c), (a, c, d))], np.int32)


def test_a_posed_object_touches_the_sphere_in_the_axes_of_its_picture(tmp_path: Path):
    np.savez(tmp_path / "a.npz", vertices=CORNERS + 3, faces=FACES, face_colors=np.full((12, 3, 3), 90, np.uint8))
    posed = pose_object(("a", "", tmp_path / "a.npz"), 4)
    middle = (posed.truth.vertices.min(0) + posed.truth.vertices.max(0)) / 2
    np.testing.assert_allclose(middle, 0, atol=1e-6)
    assert np.linalg.norm(posed.truth.vertices, axis=1).max() == pytest.approx(0.5)
    assert posed.box.volume == pytest.approx(posed.truth.volume, rel=1e-4)  # the object is a box, which was turned
    rng = np.random.default_rng([4, 11])
    turn = np.radians(-rng.uniform(0, 360))
    edge = posed.truth.vertices[posed.truth.faces[4]]  # of the face with corners 0, 4, 5: from 0 to 4 runs its own x
    along = (edge[1] - edge[0]) / np.linalg.norm(edge[1] - edge[0])
    np.testing.assert_allclose(along, [np.cos(turn), np.sin(turn), 0], atol=1e-5)
    assert posed.elevation == rng.uniform(0, 35)
    picture = posed.picture(64)
    assert picture.shape == (64, 64, 4) and np.array_equal(picture, posed.draw(0, posed.elevation, 64))


def test_a_texture_draws_as_the_vertex_colours_that_it_was_baked_from():
    colors = np.full((8, 4), 255, np.uint8)
    colors[:, 0], colors[:, 2] = np.linspace(0, 255, 8), np.linspace(255, 100, 8)
    plain = Mesh(CORNERS, FACES, colors)
    textured = replace(bake(plain, 512), vertex_colors=np.zeros((8, 4), np.uint8))  # which must not be seen
    a, b = (drawing(mesh)(30, 20, 128) for mesh in (plain, textured))
    solid = (a[..., 3] == 1) & (b[..., 3] == 1)
    assert solid.sum() > 1000 and np.abs(a[..., 3] - b[..., 3]).mean() < 0.002
    assert np.abs(a - b)[solid].mean() < 0.01


def test_the_camera_of_a_view_is_the_ray_casters():
    """A box's left and right edge, seen from the front, lie where the camera's formula puts them."""
    camera = view_camera(0, 0, 200)
    image = drawing(Mesh(CORNERS, FACES))(0, 0, 200)
    columns = np.flatnonzero((image[..., 3] > 0.5).any(0))
    near = camera.focal * 0.4 / (1.2 - 0.2)  # half width in pixels of the front face
    assert columns[0] == pytest.approx(100 - near, abs=1) and columns[-1] + 1 == pytest.approx(100 + near, abs=1)
