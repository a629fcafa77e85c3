# SPDX-License-Identifier: GPL-3.0-or-later
"""Make Solid: repairs a mesh and, if wanted, wraps it into one closed skin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...rendering.mesh import Mesh
from . import topology
from .origin import Origin
from .outside import Check
from .repair import Surface, repair
from .skin import wrap

MOST_FACES = 2_000_000
Stage = Callable[[str], object]


class SolidError(ValueError):
    """The mesh cannot be worked on; `remedy` says what to do."""

    kind = "input"

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True)
class Solid:
    """The new mesh, where its faces lie on the one before, and numbers of faces: removed, flipped, lids (added)."""

    mesh: Mesh
    origin: Origin
    facts: dict[str, int]


def make_solid(
    mesh: Mesh, holes: float, cells: int = 0, check: Check = lambda: None, stage: Stage = lambda name: None
) -> Solid:
    """Turn all faces outwards, close small holes, remove what no ray from outside reaches. Raises SolidError.

    holes: diameter up to which holes are closed, as a share of the mesh's largest side. cells: 0 keeps the faces; else
    the mesh is wrapped into one closed skin, from a grid with this many cells along its largest side. check: called
    often, raises to stop; stage: called with the name of the part of the work that begins.
    """
    check_mesh(mesh)
    low, high = bounds(mesh)
    middle, scale = (low + high) / 2, float((high - low).max()) / 2
    stage("Repairing")
    repaired = repair((mesh.vertices - middle) / scale, mesh.faces, 2 * holes, check)
    facts = changes(repaired, len(mesh.faces))
    if not cells:
        faces, old = topology.split_vertices(repaired.faces, topology.find_mates(repaired.vertices, repaired.faces))
        return dressed(mesh, mesh.vertices[old], faces, repaired.origin, facts)
    stage("Skin")
    skin = wrap(repaired, cells, check)
    faces, old = topology.split_vertices(skin.faces, topology.find_mates(skin.vertices, skin.faces))
    return dressed(mesh, skin.vertices[old] * scale + middle, faces, skin.origin, facts)


def check_mesh(mesh: Mesh) -> None:
    """Raise SolidError for a mesh that has no surface, or more of it than anybody would wait for."""
    if not len(mesh.faces):
        raise SolidError("The mesh has no faces.", "Choose a mesh with faces.")
    if len(mesh.faces) > MOST_FACES:
        remedy = f"Decimate it to at most {MOST_FACES:,} first."
        raise SolidError(f"The mesh has {len(mesh.faces):,} triangles, which is too many.", remedy)
    low, high = bounds(mesh)
    if (high - low).max() <= 0 or not mesh.face_areas.any():
        raise SolidError("The mesh has no area: all its faces are lines or points.", "Choose a mesh with a surface.")


def bounds(mesh: Mesh) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest coordinates of the faces, float64 (3,) each."""
    used = mesh.vertices[mesh.faces].astype(np.float64)
    return used.min((0, 1)), used.max((0, 1))


def changes(surface: Surface, before: int) -> dict[str, int]:
    """Numbers of faces that a repair removed, flipped and added."""
    weights = surface.origin.weights
    is_kept = (weights.max(2) == 1).all(1) & (weights[:, 0, 0] == 1)
    flipped = is_kept & (weights[:, 1, 2] == 1)
    lids = len(weights) - len(np.unique(surface.origin.face))
    return {"removed": before - len(weights) + lids, "flipped": int(flipped.sum()), "lids": lids}


def dressed(mesh: Mesh, vertices: np.ndarray, faces: np.ndarray, origin: Origin, facts: dict[str, int]) -> Solid:
    """The new mesh in the colours and the texture of the old one."""
    shown = origin.interpolate(mesh.vertex_colors[mesh.faces])
    times = np.maximum(np.bincount(faces.ravel(), minlength=len(vertices)), 1)
    mean = [np.bincount(faces.ravel(), shown[..., i].ravel(), len(vertices)) / times for i in range(4)]
    colors = np.rint(np.clip(np.stack(mean, 1), 0, 255)).astype(np.uint8)
    uv = None if mesh.uv is None else origin.interpolate(mesh.uv)
    return Solid(Mesh(vertices, faces, colors, uv, mesh.texture), origin, facts)
