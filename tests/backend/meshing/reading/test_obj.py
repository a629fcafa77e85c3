# SPDX-License-Identifier: GPL-3.0-or-later
"""OBJ files with their materials, whose colours are known."""

from pathlib import Path

import numpy as np
import pytest

from backend.meshing.files import MeshFileError, load
from backend.rendering.mesh import Mesh
from tests.support.gltf_files import png

SQUARE = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n"
QUARTERS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [200, 200, 0]]], np.uint8)  # rows, from the top


def read(tmp_path: Path, text: str | bytes, mtl: str | None = None, warnings: list[str] | None = None) -> Mesh:
    folder = tmp_path / "folder"
    folder.mkdir(exist_ok=True)
    (folder / "a.obj").write_bytes(text.encode() if isinstance(text, str) else text)
    if mtl is not None:
        (folder / "a.mtl").write_text(mtl)
    return load(folder / "a.obj", (warnings if warnings is not None else []).append)


def test_vertex_colors_are_srgb(tmp_path):
    rows = ["1 0.501961 0.235294", "1 0 0", "0 1 0"]
    mesh = read(tmp_path, "".join(f"v {i} {i * i} 0 {row}\n" for i, row in enumerate(rows)) + "f 1 2 3\n")
    assert mesh.vertex_colors.tolist() == [[255, 128, 60, 255], [255, 0, 0, 255], [0, 255, 0, 255]]


def test_vertex_colors_up_to_255_are_guessed_and_said(tmp_path):
    warnings: list[str] = []
    mesh = read(tmp_path, "v 0 0 0 255 128 60\nv 1 0 0 255 128 60\nv 0 1 0 255 128 60\nf 1 2 3\n", warnings=warnings)
    assert (mesh.vertex_colors == [255, 128, 60, 255]).all() and "255" in warnings[0]


def test_zbrush_s_colors(tmp_path):
    mesh = read(tmp_path, SQUARE + "#MRGB ffff8000ff00ff00\n#MRGB ff0000ff\nf 1 2 3\nf 1 3 4\n")
    assert mesh.vertex_colors[:, :3].tolist() == [[255, 128, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]


def test_a_weight_is_no_color(tmp_path):
    assert (read(tmp_path, "v 0 0 0 1\nv 1 0 0 1\nv 0 1 0 1\nf 1 2 3\n").vertex_colors == 255).all()


def test_corners_of_every_form_and_numbers_that_count_back(tmp_path):
    text = SQUARE + "vt 0 0\nvn 0 0 1\nf 1 2 3\nf 1/1 2/1 3/1\nf 1//1 2//1 3//1\nf 1/1/1 2/1/1 3/1/1\n"
    text += "f -4 -3 -2\nf -4/-1/-1 -3/-1/-1 -2/-1/-1\nf 1 2 \\\n 3\n\tf\t1  2\t3\n"
    assert read(tmp_path, text).faces.tolist() == [[0, 1, 2]] * 8


def test_polygons_with_a_notch_are_not_filled(tmp_path):
    """An arrowhead of four corners, first at its notch's neighbour: area 1/2, and a fan would cover 3/2."""
    mesh = read(tmp_path, "v 0 0 0\nv 1 0.5 0\nv 0 1 0\nv 0.5 0.5 0\nf 3 4 1 2\n")
    corners = mesh.vertices[mesh.faces]
    assert len(mesh.faces) == 2 and mesh.face_areas.sum() == pytest.approx(0.25)
    assert (np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 1] < 0).all()  # OBJ's z is -y


def test_materials_without_a_texture_have_the_color_that_blender_shows(tmp_path):
    """Kd is linear light there: a half is 188 in sRGB (IEC 61966-2-1, by hand)."""
    text = "mtllib a.mtl\n" + SQUARE + "usemtl one\nf 1 2 3\nusemtl two words\nf 1 3 4\nusemtl none\nf 1 2 4\n"
    mesh = read(tmp_path, text, "newmtl one\nKd 0.5 0 1\nnewmtl two words\n\tKd 0.5\n")
    seen = mesh.vertex_colors[mesh.faces][..., :3]
    assert (seen[0] == [188, 0, 255]).all() and (seen[1] == 188).all() and (seen[2] == 255).all()


