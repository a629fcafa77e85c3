# SPDX-License-Identifier: GPL-3.0-or-later
"""glTF files built by hand, whose places and colours are known."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest

from backend.meshing.files import MeshFileError, load
from tests.support.gltf_files import TRIANGLE, Gltf, png

LINEAR = {0: 0.0, 60: 0.0451862, 128: 0.2158605, 200: 0.5775804, 255: 1.0}  # of sRGB's bytes, from the standard's table
COLOR = (200, 128, 60)


def linear(color=COLOR) -> list[float]:
    return [LINEAR[value] for value in color]


def only_color(path: Path, tolerance: int = 0) -> list[int]:
    """The one colour of all corners, as far as they agree."""
    mesh = load(path)
    corners = mesh.vertex_colors[mesh.faces].reshape(-1, 4).astype(int)
    assert np.ptp(corners, axis=0).max() <= tolerance
    return corners[0].tolist()


@pytest.mark.parametrize("alpha", [False, True], ids=["VEC3", "VEC4"])
@pytest.mark.parametrize("kind", ["float32", "uint8", "uint16"])
def test_vertex_colors_are_linear_light_in_every_type(kind, alpha, tmp_path):
    """Bytes hold linear light coarsely: the nearest to that of 60 is a 12th part of 255, or 61 in sRGB."""
    full = {"float32": 1, "uint8": 255, "uint16": 65535}[kind]
    rgba = np.array([[*linear(), 1]] * 3)[:, : 4 if alpha else 3]
    stored = (rgba if kind == "float32" else np.rint(rgba * full)).astype(kind)
    gltf = Gltf()
    gltf.primitive(COLOR_0=gltf.array(stored, normalized=kind != "float32"))
    assert only_color(gltf.write(tmp_path / "a.glb")) == [200, 128, 61 if kind == "uint8" else 60, 255]


@pytest.mark.parametrize("texture", [False, True])
@pytest.mark.parametrize("vertex", [False, True])
def test_factor_texture_and_vertex_colors_are_multiplied_in_linear_light(vertex, texture, tmp_path):
    """A half of linear light is 188 in sRGB, a quarter 137, an eighth 99 (IEC 61966-2-1, by hand)."""
    gltf = Gltf()
    pbr: dict = {"baseColorFactor": [0.5, 0.5, 0.5, 1]}
    attributes = {}
    if texture:
        pbr["baseColorTexture"] = {"index": gltf.texture(np.full((2, 2, 3), 188, np.uint8))}
        attributes["TEXCOORD_0"] = gltf.array(np.full((3, 2), 0.5, np.float32))
    if vertex:
        attributes["COLOR_0"] = gltf.array(np.full((3, 3), 0.5, np.float32))
    gltf.primitive(material=gltf.add("materials", {"pbrMetallicRoughness": pbr}), **attributes)
    expected = {0: 188, 1: 137, 2: 99}[texture + vertex]
    assert only_color(gltf.write(tmp_path / "a.glb")) == [expected] * 3 + [255]


def test_a_file_without_colors_is_white(tmp_path):
    gltf = Gltf()
    gltf.primitive()
    assert only_color(gltf.write(tmp_path / "a.glb")) == [255] * 4


def test_materials_and_nodes_each_have_their_color_and_place(tmp_path):
    """A red triangle twice, moved and turned about glTF's y, and mirrored; a green one below a scaled node."""
    gltf = Gltf()
    red, green = (
        gltf.add("materials", {"pbrMetallicRoughness": {"baseColorFactor": [*rgb, 1]}})
        for rgb in ((1, 0, 0), (0, 1, 0))
    )
    gltf.primitive(material=red)
    gltf.tree["meshes"].append({"primitives": []})
    gltf.primitive(mesh=1, material=green)
    half = 0.5**0.5
    mirror = [-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]  # column by column
    gltf.tree["nodes"] = [
        {"mesh": 0, "translation": [10, 0, 0], "rotation": [0, half, 0, half]},
        {"mesh": 0, "matrix": mirror},
        {"children": [3], "scale": [2, 3, 4]},
        {"mesh": 1, "translation": [0, 0, 5]},
    ]
    gltf.tree["scenes"] = [{"nodes": []}, {"nodes": [0, 1, 2]}]
    gltf.tree["scene"] = 1
    mesh = load(gltf.write(tmp_path / "a.glb"))
    corners = np.round(mesh.vertices[mesh.faces].astype(float), 5)
    # glTF's (x, y, z) is Blender's (x, -z, y); turned by 90 degrees about y, x goes to -z
    expected = [
        [[10, 0, 0], [10, 1, 0], [10, 0, 1]],
        [[0, 0, 1], [-1, 0, 0], [0, 0, 0]],  # the other way round, so that the outside stays outside
        [[0, -20, 0], [2, -20, 0], [0, -20, 3]],
    ]
    np.testing.assert_allclose(corners, expected, atol=1e-5)
    np.testing.assert_array_equal(mesh.vertex_colors[mesh.faces][:, 0, :2], [[255, 0], [255, 0], [0, 255]])


