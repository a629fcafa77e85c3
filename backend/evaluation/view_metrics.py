# SPDX-License-Identifier: GPL-3.0-or-later
"""How like two objects look from several sides, and how well a mesh lies under its picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ..rendering.cameras import Camera, orbit
from ..rendering.mesh import Mesh
from ..rendering.rasteriser import render_mesh
from ..runtime.images import on_white
from ..training.lpips import weights as lpips_weights
from .metrics import psnr, ssim
from .objects import Draw, draw_views

SIZE = 256  # pixels a side of the views
AZIMUTHS = (0, 30, 60, 90, 180)  # degrees from the picture's camera; of all but 0 and 180 both signs are averaged
SIDES = tuple(range(0, 360, 45))
ALL = tuple(sorted({*SIDES, *(a for b in AZIMUTHS for a in (b, -b % 360))}))
Measure = Callable[[np.ndarray, np.ndarray], float]
Images = Mapping[int, np.ndarray]  # RGB (SIZE, SIZE, 3) in 0..1, by azimuth


def draw_sides(draw: Draw, elevation: float) -> dict[int, np.ndarray]:
    """The views at every azimuth of ALL, on white."""
    return dict(zip(ALL, draw_views(draw, [(a, elevation) for a in ALL], SIZE), strict=True))


def compare_views(images: Images, truth: Images) -> dict[str, float]:
    """PSNR, SSIM and, where its weights are there, LPIPS of every azimuth; of the last two also the mean of SIDES."""
    measures: dict[str, Measure] = {"psnr": psnr, "ssim": ssim}
    if lpips_weights.is_there("alexnet"):
        measures["lpips"] = lpips
    scores = {}
    for name, measure in measures.items():
        each = {azimuth: measure(images[azimuth], truth[azimuth]) for azimuth in ALL}
        scores |= {f"{name}_{a}": (each[a] + each[-a % 360]) / 2 for a in AZIMUTHS}
        if name != "psnr":  # its mean would be ruled by the views that fit best
            scores[f"{name}_sides"] = float(np.mean([each[azimuth] for azimuth in SIDES]))
    return scores


@torch.no_grad()
def lpips(image: np.ndarray, other: np.ndarray) -> float:
    """LPIPS by AlexNet of two images (H, W, 3) in 0..1. Raises WeightsError."""
    a, b = (torch.from_numpy(x).permute(2, 0, 1)[None].float() for x in (image, other))
    return float(lpips_weights.load("alexnet")(a, b))


def picture_psnr(mesh: Mesh, camera: Mapping[str, Any], picture: np.ndarray) -> float:
    """PSNR in dB of a mesh, as its engine placed it, against its picture (S, S, 4), both on white.

    camera: the engine's fact `picture_camera`, by which the mesh overlays the picture.
    """
    return psnr(on_white(render_mesh(*under_picture(mesh, camera, len(picture)))).numpy(), on_white(picture))


def under_picture(mesh: Mesh, camera: Mapping[str, Any], size: int) -> tuple[Mesh, Camera]:
    """The mesh, and the camera that shows it as the square picture does, size x size pixels.

    The picture's middle lies beside the camera's axis. A shear by depth moves the object there, and nothing else.
    """
    pose = orbit(0, camera["elevation_deg"], camera["radius"])
    view = Camera(pose, camera["fov_deg"], size, size)
    right, up, back = pose[:3, :3].T.double().numpy()
    depth = -(mesh.vertices - pose[:3, 3].double().numpy()) @ back
    aside, above = (np.array(camera["shift"]) * -size / view.focal).tolist()
    return replace(mesh, vertices=mesh.vertices + depth[:, None] * (aside * right + above * up)), view
