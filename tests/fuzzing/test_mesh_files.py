# SPDX-License-Identifier: GPL-3.0-or-later
"""A mesh file's materials and textures come from its folder alone, and its faces name vertices that are there."""

from pathlib import Path

import pytest

from backend.meshing.files import MeshFileError, load
from tests.fuzzing.walls import Walls

WALLS = Walls()
RED, OBJ = "newmtl red\nKd 1 0 0\n", "mtllib {name}\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl red\nf 1 2 3\n"
ELSEWHERE = ("\\\\host\\evil\\b.mtl", "//host/evil/b.mtl", "file://host/evil/b.mtl", "smb://host/evil/b.mtl")


def color_with(folder: Path, name: str) -> list[int]:
    """The colour of a mesh whose red material lies in the file of that name."""
    (folder / "a.obj").write_text(OBJ.format(name=name))
    return load(folder / "a.obj").vertex_colors[0].tolist()


def test_a_material_in_the_folder_is_read(tmp_path):
    (tmp_path / "b.mtl").write_text(RED)
    assert color_with(tmp_path, "b.mtl")[:3] == [255, 0, 0]


@pytest.mark.parametrize("name", ["../b.mtl", "{parent}/b.mtl"])
def test_a_material_outside_is_not(name, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (tmp_path / "b.mtl").write_text(RED)
    assert color_with(folder, name.format(parent=tmp_path))[:3] != [255, 0, 0]


@pytest.mark.parametrize("name", ELSEWHERE)
def test_no_other_computer_is_asked(name, tmp_path, monkeypatch):
    asked, resolve = [], Path.resolve
    monkeypatch.setattr(Path, "resolve", lambda path, *more: (asked.append(str(path)), resolve(path, *more))[1])
    color_with(tmp_path, name)
    assert [path for path in asked if "evil" in path] == []


@pytest.mark.parametrize("corner", ["4294967295", "300000000", "-300000000", "4", "0", "99999999999999999999"])
def test_a_corner_that_is_not_there_is_refused_before_tables_are_made(corner, tmp_path):
    (tmp_path / "a.obj").write_text(f"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 {corner}\n")
    with WALLS.around(tmp_path, 1 << 26), pytest.raises(MeshFileError):
        load(tmp_path / "a.obj")
    assert WALLS.broken == []