QUARTERS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [200, 200, 0]]], np.uint8)  # rows, from the top


def textured(tmp_path: Path, uv, info: dict | None = None, sampler: dict | None = None, channel: int = 0) -> list[int]:
    """The colour of a tiny triangle around a point of the texture of four texels."""
    gltf = Gltf()
    texture = {"index": gltf.texture(QUARTERS, sampler), "texCoord": channel} | (info or {})
    around = (np.array(uv) + 0.01 * (TRIANGLE[:, :2] - 1 / 3)).astype(np.float32)
    away = gltf.array(np.full((3, 2), 0.25, np.float32))
    coordinates = {f"TEXCOORD_{channel}": gltf.array(around)} | ({"TEXCOORD_0": away} if channel else {})
    material = gltf.add("materials", {"pbrMetallicRoughness": {"baseColorTexture": texture}})
    gltf.primitive(material=material, **coordinates)
    return only_color(gltf.write(tmp_path / "a.glb"))[:3]


def test_a_texture_s_first_row_is_on_top_and_it_repeats(tmp_path):
    for uv, (row, column) in {(0.25, 0.25): (0, 0), (0.75, 0.25): (0, 1), (0.25, 0.75): (1, 0)}.items():
        assert textured(tmp_path, uv) == QUARTERS[row, column].tolist()
        assert textured(tmp_path, (uv[0] + 3, uv[1] - 2)) == QUARTERS[row, column].tolist()


def test_what_lies_outside_a_texture_is_the_sampler_s(tmp_path):
    clamp, mirror = {"wrapS": 33071, "wrapT": 33071}, {"wrapS": 33648, "wrapT": 33648}
    assert textured(tmp_path, (7.25, -3.25), sampler=clamp) == QUARTERS[0, 1].tolist()
    assert textured(tmp_path, (1.25, 0.25), sampler=mirror) == QUARTERS[0, 1].tolist()
    assert textured(tmp_path, (-0.25, 0.75), sampler=mirror) == QUARTERS[1, 0].tolist()


def test_another_set_of_coordinates_is_used_where_the_texture_names_it(tmp_path):
    assert textured(tmp_path, (0.75, 0.75), channel=1) == QUARTERS[1, 1].tolist()
    moved = {"extensions": {"KHR_texture_transform": {"texCoord": 1}}, "texCoord": 0}
    assert textured(tmp_path, (0.75, 0.75), moved, channel=1) == QUARTERS[1, 1].tolist()


@pytest.mark.parametrize(
    ("transform", "uv", "texel"),
    [
        ({"offset": [0.5, 0]}, (0.25, 0.25), (0, 1)),
        ({"scale": [0.5, 3]}, (0.5, 0.25), (1, 0)),
        # (0.25, -0.25) turned by a quarter is (-0.25, -0.25): the texture's top left corner goes to its bottom left
        ({"rotation": np.pi / 2}, (0.25, -0.25), (1, 1)),
        ({"rotation": np.pi / 2, "offset": [0, 1]}, (0.25, 0.75), (1, 1)),
        ({"rotation": -np.pi / 2, "scale": [1, 1], "offset": [1, 0]}, (0.25, 0.25), (0, 1)),
    ],
)
def test_texture_transforms(transform, uv, texel, tmp_path):
    """By the extension's text: scaled, then turned counter-clockwise as seen with v upwards, then moved. Blender 4.5
    bakes the same texels."""
    info = {"extensions": {"KHR_texture_transform": transform}}
    assert textured(tmp_path, uv, info) == QUARTERS[texel].tolist()


