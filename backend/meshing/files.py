# SPDX-License-Identifier: GPL-3.0-or-later
"""Mesh files: .ply, .glb, .obj and .stl, written whole or not at all.

PLY and STL keep Blender's axes (Z up), as Blender's importers expect; glTF and OBJ are Y up: (x, y, z) -> (x, z, -y).
PLY and OBJ store sRGB colours, glTF linear ones, STL none. A texture is embedded in .glb and lies beside .obj.
"""

from __future__ import annotations

import errno
import io
import os
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..interface.errors import kind_of, one_line, remedy_for
from ..interface.files import write_whole
from ..rendering.mesh import Mesh
from ..runtime.npz import check_npz
from . import textured_files
from .reading import gltf, obj, ply
from .reading.light import to_linear
from .reading.parts import Part, check_area, join
from .reading.refusal import Unreadable
from .reading.textures import Warn

ENDINGS = (".ply", ".glb", ".obj", ".stl")
Y_UP = (".glb", ".gltf", ".obj")
TO_Y_UP = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], np.float32)  # a rotation: determinant +1
MAX_BYTES = 512 << 20  # of a received mesh
LARGEST_FILE = 2 << 30  # bytes
MATERIAL = {"name": "Image to Mesh", "pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 0.8}}


class MeshFileError(Exception):
    """A file cannot be written or read. `remedy` says what to do; `kind` is "disk" or "input"."""

    def __init__(self, message: str, remedy: str, kind: str = "disk") -> None:
        super().__init__(message)
        self.remedy, self.kind = remedy, kind


def save(mesh: Mesh, path: str | os.PathLike) -> None:
    """Write the mesh in the format of the path's ending. Raises MeshFileError.

    An existing file is replaced only when the new one is complete, and what a link points to, not the link.
    """
    path = Path(path)
    ending = check_ending(path)
    if ending == ".obj" and mesh.texture is not None and mesh.uv is not None:
        with writing(path) as target:
            textured_files.write_obj(mesh, mesh.vertices @ TO_Y_UP.T, target)
    else:
        write_output(path, encode(mesh, ending))


def load(path: str | os.PathLike, warn: Warn = lambda sentence: None) -> Mesh:
    """Read a mesh file into Blender's frame, with sRGB colours, white by default. Raises MeshFileError.

    Several objects in one file are joined. warn: is told what is missing, such as a texture, and what is guessed.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in READERS:
        raise MeshFileError(f"{path.name!r} is no mesh file.", f"Use {', '.join(READERS)}.", "input")
    if not path.is_file():
        raise MeshFileError(f"There is no mesh at {path}.", "Check the name.", "input")
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise Unreadable(f"it is larger than {LARGEST_FILE >> 30} GB")
        parts = READERS[ending](path, warn)
        if ending in Y_UP:
            parts = [replace(part, vertices=part.vertices @ TO_Y_UP) for part in parts]
        return join(parts)
    except MemoryError:
        raise
    except Exception as error:  # a damaged file makes numpy and trimesh raise a dozen kinds
        is_own = isinstance(error, (Unreadable, OSError))
        reason = one_line(error) if is_own else f"it is damaged, {type(error).__name__} {one_line(error)}"
        message = f"{path.name} cannot be read as a mesh ({reason})."
        raise MeshFileError(message, "Choose another file.", "input") from error


def read_stl(path: Path, _warn: Warn) -> list[Part]:
    """The parts of an STL file, which has no colours."""
    import trimesh

    scene = trimesh.load_scene(path, file_type="stl", process=False, maintain_order=True)
    return [Part(shape.vertices, shape.faces) for shape in scene.dump() if isinstance(shape, trimesh.Trimesh)]


def unpack(data: bytes) -> Mesh:
    """Decode a received mesh, an npz of `Mesh`'s vertices, faces and vertex_colors. Raises MeshFileError."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(item.file_size for item in archive.infolist()) > MAX_BYTES:
                raise ValueError(f"it is larger than {MAX_BYTES >> 20} MB")
        check_npz(data)
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            faces = file["faces"]
            if faces.dtype.kind not in "iu" or not len(faces):
                raise ValueError("it has no faces")
            mesh = Mesh(file["vertices"], faces, file["vertex_colors"])
            check_area(mesh)
            return mesh
    except Exception as error:  # zipfile and numpy raise a dozen kinds
        raise MeshFileError(f"The mesh cannot be used: {one_line(error)}.", "Select another mesh.", "input") from error


def check_ending(path: Path) -> str:
    """The path's ending in lower case. Raises MeshFileError if it is not one of ENDINGS."""
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise MeshFileError(f"Meshes cannot be saved as {path.name!r}.", f"Use {', '.join(ENDINGS)}.", "input")
    return ending


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
    with writing(path) as target:
        write_whole(target, data)


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """The file to write for an output at `path`. An OSError meanwhile becomes a MeshFileError."""
    try:
        yield target_of(path)
    except OSError as error:
        raise unwritable(path, error) from error


def target_of(path: Path) -> Path:
    """The file that a path means, which may not be there yet; links are followed. OSError where it cannot be a file."""
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return target
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "It is a folder")
    if not stat.S_ISREG(mode):
        raise OSError(errno.EISDIR, "It is a pipe or a device")
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "It is write-protected")
    return target


def unwritable(path: Path, error: OSError) -> MeshFileError:
    """The error for a path that cannot be written, with a remedy for the system's reason."""
    is_full = errno.errorcode.get(error.errno or 0) in ("ENOSPC", "EDQUOT", "EFBIG")
    remedy = "Free some space, or save somewhere else." if is_full else remedy_for(error)
    return MeshFileError(f"{path} cannot be written: {error.strerror or error}.", remedy, kind_of(error))


READERS = {".ply": ply.read, ".glb": gltf.read, ".gltf": gltf.read, ".obj": obj.read, ".stl": read_stl}
