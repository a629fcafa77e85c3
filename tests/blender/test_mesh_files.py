# SPDX-License-Identifier: GPL-3.0-or-later
"""Mesh files as Blender's own importers read them, against the backend's readers: the same corners and colours.

Needs the bpy that IMAGE_TO_MESH_BPY_PYTHONS names, as test_installed.py does.
"""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from backend.meshing.files import load
from tests.support.gltf_files import Gltf

PYTHONS = [path for path in os.environ.get("IMAGE_TO_MESH_BPY_PYTHONS", "").split(os.pathsep) if path]
LIMIT_S = 300
PLY = """ply
format ascii 1.0
element vertex 4
property float x
property float y
property float z
{colors}
element face 1
property list uchar int vertex_indices
end_header
"""
PLACES = ["0 0 0", "1 0.5 0", "0 1 0", "0.5 0.5 0"]
SQUARE = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n"


def write_ply(path: Path, kind: str, rows: list[str]) -> None:
    """An arrowhead, whose notch no fan from the first corner respects."""
    colors = "\n".join(f"property {kind} {name}" for name in ("red", "green", "blue", "alpha"))
    body = "".join(f"{place} {row}\n" for place, row in zip(PLACES, rows, strict=True)) + "4 1 2 3 0\n"
    path.write_text(PLY.format(colors=colors) + body)


def write_glb(path: Path, kind: str, width: int) -> None:
    """Three colours, the same linear light as 8, 16 or 32 bits."""
    light = np.array([[1, 0.5, 0.25, 1], [0.02, 0.4, 0.9, 1], [0, 0.2, 1, 1]])[:, :width]
    scale = {"float32": 1, "uint8": 255, "uint16": 65535}[kind]
    values = light if scale == 1 else np.rint(light * scale)
    gltf = Gltf()
    gltf.primitive(COLOR_0=gltf.array(values.astype(kind), normalized=scale > 1))
    gltf.write(path)


def write_scene(path: Path) -> None:
    """Two materials under nodes that move, turn and scale, and a mirrored one; a skin; a sparse array."""
    gltf = Gltf()
    plain, dark = (
        gltf.add("materials", {"pbrMetallicRoughness": {"baseColorFactor": color}})
        for color in ([0.8, 0.2, 0.05, 1], [0.01, 0.02, 0.5, 1])
    )
    gltf.primitive(material=plain)
    second = gltf.primitive([[0, 0, 1], [1, 0, 1], [0, 1, 1]], material=dark)
    indices, values = gltf.view(np.array([1], np.uint16).tobytes()), gltf.view(np.float32([3, 3, 3]).tobytes())
    gltf.tree["accessors"][second["attributes"]["POSITION"]]["sparse"] = {
        "count": 1,
        "indices": {"bufferView": indices, "componentType": 5123},
        "values": {"bufferView": values},
    }
    gltf.tree["nodes"] = [
        {"mesh": 0, "translation": [1, 2, 3], "rotation": [0.1, 0.7, 0.1, 0.7], "children": [1], "scale": [1, 2, 3]},
        {"mesh": 0, "matrix": [0, -1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 4, 5, 6, 1]},
        {"mesh": 0, "scale": [-1, 1, 1]},
    ]
    gltf.tree["scenes"][0]["nodes"] = [0, 2]
    gltf.write(path)


def write_skin(path: Path) -> None:
    gltf = Gltf()
    weights = gltf.array(np.float32([[0.25, 0.75, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0]]))
    bind = np.tile(np.eye(4, dtype=np.float32), (2, 1, 1))
    bind[0, 3, :3] = -1, 0, 2
    skin = {"joints": [1, 2], "inverseBindMatrices": gltf.array(bind)}
    gltf.primitive(JOINTS_0=gltf.array(np.uint8([[0, 1, 0, 0]] * 3)), WEIGHTS_0=weights)
    half = 0.5**0.5
    gltf.tree["nodes"] = [
        {"mesh": 0, "skin": gltf.add("skins", skin)},
        {"translation": [4, 0, 0], "children": [2]},
        {"rotation": [half, 0, 0, half], "translation": [0, 1, 0]},
    ]
    gltf.tree["scenes"][0]["nodes"] = [0, 1]
    gltf.write(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("meshes")
    write_ply(folder / "uchar.ply", "uchar", ["255 128 60 255", "3 200 9 255", "0 0 0 255", "255 255 255 255"])
    write_ply(folder / "ushort.ply", "ushort", ["65535 128 3000 65535"] * 4)
    write_ply(folder / "float.ply", "float", ["1 0.5 0.25 1", "0.01 0.9 0 1", "0 0 0 1", "1 1 1 1"])
    for kind in ("float32", "uint8", "uint16"):
        for width in (3, 4):
            write_glb(folder / f"{kind}_{width}.glb", kind, width)
    write_scene(folder / "scene.glb")
    write_skin(folder / "skin.glb")
    rows = ["1 0.5 0.25", "0.01 0.9 0", "0 0 0", "1 1 1"]
    colored = "".join(f"v {place} {row}\n" for place, row in zip(PLACES, rows, strict=True))
    (folder / "colors.obj").write_text(colored + "f -3 -2 -1 -4\n")
    (folder / "paint.obj").write_text(SQUARE + "#MRGB ffff8000ff00ff00ff0000ffff102030\nf 1 2 3 4\n")
    (folder / "kd.mtl").write_text("newmtl one\nKd 0.8 0.2 0.05\nnewmtl two words\nKd 0.01 0.02 0.5\n")
    (folder / "kd.obj").write_text(f"mtllib kd.mtl\n{SQUARE}usemtl one\nf 1 2 3\nusemtl two words\nf 1 3 4\n")
    return folder


def expected(corners: list) -> np.ndarray:
    """Place and sRGB 0..1 of each corner (C, 6): the attribute, else the material, else white."""
    rows = []
    for place, attribute, linear in corners:
        light = np.array((linear or [1, 1, 1])[:3])
        color = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
        rows.append([*place, *(attribute[:3] if attribute else color)])
    return np.array(rows)


@pytest.mark.skipif(not PYTHONS, reason="`python build.py test` installs bpy and names it")
@pytest.mark.parametrize("python", PYTHONS, ids=[Path(path).parents[1].name for path in PYTHONS])
def test_blender_reads_the_same_corners_and_colors(python, folder):
    script = Path(__file__).with_name("imported_colors.py")
    done = subprocess.run([python, str(script), str(folder)], capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 0, done.stderr
    imported = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    assert len(imported) == 14
    for name, corners in imported.items():
        mesh = load(folder / name)
        seen = np.concatenate([mesh.vertices[mesh.faces], mesh.vertex_colors[mesh.faces][..., :3] / 255], 2)
        same(seen.reshape(-1, 6), expected(corners), name)


def same(seen: np.ndarray, wanted: np.ndarray, name: str) -> None:
    """Corner by corner in any order: each has its like on the other side. A byte of glTF's dark colours is coarse in
    Blender, which keeps them as bytes of sRGB."""
    assert len(seen) == len(wanted), name
    distance = np.abs(seen[:, None] - wanted) / ([1e-4] * 3 + [1.01 / 255] * 3)
    assert (distance.max(2).min(0) <= 1).all() and (distance.max(2).min(1) <= 1).all(), name