def test_a_seam_of_two_colors_makes_two_vertices(tmp_path):
    """A square of one texel a half: the vertices of the edge between them have both colours."""
    gltf = Gltf()
    square = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [2, 0, 0], [2, 1, 0]]
    uv = gltf.array(np.array([[0, 1], [0.5, 1], [0.5, 0], [0, 0], [1, 1], [1, 0]], np.float32))
    indices = gltf.array(np.array([0, 1, 2, 0, 2, 3, 1, 4, 5, 1, 5, 2], np.uint16))
    pbr = {"baseColorTexture": {"index": gltf.texture(QUARTERS[:1])}}
    material = gltf.add("materials", {"pbrMetallicRoughness": pbr})
    gltf.primitive(square, TEXCOORD_0=uv, indices=indices, material=material)
    mesh = load(gltf.write(tmp_path / "a.glb"))
    assert len(mesh.vertices) == 8
    assert (mesh.vertex_colors[mesh.faces[:2], :3] == [255, 0, 0]).all()
    assert (mesh.vertex_colors[mesh.faces[2:], :3] == [0, 255, 0]).all()


def test_sparse_arrays_change_single_values(tmp_path):
    gltf = Gltf()
    primitive = gltf.primitive()
    indices, values = gltf.view(np.array([2], np.uint16).tobytes()), gltf.view(np.float32([0, 0, 7]).tobytes())
    gltf.tree["accessors"][primitive["attributes"]["POSITION"]]["sparse"] = {
        "count": 1,
        "indices": {"bufferView": indices, "componentType": 5123},
        "values": {"bufferView": values},
    }
    assert load(gltf.write(tmp_path / "a.glb")).vertices.tolist() == [[0, 0, 0], [1, 0, 0], [0, -7, 0]]


@pytest.mark.parametrize(
    ("mode", "faces"), [(4, [[0, 1, 2], [3, 4, 5]]), (5, [[0, 1, 2], [1, 3, 2], [2, 3, 4], [3, 5, 4]]), (6, None)]
)
def test_lists_strips_and_fans_of_triangles(mode, faces, tmp_path):
    gltf = Gltf()
    gltf.primitive([[i, i % 2, i * i] for i in range(6)], mode=mode)
    expected = faces or [[0, i, i + 1] for i in range(1, 5)]
    assert load(gltf.write(tmp_path / "a.glb")).faces.tolist() == expected


def test_integers_stand_for_coordinates_and_shapes_are_mixed_in(tmp_path):
    gltf = Gltf()
    primitive = gltf.primitive()
    primitive["attributes"]["POSITION"] = gltf.array(np.int8([[0, 0, 0], [127, 0, 0], [0, -127, 0]]), normalized=True)
    primitive["targets"] = [{"POSITION": gltf.array(np.float32([[0, 0, 0], [0, 0, 0], [0, 0, 8]]))}]
    gltf.tree["meshes"][0]["weights"] = [0.25]
    gltf.tree["extensionsUsed"] = gltf.tree["extensionsRequired"] = ["KHR_mesh_quantization"]
    vertices = load(gltf.write(tmp_path / "a.glb")).vertices
    np.testing.assert_allclose(vertices, [[0, 0, 0], [1, 0, 0], [0, -2, -1]], atol=1e-6)


def test_a_skin_moves_vertices_and_the_node_does_not(tmp_path):
    """Half by a joint that moves by 10, half by one that stays, from where they were bound."""
    gltf = Gltf()
    weights = gltf.array(np.float32([[0.5, 0.5, 0, 0]] * 3))
    gltf.primitive(JOINTS_0=gltf.array(np.uint8([[0, 1, 0, 0]] * 3)), WEIGHTS_0=weights)
    bind = np.tile(np.eye(4, dtype=np.float32), (2, 1, 1))
    bind[0, 3, 0] = -4  # moved by -4, column by column
    skin = gltf.add("skins", {"joints": [1, 2], "inverseBindMatrices": gltf.array(bind)})
    gltf.tree["nodes"] = [{"mesh": 0, "skin": skin, "translation": [99, 99, 99]}, {"translation": [14, 0, 0]}, {}]
    gltf.tree["scenes"][0]["nodes"] = [0, 1, 2]
    np.testing.assert_allclose(
        load(gltf.write(tmp_path / "a.glb")).vertices, [[5, 0, 0], [6, 0, 0], [5, 0, 1]], atol=1e-6
    )


