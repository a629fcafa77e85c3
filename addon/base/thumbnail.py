# SPDX-License-Identifier: GPL-3.0-or-later
"""Small pictures of meshes, kept as text in the artist's file. numpy only, so that threads may call it."""

from __future__ import annotations

import base64
import zlib

import numpy as np

SIDE = 96  # pixels
POINTS = 15_000  # on the surface, each two pixels wide: enough to leave no holes
ELEVATION = np.radians(20)
AZIMUTH = np.radians(30)
BACKDROP = 0.19  # sRGB grey, near the colour of Blender's panels
LONGEST = 4 * SIDE * SIDE  # bytes; no longer text can be one of these pictures


def paint(vertices: np.ndarray, faces: np.ndarray, colors: np.ndarray, turn: float = 0.0) -> np.ndarray:
    """Draw a mesh from its front right, a little from above: vertices (N, 3), faces (M, 3), colours uint8 (N, 4) ->
    uint8 (SIDE, SIDE, 3), first row on top. turn: further to the right, in radians. Points are drawn evenly from the
    surface, and each pixel shows the nearest one."""
    picture = np.full((SIDE, SIDE, 3), round(255 * BACKDROP), np.uint8)
    corners = vertices[faces].astype(np.float32)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(across, axis=1)
    if not area.sum() > 0:
        return picture
    rng = np.random.default_rng(0)
    face = rng.choice(len(faces), POINTS, p=area / area.sum())
    share = rng.dirichlet((1, 1, 1), POINTS).astype(np.float32)
    points = np.einsum("pc,pcx->px", share, corners[face])
    azimuth = AZIMUTH + turn
    right = np.array([np.cos(azimuth), np.sin(azimuth), 0])
    behind = np.array([-np.sin(azimuth) * np.cos(ELEVATION), np.cos(azimuth) * np.cos(ELEVATION), -np.sin(ELEVATION)])
    seen = points @ np.stack([right, np.cross(right, behind), behind], 1)
    low, high = seen[:, :2].min(0), seen[:, :2].max(0)
    pixel = (SIDE / 2 + (seen[:, :2] - (low + high) / 2) * (0.92 * SIDE / (high - low).max())).astype(int)
    pixel = (pixel[:, None] + [(0, 0), (0, 1), (1, 0), (1, 1)]).transpose(2, 0, 1)
    light = 0.55 + 0.45 * np.abs(across[face] @ behind) / area[face]
    shown = np.einsum("pc,pcx->px", share, colors[faces[face], :3].astype(np.float32)) * light[:, None]
    order = np.argsort(-seen[:, 2], kind="stable")  # painted from back to front
    column, row = pixel[:, order].reshape(2, -1)
    picture[SIDE - 1 - row, column] = np.repeat(shown[order], 4, 0).astype(np.uint8)
    return picture


def encode(picture: np.ndarray) -> str:
    return base64.b64encode(zlib.compress(picture.tobytes(), 9)).decode()


def decode(text: str) -> np.ndarray | None:
    """The picture in a text of `encode`, or None: a file can hold anything."""
    try:
        data = zlib.decompressobj().decompress(base64.b64decode(text[:LONGEST]), SIDE * SIDE * 3)
        return np.frombuffer(data, np.uint8).reshape(SIDE, SIDE, 3)
    except (ValueError, zlib.error):
        return None
