# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that we write are read back here with struct, json and str.split: no reader of ours, no trimesh."""

import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from backend.meshing.files import ENDINGS, MeshFileError, load, save, unpack, write_output
from backend.process.codec import pack, pack_mesh
from backend.rendering.mesh import Mesh


@pytest.fixture
def mesh() -> Mesh:
    """A ramp of four vertices; one is in no face. The colours are dark, where linear light has few steps."""
    vertices = np.array([[0, 0, 0], [0.5, 0, 0], [0, 0.25, 0], [0, 0, 0.125], [9, 9, 9]], np.float32)
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32)
    colors = [[0, 1, 2, 255], [10, 60, 200, 255], [255, 128, 64, 255], [5, 6, 7, 255], [90, 90, 90, 255]]
    return Mesh(vertices, faces, np.array(colors, np.uint8))


def test_ply_has_blenders_axes_and_srgb_colours(mesh: Mesh, tmp_path: Path):
    save(mesh, tmp_path / "a.ply")
    header, _, body = (tmp_path / "a.ply").read_bytes().partition(b"end_header\n")
    assert b"format binary_little_endian 1.0" in header
    names = [line.split()[-1] for line in header.split(b"\n") if line.startswith(b"property") and b"list" not in line]
    assert names == [b"x", b"y", b"z", b"red", b"green", b"blue", b"alpha"]
    rows = list(struct.iter_unpack("<fffBBBB", body[: 5 * 16]))
    np.testing.assert_array_equal([row[:3] for row in rows], mesh.vertices)
    np.testing.assert_array_equal([row[3:] for row in rows], mesh.vertex_colors)
    faces = list(struct.iter_unpack("<Biii", body[5 * 16 :]))
    assert [face[0] for face in faces] == [3] * 4
    np.testing.assert_array_equal([face[1:] for face in faces], mesh.faces)


def test_obj_is_y_up(mesh: Mesh, tmp_path: Path):
    save(mesh, tmp_path / "a.obj")
    lines = [line.split() for line in (tmp_path / "a.obj").read_text().splitlines()]
    rows = np.array([line[1:] for line in lines if line and line[0] == "v"], float)
    x, y, z = mesh.vertices.T
    np.testing.assert_allclose(rows[:, :3], np.stack([x, z, -y], 1), atol=1e-7)
    np.testing.assert_allclose(rows[:, 3:6] * 255, mesh.vertex_colors[:, :3], atol=0.01)
    faces = np.array([[int(corner.split("/")[0]) for corner in line[1:]] for line in lines if line and line[0] == "f"])
    np.testing.assert_array_equal(faces - 1, mesh.faces)


def read_glb(data: bytes) -> tuple[dict, dict[str, np.ndarray], np.ndarray]:
    magic, version, length, json_length, json_kind = struct.unpack("<4sIII4s", data[:20])
    assert (magic, version, length, json_kind) == (b"glTF", 2, len(data), b"JSON")
    tree = json.loads(data[20 : 20 + json_length])
    binary = data[28 + json_length :]
    primitive = tree["meshes"][0]["primitives"][0]

    def array(index: int) -> np.ndarray:
        accessor = tree["accessors"][index]
        view = tree["bufferViews"][accessor["bufferView"]]
        start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[accessor["type"]]
        kind = {5126: "<f4", 5125: "<u4", 5121: "u1"}[accessor["componentType"]]
        return np.frombuffer(binary, kind, accessor["count"] * width, start).reshape(-1, width)

    return tree, {name: array(index) for name, index in primitive["attributes"].items()}, array(primitive["indices"])