def separate(folder: Path, uri: str, image: str = "") -> Path:
    """A .gltf whose buffer, and whose texture, lie at URIs."""
    gltf = Gltf()
    pbr = {"baseColorTexture": {"index": 0}, "baseColorFactor": [0, 1, 0, 1]}
    material = {"material": gltf.add("materials", {"pbrMetallicRoughness": pbr})} if image else {}
    gltf.primitive(TEXCOORD_0=gltf.array(np.full((3, 2), 0.5, np.float32)), **material)
    data = gltf.binary.getvalue()
    if uri == "data:":
        uri += f"application/octet-stream;base64,{base64.b64encode(data).decode()}"
    else:
        (folder / "my data.bin").write_bytes(data)
    tree = gltf.tree | {"buffers": [{"uri": uri, "byteLength": len(data)}]}
    if image:
        tree |= {"images": [{"uri": image}], "textures": [{"source": 0}]}
    (folder / "a.gltf").write_text(json.dumps(tree))
    return folder / "a.gltf"


@pytest.mark.parametrize("uri", ["data:", "my%20data.bin", "./my data.bin"])
def test_data_beside_the_file_and_within_it_are_read(uri, tmp_path):
    (tmp_path / "red.png").write_bytes(png(np.full((1, 1, 3), [255, 128, 0])))
    assert only_color(separate(tmp_path, uri, "red.png")) == [0, 128, 0, 255]


OUTSIDE = ["../outside", "{above}/outside", "file://{above}/outside", "http://localhost:9/outside", "//host/outside"]
OUTSIDE += ["\\\\host\\share\\outside", "..%2Foutside", "link", "C:\\outside"]


@pytest.mark.parametrize("uri", OUTSIDE)
def test_nothing_outside_the_folder_is_opened(uri, tmp_path, monkeypatch):
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "outside").write_bytes(png(np.zeros((1, 1, 3))) + bytes(100))
    (folder / "link").symlink_to(tmp_path / "outside")
    read = Path.read_bytes

    def watched(path: Path) -> bytes:
        assert path.resolve().parent == folder
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", watched)
    with pytest.raises(MeshFileError, match="not in its folder"):
        load(separate(folder, uri.format(above=tmp_path)))
    warnings: list[str] = []
    mesh = load(separate(folder, "data:", uri.format(above=tmp_path)), warnings.append)
    assert len(warnings) == 1 and "not in the mesh's folder" in warnings[0]
    assert (mesh.vertex_colors == [0, 255, 0, 255]).all()


def broken(change) -> Gltf:
    gltf = Gltf()
    gltf.primitive(indices=gltf.array(np.array([0, 1, 2], np.uint16)))
    change(gltf.tree)
    return gltf


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda tree: tree["asset"].update(version="1.0"), "glTF 1.0"),
        (lambda tree: tree.update(extensionsRequired=["EXT_meshopt_compression"]), "needs EXT_meshopt_compression"),
        (
            lambda tree: tree["meshes"][0]["primitives"][0].update(extensions={"KHR_draco_mesh_compression": {}}),
            "compressed by Draco",
        ),
        (lambda tree: tree["accessors"][0].update(count=10**9), "cut off"),
        (lambda tree: tree["accessors"][0].update(count=-3), "no known kind"),
        (lambda tree: tree["accessors"][0].update(componentType=1), "no known kind"),
        (lambda tree: tree["accessors"][0].update(byteOffset=-40), "cut off"),
        (lambda tree: tree["accessors"][1].update(bufferView=7), "no bufferViews"),
        (lambda tree: tree["bufferViews"][0].update(byteLength=10**9), "cut off"),
        (lambda tree: tree["nodes"][0].update(children=[0]), "no tree"),
        (lambda tree: tree["nodes"][0].update(mesh=5), "no meshes"),
        (lambda tree: tree["nodes"][0].update(scale=[0, 0, 0]), "has an area"),
        (lambda tree: tree["nodes"][0].update(scale=[1e30, 1, 1]), "too large"),
        (lambda tree: tree["meshes"][0]["primitives"][0].update(mode=0), "points and no faces"),
        (lambda tree: tree["meshes"][0].update(primitives=[]), "no faces"),
        (lambda tree: tree.update(meshes=3), "no meshes"),
        (lambda tree: tree.update(nodes=[[]]), "no nodes"),
    ],
)
def test_what_cannot_be_read_is_named(change, words, tmp_path):
    with pytest.raises(MeshFileError, match=words) as caught:
        load(broken(change).write(tmp_path / "a.glb"))
    assert caught.value.kind == "input"


def test_a_file_that_ends_early_is_refused(tmp_path):
    whole = broken(lambda tree: None).write(tmp_path / "a.glb").read_bytes()
    for length in range(0, len(whole) - 4, 7):
        (tmp_path / "a.glb").write_bytes(whole[:length])
        with pytest.raises(MeshFileError):
            load(tmp_path / "a.glb")
