# SPDX-License-Identifier: GPL-3.0-or-later
"""A sheet of results: a row for each picture, with the meshes that were made of it from five sides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..meshing.files import TO_Y_UP, MeshFileError, load
from ..preprocess.framing import frame
from ..rendering.mesh import Mesh
from ..runtime.images import on_white
from .metrics import normalise
from .objects import draw_views, drawing

AZIMUTHS = (0, 45, 90, 180, 270)  # degrees from the picture
ELEVATION = 15.0  # degrees
CELL = 160  # pixels
HEADER = 16


def load_textured(path: Path) -> Mesh:
    """Read a .glb as the backend writes it, with its texture if it has one. Raises MeshFileError."""
    import trimesh

    try:
        shape: Any = trimesh.load(path, force="mesh", process=False)
        vertices, faces, visual = shape.vertices @ TO_Y_UP, np.asarray(shape.faces), shape.visual
        image = visual.material.baseColorTexture if visual.kind == "texture" else None
        if image is None:
            return load(path)
        return Mesh(
            vertices, faces, uv=np.asarray(visual.uv, np.float32)[faces], texture=np.asarray(image.convert("RGBA"))
        )
    except Exception as error:  # the readers raise a dozen kinds
        raise MeshFileError(f"{path} cannot be read ({error}).", "Make it again.", "input") from error


def draw_row(picture: np.ndarray, meshes: list[Mesh | None]) -> np.ndarray:
    """A picture (H, W, 4) and five sides of each mesh, white where one is missing: float32 (CELL, cells * CELL, 3)."""
    cells = [on_white(frame(picture, CELL, 0.95)[0])]
    for mesh in meshes:
        if mesh is None:
            cells += [np.ones((CELL, CELL, 3), np.float32)] * len(AZIMUTHS)
        else:
            cells += draw_views(drawing(normalise(mesh)), [(azimuth, ELEVATION) for azimuth in AZIMUTHS], CELL)
    return np.concatenate(cells, 1)


def header(titles: list[str]) -> np.ndarray:
    """A line of text above the cells, float32 (HEADER, cells * CELL, 3): each title with every azimuth."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (CELL * (1 + len(AZIMUTHS) * len(titles)), HEADER), "white")
    words = ["picture", *(f"{title} {azimuth}" for title in titles for azimuth in AZIMUTHS)]
    for number, text in enumerate(words):
        ImageDraw.Draw(image).text((number * CELL + 4, 2), text, fill="black")
    return np.asarray(image, np.float32) / 255


def draw_sheet(pictures: list[np.ndarray], results: dict[str, list[Mesh | None]]) -> np.ndarray:
    """A header and a row for each picture; results: the meshes of all pictures, by the title of the folder."""
    rows = [draw_row(picture, [meshes[i] for meshes in results.values()]) for i, picture in enumerate(pictures)]
    return np.concatenate([header(list(results)), *rows])
