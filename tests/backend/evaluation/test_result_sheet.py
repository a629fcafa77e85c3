# SPDX-License-Identifier: GPL-3.0-or-later
"""The sheet of results: textured files come back as they were, and cells show what they should."""

from pathlib import Path

import numpy as np
import pytest

from backend.evaluation.objects import drawing
from backend.evaluation.result_sheet import AZIMUTHS, CELL, HEADER, draw_row, draw_sheet, load_textured
from backend.meshing.files import MeshFileError, save
from backend.meshing.texture import bake
from backend.rendering.mesh import Mesh

CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32) * [0.4, 0.2, 0.1]
QUADS = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
FACES = np.array([t for a, b, c, d in QUADS for t in ((a, b, c), (a, c, d))], np.int32)


def box() -> Mesh:
    """Red in front (-Y), blue behind."""
    colors = np.full((8, 4), [255, 0, 0, 255], np.uint8)
    colors[CORNERS[:, 1] > 0] = [0, 0, 255, 255]
    return Mesh(CORNERS, FACES, colors)


@pytest.mark.parametrize("side", [0, 256])
def test_a_file_shows_what_its_mesh_shows(tmp_path: Path, side: int):
    mesh = bake(box(), side) if side else box()
    save(mesh, tmp_path / "mesh.glb")
    found = load_textured(tmp_path / "mesh.glb")
    assert (found.texture is None) == (side == 0)
    for azimuth in (20, 200):
        a, b = (drawing(one)(azimuth, 15, 64) for one in (mesh, found))
        assert np.abs(a - b).mean() < 0.003


def test_a_broken_file_ends_in_a_sentence(tmp_path: Path):
    (tmp_path / "mesh.glb").write_bytes(b"nothing")
    with pytest.raises(MeshFileError, match="cannot be read"):
        load_textured(tmp_path / "mesh.glb")


def test_a_row_has_the_picture_and_five_sides_of_each_mesh():
    picture = np.zeros((20, 30, 4), np.float32)
    picture[5:15, 5:25] = [0, 1, 0, 1]
    row = draw_row(picture, [box(), None])
    assert row.shape == (CELL, 11 * CELL, 3)
    middles = row[CELL // 2, CELL // 2 :: CELL]
    np.testing.assert_allclose(middles[0], [0, 1, 0], atol=0.01)
    front, back = middles[1 + AZIMUTHS.index(0)], middles[1 + AZIMUTHS.index(180)]
    np.testing.assert_allclose([front, back], [[1, 0, 0], [0, 0, 1]], atol=0.01)
    assert (row[:, 6 * CELL :] == 1).all()


def test_a_sheet_has_a_header_and_a_row_for_each_picture():
    picture = np.ones((9, 9, 4), np.float32)
    sheet = draw_sheet([picture, picture], {"before": [None, box()], "after": [box(), None]})
    assert sheet.shape == (HEADER + 2 * CELL, 11 * CELL, 3)
    upper, lower = sheet[HEADER : HEADER + CELL], sheet[HEADER + CELL :]
    np.testing.assert_array_equal(upper[:, 6 * CELL :], lower[:, CELL : 6 * CELL])
    assert (sheet[:HEADER] < 0.5).any()
