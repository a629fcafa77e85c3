# SPDX-License-Identifier: GPL-3.0-or-later
"""Validation objects as their pictures show them: turned, lit, and placed as the engines place their meshes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..interface.view_set import FOV_DEG, RADIUS
from ..rendering import cameras
from ..rendering.cameras import Camera
from ..rendering.mesh import Mesh
from ..rendering.rasteriser import render_mesh
from ..runtime.images import on_white, to_bytes
from ..training.meshes import TrainingMesh, load_mesh
from ..training.render import Light, Renderer, orbit
from .baselines import box
from .metrics import normalise

HIGHEST_DEG = 35.0  # elevation of a picture, from the horizon
Draw = Callable[[float, float, int], np.ndarray]
"""Azimuth and elevation in degrees, side in pixels -> RGBA float32 (side, side, 4), straight alpha."""


@dataclass
class PosedObject:
    """An object in the axes of its picture, whose azimuth is 0."""

    renderer: Renderer
    elevation: float  # of the picture, degrees
    truth: Mesh
    box: Mesh  # along the object's own axes

    def draw(self, azimuth: float, elevation: float, size: int) -> np.ndarray:
        """The object under its light; see Draw."""
        return self.renderer.render(orbit(azimuth, elevation), size)[0].astype(np.float32) / 255

    def picture(self, size: int) -> np.ndarray:
        """The image that an engine gets, RGBA float32 (size, size, 4)."""
        return self.draw(0, self.elevation, size)


def pose_object(entry: tuple[str, str, Path], index: int) -> PosedObject:
    """Turn, light and look at an object as `index` seeds."""
    rng = np.random.default_rng([index, 11])
    turn = rng.uniform(0, 360)
    elevation = rng.uniform(0, HIGHEST_DEG)
    light = Light.random(rng)
    source = centred(turned(load_mesh(*entry), -turn))
    renderer = Renderer(source, light)
    return PosedObject(renderer, elevation, to_mesh(source), to_mesh(turned(box_of(turned(source, turn)), -turn)))


def drawing(mesh: Mesh) -> Draw:
    """Draws a mesh without light: by ray casting, or with its texture if it has one."""
    if mesh.uv is not None and mesh.texture is not None:
        return lambda azimuth, elevation, size: render_mesh(mesh, view_camera(azimuth, elevation, size)).numpy()
    renderer = Renderer(from_mesh(mesh))
    return lambda azimuth, elevation, size: renderer.render(orbit(azimuth, elevation), size)[0].astype(np.float32) / 255


def view_camera(azimuth: float, elevation: float, size: int) -> Camera:
    """The square camera on the view sphere whose picture `Renderer` draws."""
    return Camera(cameras.orbit(azimuth, elevation, RADIUS), FOV_DEG, size, size)


def draw_views(draw: Draw, views: list[tuple[float, float]], size: int) -> list[np.ndarray]:
    """Images of views (azimuth, elevation) in degrees on white, float32 RGB (size, size, 3) each."""
    return [on_white(draw(azimuth, elevation, size)) for azimuth, elevation in views]


def turned(mesh: TrainingMesh, degrees: float) -> TrainingMesh:
    """Rotate about the vertical axis, counter-clockwise seen from above."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], np.float32)
    return TrainingMesh(mesh.name, mesh.category, mesh.vertices @ matrix.T, mesh.faces, mesh.face_colors)


def centred(mesh: TrainingMesh) -> TrainingMesh:
    """Normalise in the image's axes, as the engines place their meshes.

    Rotating an object moves the centre of its bounding box, which an image does not show and a score must not count.
    """
    placed = normalise(to_mesh(mesh))
    return replace(mesh, vertices=placed.vertices, faces=placed.faces)


def box_of(mesh: TrainingMesh) -> TrainingMesh:
    """Bounding box along the object's own axes."""
    return from_mesh(box(to_mesh(mesh)))


def to_mesh(mesh: TrainingMesh) -> Mesh:
    """Give every face its own vertices, so that corner colours become vertex colours."""
    colors = np.concatenate([mesh.face_colors, np.ones((*mesh.face_colors.shape[:2], 1))], 2).reshape(-1, 4)
    faces = np.arange(3 * len(mesh.faces), dtype=np.int32).reshape(-1, 3)
    return Mesh(mesh.vertices[mesh.faces].reshape(-1, 3), faces, to_bytes(colors))


def from_mesh(mesh: Mesh) -> TrainingMesh:
    """Wrap a mesh for the training renderer, without a name and a texture."""
    return TrainingMesh(
        "", "", mesh.vertices, mesh.faces, mesh.vertex_colors[mesh.faces][..., :3].astype(np.float32) / 255
    )