def textured(tmp_path: Path, line: str, uv: tuple[float, float], **rest) -> Mesh:
    """A triangle around a point of the texture of four texels, dark green where the texture is not found."""
    around = np.array(uv) + 0.01 * (np.array([[0, 0], [1, 0], [0, 1]]) - 1 / 3)
    text = "mtllib a.mtl\n" + SQUARE + "".join(f"vt {u} {v}\n" for u, v in around) + "usemtl m\nf 1/1 2/2 3/3\n"
    return read(tmp_path, text, f"newmtl m\nKd 0 0.5 0\n{line}\n", **rest)


@pytest.mark.parametrize(
    ("line", "uv", "texel"),
    [
        ("map_Kd q.png", (0.25, 0.75), (0, 0)),  # v is up
        ("map_Kd ./q.png", (0.75, 0.25), (1, 1)),
        ("map_kd   my skin.png", (-0.25, 5.75), (0, 1)),
        ("map_Kd -clamp on q.png", (7, -7), (1, 1)),
        ("map_Kd -s 2 1 1 q.png", (0.375, 0.75), (0, 1)),
        ("map_Kd -o 0.5 0 -bm 1.0 q.png", (0.25, 0.75), (0, 1)),
        ("map_Kd C:\\work\\skins\\q.png", (0.25, 0.25), (1, 0)),
        ("map_Kd /home/someone/q.png", (0.25, 0.25), (1, 0)),
    ],
)
def test_textures_are_shown_as_they_are(line, uv, texel, tmp_path):
    (tmp_path / "folder").mkdir()
    for name in ("q.png", "my skin.png"):
        (tmp_path / "folder" / name).write_bytes(png(QUARTERS))
    mesh = textured(tmp_path, line, uv)
    assert (mesh.vertex_colors[mesh.faces][..., :3] == QUARTERS[texel]).all()


@pytest.mark.parametrize("name", ["../out.png", "{above}/out.png", "//host/share/out.png", "\\\\host\\out.png", "link"])
def test_a_texture_outside_the_folder_is_not_opened(name, tmp_path, monkeypatch):
    (tmp_path / "out.png").write_bytes(png(QUARTERS))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to(tmp_path / "out.png")
    warnings: list[str] = []
    mesh = textured(tmp_path, f"map_Kd {name.format(above=tmp_path)}", (0.5, 0.5), warnings=warnings)
    assert (mesh.vertex_colors[mesh.faces] == [0, 188, 0, 255]).all()
    assert len(warnings) == 1 and "not in the mesh's folder" in warnings[0]


def test_vertex_colors_stand_in_for_a_texture_that_is_missing(tmp_path):
    warnings: list[str] = []
    rows = "v 0 0 0 1 0 0\nv 1 0 0 1 0 0\nv 1 1 0 1 0 0\nvt 0 0\n"
    text = f"mtllib a.mtl\nmtllib gone.mtl\n{rows}usemtl m\nf 1/1 2/1 3/1\n"
    mesh = read(tmp_path, text, "newmtl m\nKd 0 1 0\nmap_Kd gone.png\n", warnings)
    assert (mesh.vertex_colors == [255, 0, 0, 255]).all()
    assert "gone.mtl" in " ".join(warnings) and "gone.png" in " ".join(warnings)


def test_names_that_are_no_text_are_found(tmp_path):
    (tmp_path / "folder").mkdir()
    (Path(str(tmp_path / "folder") + "/caf\udce9.mtl")).write_text("newmtl m\nKd 1 0 0\n")
    mesh = read(tmp_path, b"mtllib caf\xe9.mtl\n" + SQUARE.encode() + b"usemtl m\nf 1 2 3\n")
    assert (mesh.vertex_colors[mesh.faces] == [255, 0, 0, 255]).all()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no faces"),
        (SQUARE, "points and no faces"),
        (SQUARE + "l 1 2\np 3\n", "points and no faces"),
        (SQUARE + "f 1 2\n", "points and no faces"),
        (SQUARE + "f 1 2 9\n", "not there"),
        (SQUARE + "f 1 2 0\n", "not there"),
        (SQUARE + "f -9 1 2\n", "not there"),
        (SQUARE + "f a b c\n", "it is damaged"),
        ("v 0 0\nv 1 0\nv 0 1\nf 1 2 3\n", "fewer than three"),
        ("v 0 0 x\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "it is damaged"),
        ("v 0 0 nan\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "no numbers"),
        ("v 0 0 0\nv 1e20 0 0\nv 0 1 0\nf 1 2 3\n", "too large"),
        ("v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n", "has an area"),
    ],
)
def test_what_is_no_mesh_is_named(text, words, tmp_path):
    with pytest.raises(MeshFileError, match=words) as caught:
        read(tmp_path, text)
    assert caught.value.kind == "input"
