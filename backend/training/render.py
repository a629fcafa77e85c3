# SPDX-License-Identifier: GPL-3.0-or-later
"""Ray-cast views of training meshes (Embree): RGBA, depth, and the framed input view of One-2-3-45."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene

from ..interface.view_set import FOV_DEG, RADIUS
from ..rendering import cameras
from ..runtime.images import to_bytes
from .meshes import TrainingMesh
from .patterns import Pattern

FRAMED_SHARE = 0.75  # of the image's side that the object's box fills after framing


@dataclass
class Light:
    """A directional light: colour = albedo * (ambient + (1 - ambient) * max(0, n.l))."""

    direction: np.ndarray  # (3,), unit vector to the light
    ambient: float  # 0..1

    @classmethod
    def random(cls, rng: np.random.Generator) -> Light:
        """Draw a soft light, mostly from above; a quarter of the objects is unlit."""
        direction = rng.normal(size=3) + np.array([0.0, 0.0, 1.0])
        ambient = 1.0 if rng.random() < 0.25 else rng.uniform(0.5, 0.9)
        return cls((direction / np.linalg.norm(direction)).astype(np.float32), ambient)


def orbit(azimuth_deg: float, elevation_deg: float) -> np.ndarray:
    """Camera-to-world matrix (4, 4) float32 on One-2-3-45's view sphere."""
    return cameras.orbit(azimuth_deg, elevation_deg, RADIUS).numpy()


class Renderer:
    """Casts rays at one mesh, optionally painted with a pattern."""

    def __init__(self, mesh: TrainingMesh, light: Light | None = None, pattern: Pattern | None = None):
        self.mesh = mesh
        self.pattern = pattern
        self.light = light or Light(np.array([0, 0, 1], np.float32), 1.0)
        self.scene = EmbreeScene()
        TriangleMesh(self.scene, np.ascontiguousarray(mesh.vertices[mesh.faces], np.float32))

    def box(self, camera: np.ndarray) -> np.ndarray:
        """Projected bounding box (left, bottom, right, top) in the camera's tangent units, x / -z and y / -z."""
        points = (self.mesh.vertices[np.unique(self.mesh.faces)] - camera[:3, 3]) @ camera[:3, :3]
        points = points[:, :2] / np.maximum(-points[:, 2:], 1e-6)
        return np.concatenate([points.min(0), points.max(0)])

    def framing(self, camera: np.ndarray) -> np.ndarray:
        """Square window (left, bottom, right, top) in which the object's box fills FRAMED_SHARE of the side."""
        box = self.box(camera)
        centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]).max() / 2 / FRAMED_SHARE
        return np.concatenate([centre - half, centre + half])

    def render(
        self, camera: np.ndarray, size: int, window: np.ndarray | None = None, samples: int = 2
    ) -> tuple[np.ndarray, np.ndarray]:
        """Render RGBA uint8 (size, size, 4), straight alpha, and ray distance float32 (size, size), inf for background.

        window: in tangent units; None is the whole image at FOV_DEG. samples: samples ** 2 rays per pixel.
        """
        half = np.tan(np.radians(FOV_DEG) / 2)
        left, _, right, top = (-half, -half, half, half) if window is None else window
        n = size * samples
        step = (right - left) / n
        box = self.box(camera)
        x0, x1 = np.clip([(box[0] - left) / step - 1, (box[2] - left) / step + 2], 0, n).astype(int)
        y0, y1 = np.clip([(top - box[3]) / step - 1, (top - box[1]) / step + 2], 0, n).astype(int)
        x, y = np.meshgrid(left + (np.arange(x0, x1) + 0.5) * step, top - (np.arange(y0, y1) + 0.5) * step)
        directions = np.stack([x, y, np.full_like(x, -1)], -1).reshape(-1, 3) @ camera[:3, :3].T
        directions = (directions / np.linalg.norm(directions, axis=1, keepdims=True)).astype(np.float32)
        rgba, distance = np.zeros((n, n, 4), np.float32), np.full((n, n), np.inf, np.float32)
        if len(directions):
            colors, t, _ = self.cast(np.broadcast_to(camera[:3, 3].astype(np.float32), directions.shape), directions)
            rgba[y0:y1, x0:x1], distance[y0:y1, x0:x1] = (a.reshape(y.shape + a.shape[1:]) for a in (colors, t))
        blocks = rgba.reshape(size, samples, size, samples, 4).mean((1, 3))
        blocks[..., :3] /= np.maximum(blocks[..., 3:], 1e-6)
        near = distance.reshape(size, samples, size, samples).min((1, 3))
        return to_bytes(blocks), near

    def cast(self, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Cast rays (N, 3) float32 -> premultiplied RGBA (N, 4), distance (N,), inf for misses, normal (N, 3)."""
        hits = self.scene.run(
            np.ascontiguousarray(origins), np.ascontiguousarray(directions), query="INTERSECT", output=True
        )
        index = np.nonzero(hits["primID"] >= 0)[0]
        face, u, v = hits["primID"][index], hits["u"][index, None], hits["v"][index, None]
        corners = self.mesh.face_colors[face]
        albedo = corners[:, 0] * (1 - u - v) + corners[:, 1] * u + corners[:, 2] * v
        if self.pattern is not None:
            albedo = self.pattern.paint(origins[index] + hits["tfar"][index, None] * directions[index], albedo)
        normal = hits["Ng"][index]
        normal = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
        normal *= -np.sign((normal * directions[index]).sum(1, keepdims=True))
        shade = self.light.ambient + (1 - self.light.ambient) * np.maximum(normal @ self.light.direction, 0)
        rgba, distance = np.zeros((len(origins), 4), np.float32), np.full(len(origins), np.inf, np.float32)
        normals = np.zeros((len(origins), 3), np.float32)
        rgba[index, :3], rgba[index, 3] = albedo * shade[:, None], 1
        distance[index], normals[index] = hits["tfar"][index], normal
        return rgba, distance, normals
