# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh type, on boxes whose every number is known."""

import numpy as np
import pytest

from backend.rendering.mesh import Mesh
from tests.support.boxes import BOX, CORNERS, box


def test_a_box_is_closed_and_has_its_volume_and_area():
    mesh = box(2.0, at=(5, 6, 7))
    assert mesh.is_closed
    assert mesh.volume == pytest.approx(8)
    assert mesh.face_areas.sum() == pytest.approx(24)
    assert box(flip=True).volume == pytest.approx(-1)
    assert not Mesh(CORNERS, BOX[:-1]).is_closed
    assert not Mesh(CORNERS, np.concatenate([BOX[:-1], BOX[-1:, ::-1]])).is_closed  # one face turned round


def test_a_mesh_converts_its_arrays_and_is_white_by_default():
    mesh = Mesh(CORNERS.astype(np.float64), BOX.astype(np.uint64))
    assert mesh.vertices.dtype == np.float32 and mesh.faces.dtype == np.int32
    assert mesh.vertex_colors.dtype == np.uint8 and (mesh.vertex_colors == 255).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vertices": CORNERS * np.nan}, "not numbers"),
        ({"faces": BOX + 1}, "name 1 to 8"),
        ({"faces": BOX - 1}, "name -1 to 6"),
        ({"vertex_colors": np.ones((8, 4))}, "uint8"),
        ({"vertex_colors": np.ones((8, 3), np.uint8)}, "uint8"),
        ({"uv": np.ones((7, 2))}, "UV"),
    ],
)
def test_broken_meshes_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Mesh(**({"vertices": CORNERS, "faces": BOX} | change))


def test_an_empty_mesh_has_no_volume_and_is_not_closed():
    mesh = Mesh(np.zeros((0, 3)), np.zeros((0, 3)))
    assert mesh.volume == 0 and not mesh.is_closed