def test_glb_is_y_up_with_linear_colours_and_a_dull_material(mesh: Mesh, tmp_path: Path):
    save(mesh, tmp_path / "a.glb")
    tree, attributes, indices = read_glb((tmp_path / "a.glb").read_bytes())
    x, y, z = mesh.vertices.T
    np.testing.assert_array_equal(attributes["POSITION"], np.stack([x, z, -y], 1))
    np.testing.assert_array_equal(indices.reshape(-1, 3), mesh.faces)
    assert set(attributes) == {"POSITION", "NORMAL", "COLOR_0"}
    # sRGB values and their linear light, from the standard's table of 8-bit values
    linear = {0: 0, 1: 0.000303527, 10: 0.00303527, 60: 0.0451862, 128: 0.2158605, 200: 0.5775804, 255: 1}
    for row, column in [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1)]:
        expected = linear[int(mesh.vertex_colors[row, column])]
        assert attributes["COLOR_0"][row, column] == pytest.approx(expected, rel=1e-4)
    assert (attributes["COLOR_0"][:, 3] == 1).all()
    used = attributes["NORMAL"][:4]
    np.testing.assert_allclose(np.linalg.norm(used, axis=1), 1, atol=1e-5)
    material = tree["materials"][tree["meshes"][0]["primitives"][0]["material"]]
    assert material["pbrMetallicRoughness"]["metallicFactor"] == 0


def test_stl_keeps_the_corners(mesh: Mesh, tmp_path: Path):
    save(mesh, tmp_path / "a.STL")
    data = (tmp_path / "a.STL").read_bytes()
    assert struct.unpack("<I", data[80:84]) == (4,)
    rows = np.array(list(struct.iter_unpack("<12fH", data[84:])))
    np.testing.assert_allclose(rows[:, 3:12].reshape(4, 3, 3), mesh.vertices[mesh.faces])


@pytest.mark.parametrize("ending", [".ply", ".glb", ".obj"])
def test_a_saved_mesh_loads_again_in_every_format(mesh: Mesh, tmp_path: Path, ending: str):
    save(mesh, tmp_path / f"a{ending}")
    again = load(tmp_path / f"a{ending}")
    np.testing.assert_allclose(again.vertices, mesh.vertices, atol=1e-6)
    np.testing.assert_array_equal(again.faces, mesh.faces)
    np.testing.assert_array_equal(again.vertex_colors, mesh.vertex_colors)


def test_all_srgb_values_survive_gltf(tmp_path: Path):
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 4, 1)
    ramp[:, 3] = 255
    steps = np.arange(256, dtype=np.float32)
    mesh = Mesh(np.stack([steps, steps % 2, steps * 0], 1), np.arange(255)[:, None] % 254 + [0, 1, 2], ramp)
    save(mesh, tmp_path / "a.glb")
    np.testing.assert_array_equal(load(tmp_path / "a.glb").vertex_colors, ramp)


def test_every_format_keeps_faces_outward(mesh: Mesh, tmp_path: Path):
    """A mirroring axis conversion would turn the signed volume round."""
    for ending in ENDINGS:
        save(mesh, tmp_path / f"a{ending}")
        assert load(tmp_path / f"a{ending}").volume == pytest.approx(0.5 * 0.25 * 0.125 / 6, rel=1e-5)


