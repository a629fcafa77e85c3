# SPDX-License-Identifier: GPL-3.0-or-later
"""The input image's camera, recovered so that the finished mesh overlays the image."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from ..interface.view_set import RADIUS
from ..rendering.cameras import Camera, orbit
from ..rendering.mesh import Mesh
from ..rendering.rasteriser import rasterise

IOU_SIZE = 256  # pixels of the image's longer side when the overlap is measured


def match_camera(mesh: Mesh, alpha: np.ndarray, elevation_deg: float, radius: float = RADIUS) -> dict[str, Any]:
    """Recover the camera of an image with alpha (H, W), 0..1, that shows the mesh's front at this elevation.

    The mesh's projected bounding box is fitted to the silhouette's. Returns elevation_deg and radius of the camera on
    the view sphere; fov_deg, vertical; shift, of the image centre from the optical axis, (right, up) in image widths;
    size, the image's (W, H); iou of the silhouettes. Empty if the mesh or the silhouette is empty.
    """
    mask = alpha > 0.5
    if not len(mesh.faces) or not mask.any():
        return {}
    height, width = alpha.shape
    pose = orbit(0, elevation_deg, radius)
    local = (torch.from_numpy(mesh.vertices) - pose[:3, 3]) @ pose[:3, :3]
    plane = (local[:, :2] / -local[:, 2:]).numpy()
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    box = np.array([[columns[0], height - rows[-1] - 1], [columns[-1] + 1, height - rows[0]]], float)  # y up
    low, high = plane.min(0), plane.max(0)
    span = np.maximum(high - low, 1e-9)
    focal = float((span @ (box[1] - box[0])) / (span @ span))  # least squares of both sides
    axis = (box[0] + box[1]) / 2 - focal * (low + high) / 2  # where the optical axis meets the image
    shift = (np.array([width, height]) / 2 - axis) / width
    return {
        "elevation_deg": round(float(elevation_deg), 3),
        "radius": radius,
        "fov_deg": round(2 * math.degrees(math.atan(height / 2 / focal)), 4),
        "shift": [round(float(s), 5) for s in shift],
        "size": [width, height],
        "iou": round(silhouette_iou(mesh, pose, mask, focal, axis), 4),
    }


def silhouette_iou(mesh: Mesh, pose: torch.Tensor, mask: np.ndarray, focal: float, axis: np.ndarray) -> float:
    """Intersection over union of the mesh's silhouette and a mask (H, W).

    pose: camera-to-world (4, 4). focal: in pixels. axis: where the optical axis meets the image, in pixels from the
    lower left corner.
    """
    height, width = mask.shape
    scale = min(1.0, IOU_SIZE / max(height, width))
    middle = axis[0], height - axis[1]  # (column, row)
    reach = max(middle[0], width - middle[0], middle[1], height - middle[1])  # a centred square holds the image
    side = max(1, round(2 * reach * scale))
    fov = 2 * math.degrees(math.atan(side / 2 / (focal * scale)))
    vertices = torch.from_numpy(mesh.vertices)
    faces = torch.from_numpy(mesh.faces).long()
    face = rasterise(vertices, faces, Camera(pose, fov, side, side)).face.numpy() >= 0
    row, column = ((np.indices((side, side)) + 0.5 - side / 2) / scale).astype(float)
    row, column = np.floor(row + middle[1]).astype(int), np.floor(column + middle[0]).astype(int)
    within = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    truth = np.zeros_like(face)
    truth[within] = mask[row[within], column[within]]
    return float((face & truth).sum() / max((face | truth).sum(), 1))
