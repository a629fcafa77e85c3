# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours of the sides that the input image does not show: from the counterparts that it shows, where the object is
symmetric, and from the model, in the image's own palette, elsewhere."""

from __future__ import annotations

import numpy as np
from scipy.cluster.vq import kmeans2
from torch import Tensor

from ..interface.common_parameters import FRONT, MODEL
from ..meshing.texture import Colors
from ..rendering.mesh import Mesh
from .input_view import InputView
from .shown_colors import ShownColors
from .symmetry import Symmetry, find_symmetries, sample_surface

LARGEST_RESIDUAL = 0.03  # world units by which counterparts may miss the surface
LARGEST_DIFFERENCE = 0.08  # of the image's colours at points and counterparts that it both shows, 0..1
ENOUGH = 15.0  # points that the image shows with their counterparts, to compare their colours
PROVEN = 0.2  # share of what the image shows whose counterparts it shows too, for a symmetry that leads to the back
TO_BACK = 0.2  # cosine between the image's side, moved by a symmetry, and the opposite side: it leads to the back
MOST = 4  # symmetries that are used
PALETTE = 8  # colours
PALETTE_SAMPLES = 2000  # pixels that the palette is drawn from
NEARNESS = 0.03  # difference of colours, 0..1, below which two of the palette share a point
OWN_SHARE = 0.3  # of a model's colour that is kept beside the palette's


def main_colors(image: Tensor) -> np.ndarray:
    """The main colours (up to PALETTE, 3) of an object; image: as `ShownColors.averaged` gives it."""
    pixels = image[image[..., 3] == 1, :3].cpu().numpy().astype(np.float64)
    pixels = pixels[:: max(1, len(pixels) // PALETTE_SAMPLES)]
    different = np.unique(pixels.round(2), axis=0)
    if len(different) <= PALETTE:
        return different
    starts = np.random.default_rng(0).choice(different, PALETTE, replace=False)
    centres, members = kmeans2(pixels, starts, minit="matrix", missing="warn")
    return centres[np.unique(members)]


def unseen_colors(mesh: Mesh, shown: ShownColors, own: Colors, choice: str) -> Colors:
    """Colours of a mesh's whole surface, which the image's are to be laid over.

    shown: the image's, on this mesh. own: the model's. choice: one of common_parameters.UNSEEN_SIDES.
    """
    if choice == MODEL or not len(mesh.faces):
        return own
    if choice == FRONT:
        return shown.through
    points, normals = sample_surface(mesh)
    found = [s for s in find_symmetries(points, normals, LARGEST_RESIDUAL) if is_credible(s, shown, points, normals)]
    return counterpart_colors(found[:MOST], shown, palette_colors(main_colors(shown.image), own))


def is_credible(symmetry: Symmetry, shown: ShownColors, points: np.ndarray, normals: np.ndarray) -> bool:
    """Whether colours may be taken from the counterparts of points (N, 3) with unit normals (N, 3).

    The image must not show points and counterparts in different colours. A symmetry that leads from the image's side to
    the back needs proof besides, since the shape of a head says nothing about the face.
    """
    here, count = shown.at(points, normals)
    there, count_there = shown.at(symmetry.move(points), symmetry.turn(normals))
    weight = count * count_there
    total = float(weight.sum())
    if total > ENOUGH and float(np.abs(here - there).mean(1) @ weight) / total > LARGEST_DIFFERENCE:
        return False
    return leads_to_back(symmetry, shown.view) <= TO_BACK or total >= PROVEN * float(count.sum())


def leads_to_back(symmetry: Symmetry, view: InputView) -> float:
    """Cosine between the side that the view shows, moved by the symmetry, and the opposite side."""
    side = view.camera.cam_to_world[:3, 2].double().cpu().numpy() * [1, 1, 0]
    side /= max(float(np.linalg.norm(side)), 1e-6)
    return -float(side @ symmetry.matrix @ side)


def counterpart_colors(symmetries: list[Symmetry], shown: ShownColors, rest: Colors) -> Colors:
    """The image's colours at the first counterpart that it shows, by symmetries in order; else the colours `rest`."""

    def colors(points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        rgb, left = np.zeros((len(points), 3), np.float32), np.ones(len(points), np.float32)
        for symmetry in symmetries:
            open_ = np.flatnonzero(left > 0)
            found, share = shown.at(symmetry.move(points[open_]), symmetry.turn(normals[open_]))
            share *= left[open_]
            rgb[open_] += share[:, None] * found
            left[open_] -= share
        open_ = np.flatnonzero(left > 0)
        rgb[open_] += left[open_, None] * rest(points[open_], normals[open_])
        return rgb

    return colors


def palette_colors(palette: np.ndarray, own: Colors) -> Colors:
    """Colours from `own`, drawn towards the nearest of a palette (P, 3), so that what is washed out is clear."""

    def colors(points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        rgb = own(points, normals)
        distance = ((rgb[:, None] - palette) ** 2).sum(2)
        weight = np.exp((distance.min(1, keepdims=True) - distance) / NEARNESS**2)
        nearest = weight @ palette / weight.sum(1, keepdims=True)
        return (OWN_SHARE * rgb + (1 - OWN_SHARE) * nearest).astype(np.float32)

    return colors