def test_an_existing_file_survives_a_failed_write(mesh: Mesh, tmp_path: Path):
    """The system refuses files of more than 200 bytes, as a full disk would."""
    path = tmp_path / "a.ply"
    path.write_bytes(b"the user's own")
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(MeshFileError, match="File too large") as caught:
            save(mesh, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "space" in caught.value.remedy
    assert path.read_bytes() == b"the user's own"
    assert os.listdir(tmp_path) == ["a.ply"]


def test_existing_files_are_replaced(mesh: Mesh, tmp_path: Path):
    path = tmp_path / "a.ply"
    path.write_bytes(b"old")
    save(mesh, path)
    np.testing.assert_array_equal(load(path).faces, mesh.faces)
    assert os.listdir(tmp_path) == ["a.ply"]


@pytest.mark.parametrize("name", ["missing/a.ply", "file/a.ply", "folder.ply", "x" * 300 + ".ply"])
def test_an_unwritable_path_is_an_error_with_a_remedy(mesh: Mesh, tmp_path: Path, name: str):
    (tmp_path / "file").touch()
    (tmp_path / "folder.ply").mkdir()
    with pytest.raises(MeshFileError, match="cannot be written") as caught:
        save(mesh, tmp_path / name)
    assert caught.value.remedy
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.ply"]


def test_an_unknown_ending_is_refused(mesh: Mesh, tmp_path: Path):
    with pytest.raises(MeshFileError) as caught:
        save(mesh, tmp_path / "a.fbx")
    assert ".ply" in caught.value.remedy
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("data", [b"", b"garbage", bytes(range(256)) * 9], ids=["empty", "text", "bytes"])
def test_a_file_without_a_mesh_is_refused(tmp_path: Path, ending: str, data: bytes):
    (tmp_path / f"a{ending}").write_bytes(data)
    with pytest.raises(MeshFileError):
        load(tmp_path / f"a{ending}")


def test_a_missing_file_is_refused(tmp_path: Path):
    with pytest.raises(MeshFileError, match="no mesh"):
        load(tmp_path / "a.ply")


MATERIALS = "newmtl red\nKd 0.8 0.2 0\nnewmtl blue\nKd 0 0.4 1\n"
PLAIN_OBJ = """mtllib a.mtl
v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1
vt 0 0\nvt 1 0\nvt 0 1
usemtl red\nf 1 2 3
usemtl blue\nf {blue}
"""


@pytest.mark.parametrize("blue", ["1 3 4", "1/1 3/2 4/3"], ids=["plain", "with UVs and no picture"])
def test_an_obj_s_plain_materials_give_their_colours(tmp_path: Path, blue: str):
    (tmp_path / "a.mtl").write_text(MATERIALS)
    (tmp_path / "a.obj").write_text(PLAIN_OBJ.format(blue=blue))
    mesh = load(tmp_path / "a.obj")
    corners, colors = mesh.vertices[mesh.faces], mesh.vertex_colors[mesh.faces]
    back = np.abs(corners[..., 0]).max(1) == 0  # x = 0 is the second face
    assert back.sum() == 1 and len(back) == 2
    # 0.2, 0.4 and 0.8 of linear light, as Blender reads Kd, are 124, 170 and 231 in sRGB (IEC 61966-2-1, by hand)
    assert (colors[back] == [0, 170, 255, 255]).all() and (colors[~back] == [231, 124, 0, 255]).all()


def test_a_glb_s_plain_material_is_linear_light(tmp_path: Path):
    import trimesh

    material = trimesh.visual.material.PBRMaterial(baseColorFactor=[128, 10, 255, 255])
    shape = trimesh.Trimesh(np.eye(3), [[0, 1, 2]], visual=trimesh.visual.TextureVisuals(material=material))
    shape.export(tmp_path / "a.glb")
    # 128, 10 and 255 of linear light are 188, 56 and 255 in sRGB (IEC 61966-2-1, by hand)
    assert (load(tmp_path / "a.glb").vertex_colors == [188, 56, 255, 255]).all()


def test_write_output_replaces_a_file_and_leaves_nothing_beside_it(tmp_path: Path):
    write_output(tmp_path / "a", b"1")
    write_output(tmp_path / "a", b"22")
    assert (tmp_path / "a").read_bytes() == b"22"


def test_unpacking_a_packed_mesh_gives_it_back():
    mesh = Mesh([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]], np.full((3, 4), 7, np.uint8))
    back = unpack(pack_mesh(mesh))
    np.testing.assert_array_equal(back.vertices, mesh.vertices)
    np.testing.assert_array_equal(back.faces, mesh.faces)
    np.testing.assert_array_equal(back.vertex_colors, mesh.vertex_colors)


@pytest.mark.parametrize(
    "changes",
    [
        {"faces": np.array([[0, 1, 3]])},
        {"faces": np.zeros((0, 3), int)},
        {"faces": np.array([[0.0, 1, 2]])},
        {"vertices": np.full((3, 3), np.nan)},
        {"vertices": np.array(["a"])},
        {"vertices": np.array([object()])},
        {"vertex_colors": np.zeros((2, 4), np.uint8)},
        {"faces": np.array([[-1, 1, 2]])},
    ],
)
def test_a_hostile_packed_mesh_is_refused(changes):
    arrays = {"vertices": np.eye(3), "faces": np.array([[0, 1, 2]]), "vertex_colors": np.zeros((3, 4), np.uint8)}
    with pytest.raises(MeshFileError, match="cannot be used") as error:
        unpack(pack(arrays | changes))
    assert error.value.kind == "input"
    with pytest.raises(MeshFileError):
        unpack(b"PK not a zip")
