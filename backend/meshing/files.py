# SPDX-License-Identifier: GPL-3.0-or-later
"""Mesh files: .ply, .glb, .obj and .stl, written whole or not at all.

PLY and STL keep Blender's axes (Z up), as Blender's importers expect; glTF and OBJ are Y up: (x, y, z) -> (x, z, -y).
PLY and OBJ store sRGB colours, glTF linear ones, STL none. A texture is embedded in .glb and lies beside .obj.
"""

from __future__ import annotations

import errno
import io
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..interface.files import write_whole
from ..rendering.mesh import WHITE, Mesh
from ..runtime.images import to_bytes
from . import textured_files

if TYPE_CHECKING:
    import trimesh  # at run time only where it is used: it takes half a second

ENDINGS = (".ply", ".glb", ".obj", ".stl")
Y_UP = (".glb", ".obj")
TO_Y_UP = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], np.float32)  # a rotation: determinant +1
MAX_BYTES = 512 << 20  # of a received mesh
MATERIAL = {"name": "Image to Mesh", "pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 0.8}}


class MeshFileError(Exception):
    """A file cannot be written or read. `remedy` says what to do; `kind` is "disk" or "input"."""

    def __init__(self, message: str, remedy: str, kind: str = "disk") -> None:
        super().__init__(message)
        self.remedy, self.kind = remedy, kind


def save(mesh: Mesh, path: str | os.PathLike) -> None:
    """Write the mesh in the format of the path's ending. Raises MeshFileError.

    An existing file is replaced only when the new one is complete.
    """
    path = Path(path)
    if check_ending(path) == ".obj" and mesh.texture is not None and mesh.uv is not None:
        encoded = textured_files.encode_obj(mesh, mesh.vertices @ TO_Y_UP.T, path)
    else:
        encoded = {path: encode(mesh, check_ending(path))}
    for name, data in encoded.items():
        write_output(name, data)


def load(path: str | os.PathLike) -> Mesh:
    """Read a mesh file into Blender's frame, with sRGB colours, white by default. Raises MeshFileError.

    Several objects in one file are joined.
    """
    import trimesh

    path = Path(path)
    ending = check_ending(path)
    if not path.exists():
        raise MeshFileError(f"There is no mesh at {path}.", "Check the name.", "input")
    try:
        scene = trimesh.load_scene(path, file_type=ending[1:], process=False, maintain_order=True)
        if ending == ".obj" and any(shape.visual.kind == "texture" for shape in scene.geometry.values()):
            scene = trimesh.load_scene(path, file_type="obj", process=False)  # maintain_order would mix up UVs at seams
        placed = [scene.graph[node] for node in scene.graph.nodes_geometry]
        shapes = [(scene.geometry[name], matrix) for matrix, name in placed]
        return join(
            [transformed(shape, matrix, ending) for shape, matrix in shapes if isinstance(shape, trimesh.Trimesh)]
        )
    except Exception as error:  # the readers of several formats raise a dozen kinds
        message = f"{path.name} cannot be read as a mesh ({error})."
        raise MeshFileError(message, "Choose another file.", "input") from error


def unpack(data: bytes) -> Mesh:
    """Decode a received mesh, an npz of `Mesh`'s vertices, faces and vertex_colors. Raises MeshFileError."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(item.file_size for item in archive.infolist()) > MAX_BYTES:
                raise ValueError(f"it is larger than {MAX_BYTES >> 20} MB")
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            faces = file["faces"]
            if faces.dtype.kind not in "iu" or not len(faces):
                raise ValueError("it has no faces")
            return Mesh(file["vertices"], faces, file["vertex_colors"])
    except Exception as error:  # zipfile and numpy raise a dozen kinds
        raise MeshFileError(f"The mesh cannot be used: {error}.", "Select another mesh.", "input") from error


def transformed(shape: trimesh.Trimesh, matrix: np.ndarray, ending: str) -> Mesh:
    """One object of a file, transformed by `matrix` (4, 4). A mirroring matrix flips its faces."""
    vertices = shape.vertices @ matrix[:3, :3].T + matrix[:3, 3]
    faces = np.asarray(shape.faces)
    return Mesh(
        vertices @ TO_Y_UP if ending in Y_UP else vertices,
        faces if np.linalg.det(matrix[:3, :3]) > 0 else faces[:, ::-1],
        vertex_colors(shape, ending),
    )


def join(parts: list[Mesh]) -> Mesh:
    """Join meshes into one. Raises ValueError if they have no faces."""
    if not sum(len(mesh.faces) for mesh in parts):
        raise ValueError("it has no faces")
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in parts])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in parts]),
        np.concatenate([mesh.faces + start for mesh, start in zip(parts, starts, strict=False)]),
        np.concatenate([mesh.vertex_colors for mesh in parts]),
    )


def check_ending(path: Path) -> str:
    """The path's ending in lower case. Raises MeshFileError if it is not one of ENDINGS."""
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise MeshFileError(f"Meshes cannot be saved as {path.name!r}.", f"Use {', '.join(ENDINGS)}.", "input")
    return ending


def vertex_colors(loaded: trimesh.Trimesh, ending: str) -> np.ndarray:
    """The file's vertex colours, sRGB uint8 (N, 4), white by default.

    If there is a material too, trimesh keeps the colours in the file's own type.
    """
    visual: Any = loaded.visual
    colours = visual.vertex_colors if visual.kind == "vertex" else getattr(visual, "vertex_attributes", {}).get("color")
    if colours is None and visual.kind == "texture":
        material = visual.material
        if visual.uv is not None and texture_image(material) is not None:
            return np.asarray(visual.to_color().vertex_colors, np.uint8)  # the texel at every vertex
        colours = material.baseColorFactor if hasattr(material, "baseColorFactor") else material.diffuse
        colours = None if colours is None else np.tile(colours, (len(loaded.vertices), 1))
    if colours is None or len(colours) != len(loaded.vertices):
        return np.full((len(loaded.vertices), 4), WHITE, np.uint8)
    colours = np.asarray(colours)
    scale = 1 if colours.dtype.kind == "f" else np.iinfo(colours.dtype).max
    rgba = np.ones((len(colours), 4))
    rgba[:, : colours.shape[1]] = np.clip(colours / scale, 0, 1)
    if ending == ".glb":
        rgba[:, :3] = to_srgb(rgba[:, :3])
    return to_bytes(rgba)


def texture_image(material: Any) -> Any:
    """The material's texture, None if it has a single colour."""
    return material.baseColorTexture if hasattr(material, "baseColorTexture") else material.image


def encode(mesh: Mesh, ending: str) -> bytes:
    """Encode the mesh in the format of `ending`.

    Vertices keep their order, except in STL, which stores only corners, and in glTF with a texture.
    """
    import trimesh

    vertices = mesh.vertices @ TO_Y_UP.T if ending in Y_UP else mesh.vertices
    colours = mesh.vertex_colors
    if ending == ".glb" and mesh.texture is not None and mesh.uv is not None:
        return textured_files.encode_glb(mesh, vertices, mesh.vertex_normals @ TO_Y_UP.T, MATERIAL)
    shape = trimesh.Trimesh(vertices, mesh.faces, process=False, vertex_colors=None if ending == ".glb" else colours)
    options: dict[str, Any] = {}
    if ending == ".glb":
        linear = np.concatenate([to_linear(colours[:, :3] / 255), colours[:, 3:] / 255], axis=1)
        shape.vertex_attributes["_COLOR_0"] = linear.astype(np.float32)
        options = {"include_normals": True, "tree_postprocessor": name_colours}
    exported = shape.export(file_type=ending[1:], **options)
    return exported.encode() if isinstance(exported, str) else bytes(exported)  # pyright: ignore[reportArgumentType]


def name_colours(tree: dict[str, Any]) -> None:
    """Rename our float colours to glTF's colour attribute, and add a plain material.

    trimesh writes colours with 8 bits, which causes banding in dark linear tones. glTF's default material is polished
    metal.
    """
    tree["materials"] = [MATERIAL]
    for part in tree["meshes"]:
        for primitive in part["primitives"]:
            primitive["attributes"]["COLOR_0"] = primitive["attributes"].pop("_COLOR_0")
            primitive["material"] = 0


def write_output(path: Path, data: bytes) -> None:
    """Write a file whole or not at all. MeshFileError says why it cannot be written."""
    try:
        write_whole(path, data)
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> MeshFileError:
    """The error for a path that cannot be written, with a remedy for the system's reason."""
    is_full = errno.errorcode.get(error.errno or 0) in ("ENOSPC", "EDQUOT", "EFBIG")
    remedy = "Free some space, or save somewhere else." if is_full else "Choose a folder that you may write to."
    return MeshFileError(f"{path} cannot be written: {error.strerror or error}.", remedy)


def to_linear(srgb: np.ndarray) -> np.ndarray:
    """sRGB 0..1 -> linear light 0..1 (IEC 61966-2-1)."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def to_srgb(linear: np.ndarray) -> np.ndarray:
    """Linear light 0..1 -> sRGB 0..1."""
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
