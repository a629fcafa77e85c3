# SPDX-License-Identifier: GPL-3.0-or-later
"""PLY, ascii and binary of both byte orders, with colours of vertices or faces, or a texture as MeshLab writes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .parts import Part
from .ply_elements import Element, read_elements
from .polygons import triangulate
from .refusal import Unreadable
from .textures import Warn, corner_texels, file_beside, open_texture

TEXTURE = "texturefile"  # the comment that names it
INDICES = ("vertex_indices", "vertex_index")
STRIPS = ("tristrips",)
UV = (("s", "t"), ("u", "v"), ("texture_u", "texture_v"), ("texture_s", "texture_t"))
PREFIXES = ("", "diffuse_")
CORNER_UV = ("texcoord",)


def read(path: Path, warn: Warn) -> list[Part]:
    """The file's one part. warn is told what is missing, or guessed. ValueError."""
    elements, comments = read_elements(path.read_bytes())
    vertex, face = elements.get("vertex"), elements.get("face")
    if vertex is None or not all(axis in vertex.columns for axis in "xyz"):
        raise Unreadable("it has no vertices")
    vertices = np.stack([vertex.columns[axis].astype(np.float64) for axis in "xyz"], 1)
    strips = elements.get("tristrips")
    if strips is not None and (listed := strips.find(("vertex_indices", *STRIPS))) is not None:
        return [Part(vertices, unroll(listed[0]), vertex_colors(vertex, warn))]
    found = face.find(INDICES) if face is not None else None
    if face is None or found is None:
        return [Part(vertices, np.zeros((0, 3), np.int64))]
    corners, sizes = found[0].astype(np.int64), found[1]
    places, polygons = triangulate(vertices, corners, sizes)
    colors = vertex_colors(vertex, warn)
    if colors is None and (of_faces := vertex_colors(face, warn)) is not None:
        colors = np.repeat(of_faces[polygons, None], 3, 1)
    if colors is None:
        colors = texture_colors(path, comments, corner_uv(vertex, face, corners, sizes), places, warn)
    return [Part(vertices, corners[places], colors)]


def vertex_colors(element: Element, warn: Warn) -> np.ndarray | None:
    """The colours of an element's rows, sRGB 0..1 (N, 4), None if it has none. warn is told where they are guessed."""
    for prefix in PREFIXES:
        columns = [element.columns.get(prefix + name) for name in ("red", "green", "blue", "alpha")]
        if any(column is None for column in columns[:3]):
            columns = [element.columns.get(prefix + name) for name in ("r", "g", "b", "a")]
        if all(column is not None for column in columns[:3]):
            rgb = np.stack([column for column in columns[:3] if column is not None], 1)
            whole, alpha = scale_of(rgb, warn), columns[3]
            rgba = np.ones((len(rgb), 4))
            rgba[:, :3] = rgb / whole
            if alpha is not None:
                rgba[:, 3] = alpha / (whole if alpha.dtype == rgb.dtype else scale_of(alpha, warn))
            return np.clip(np.nan_to_num(rgba), 0, 1)
    return None


def scale_of(values: np.ndarray, warn: Warn) -> float:
    """The value that stands for 1: that of the type; of wider numbers than colours need, 255 if they fit it."""
    kind = values.dtype
    largest = float(np.nanmax(values, initial=0))
    if kind.kind == "f":
        if largest > 1 and np.array_equal(values, np.rint(values)):
            warn("The mesh's colours exceed 1: 255 is taken for full.")
            return 255
        return 1
    if kind in (np.int8, np.uint8, np.uint16):
        return np.iinfo(kind).max
    if largest <= 255:
        warn("The mesh's colours are of an unusual type: 255 is taken for full.")
        return 255
    return 65535 if largest <= 65535 else float(np.iinfo(kind).max)


def corner_uv(vertex: Element, face: Element, corners: np.ndarray, sizes: np.ndarray) -> np.ndarray | None:
    """UV coordinates of all polygons' corners (C, 2), v up, of faces or vertices; None if there are none."""
    if (listed := face.find(CORNER_UV)) is not None and np.array_equal(listed[1], 2 * sizes):
        return listed[0].reshape(-1, 2).astype(np.float64)
    for u, v in UV:
        if u in vertex.columns and v in vertex.columns:
            return np.stack([vertex.columns[u], vertex.columns[v]], 1).astype(np.float64)[corners]
    return None


def texture_colors(
    path: Path, comments: list[str], uv: np.ndarray | None, places: np.ndarray, warn: Warn
) -> np.ndarray | None:
    """Colours of triangles' corners (M, 3, 4) from the texture that a comment names; None if there is none."""
    names = [comment.split(None, 1)[1] for comment in comments if comment.lower().startswith(TEXTURE + " ")]
    if uv is None or not names:
        return None
    file = file_beside(path.parent, names[0].strip())
    if file is None:
        warn(f"The texture {names[0][:80]!r} is not in the mesh's folder.")
        return None
    return corner_texels(open_texture(file.read_bytes()), (uv * [1, -1] + [0, 1])[places])


def unroll(strip: np.ndarray) -> np.ndarray:
    """Faces (M, 3) of strips of triangles, each ended by -1."""
    faces = [np.zeros((0, 3), np.int64)]
    start = 0
    for end in [*np.flatnonzero(strip < 0), len(strip)]:
        part = strip[start:end].astype(np.int64)
        start = end + 1
        if len(part) >= 3:
            triangles = np.stack([part[:-2], part[1:-1], part[2:]], 1)
            triangles[1::2] = triangles[1::2, ::-1]
            faces.append(triangles)
    return np.concatenate(faces)
