# SPDX-License-Identifier: GPL-3.0-or-later
"""Removes backgrounds: by transparency, rembg's networks, the border's colour, or Segment Anything."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image
from scipy import ndimage

from ..interface.errors import ImageError
from ..runtime.images import on_white, to_bytes
from . import salient_object
from .sam_weights import find_sam

# Distances of RGB colours, 0..1, chosen on renders of 40 objects on plain colours, as PNG and JPEG.
NOISE = 0.04  # colours closer than this are equal
BUSY = 0.15  # colours farther apart differ, even before a busy background
HALO = 0.1  # reach of JPEG's ringing around an outline, which is HALO_PIXELS wide
HALO_PIXELS = 3
MIX = 0.25  # distance that a mix of two colours may have from the line between them
MAX_SIDE = 1024  # pixels; engines use no more, and cancelling must not wait for larger images
EVEN = 0.7  # share of the border that its colour explains, where the border is plain
SPECK = 0.01  # pieces smaller than this share of the largest are removed
MIN_PIXELS = 16  # of an object
KEPT_WORDS = "Background kept."
TRANSPARENCY_WORDS = "Transparency used."
REMBG_WORDS = "Background removed by rembg."
SAM_WORDS = "Background removed by Segment Anything."
COLOR_WORDS = "Background removed by its color."
UNEVEN_WORDS = "Background removed by its color. It is not plain: check the outline."
REMEDY = "Use an image with a plain background or transparency, or set Cut Out to Never."


@dataclass(frozen=True)
class Cutout:
    """image: RGBA float32 (H, W, 4), straight alpha; if a background was removed, with sides of at most MAX_SIDE.

    method: how the background was recognised. note: a sentence for the result's facts.
    """

    image: np.ndarray
    method: Literal["alpha", "sam", "rembg", "border", "none"]
    note: str


def remove_background(image: np.ndarray, mode: str = "auto", device: str = "cpu") -> Cutout:
    """RGBA float32 (H, W, 4), straight alpha -> the image with an alpha that shows the object alone.

    mode "auto": the image's transparency if it has any, else as "always": by one of rembg's networks if installed, else
    by the border's colour, refined by Segment Anything on `device` if installed. "never": alpha stays as it is.
    Raises ImageError if nothing would remain; WeightsError.
    """
    alpha = image[..., 3]
    if not (alpha >= 0.5).any():
        raise ImageError("The image is fully transparent.", "Choose an image that shows an object.")
    if mode == "never":
        return Cutout(image, "none", KEPT_WORDS)
    if mode == "auto" and has_meaningful_alpha(alpha):
        return Cutout(image, "alpha", TRANSPARENCY_WORDS)
    image = reduce(image)
    alpha = image[..., 3]
    color = on_white(image)
    matte = rembg_alpha(color)
    if matte is not None:
        cut, method, note = np.dstack([color, matte]), "rembg", REMBG_WORDS
    else:
        cut, note = cut_at_border_color(color)
        method = "border"
    if (sam := find_sam()) is not None and (refined := refine(sam, color, cut[..., 3], device)) is not None:
        cut, method, note = np.dstack([color, refined]), "sam", SAM_WORDS
    cut[..., 3] = np.minimum(cut[..., 3], alpha)
    if (cut[..., 3] >= 0.5).sum() < MIN_PIXELS:
        raise ImageError("No object stands out from the background.", REMEDY)
    return Cutout(cut.astype(np.float32), method, note)


def refine(sam: Path, color: np.ndarray, matte: np.ndarray, device: str) -> np.ndarray | None:
    """Segment Anything's matte (H, W), 0 or 1, in the box of a rougher one; None if either is empty."""
    import torch  # here: it takes seconds, and a cut-out by colour needs none

    from .segment_anything import load_sam, segment

    rows, columns = (np.flatnonzero((matte > 0).any(axis)) for axis in (1, 0))
    if not len(rows):
        return None
    box = int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])
    mask = segment(load_sam(sam), to_bytes(color), box, torch.device(device))
    return mask.astype(np.float32) if mask.sum() >= MIN_PIXELS else None


def reduce(image: np.ndarray) -> np.ndarray:
    """Average whole blocks of pixels until the longer side is at most MAX_SIDE."""
    factor = -(-max(image.shape[:2]) // MAX_SIDE)
    if factor == 1:
        return image
    return np.asarray(Image.fromarray(to_bytes(image)).reduce(factor), np.float32) / 255


def has_meaningful_alpha(alpha: np.ndarray) -> bool:
    """Whether at least 0.1 % of the image, and at least MIN_PIXELS, are transparent."""
    return int((alpha < 0.5).sum()) >= max(MIN_PIXELS, alpha.size // 1000)


def rembg_alpha(color: np.ndarray) -> np.ndarray | None:
    """The matte (H, W), 0..1, of the best installed network of rembg's, None without one."""
    found = salient_object.find()
    return None if found is None else salient_object.matte(*found, to_bytes(color))


def cut_at_border_color(color: np.ndarray) -> tuple[np.ndarray, str]:
    """Remove pixels of the border's colour that are connected to the border or seen through a hole.

    RGB float32 (H, W, 3) -> RGBA with soft edges and without the background's colour in them, and a note. The
    background's colour may change smoothly over the image, and the object may touch the border in places.
    """
    backdrop, noise, share = fit_backdrop(color)
    distance = np.linalg.norm(color - backdrop, axis=2)
    solid = ~_background(distance, np.clip(4 * noise, NOISE, BUSY), noise)
    solid = _without_specks(solid)
    return np.dstack(_soften(color, backdrop, solid)), COLOR_WORDS if share >= EVEN else UNEVEN_WORDS


def fit_backdrop(color: np.ndarray) -> tuple[np.ndarray, float, float]:
    """A smooth (quadratic) colour model of the background from the border.

    Returns the model (H, W, 3), the usual distance of border pixels from it, and the share of the border it explains.
    Minimises the sum of distances, not of their squares, so that an object touching the border counts little.
    """
    height, width = color.shape[:2]
    y, x = np.linspace(-1, 1, height, dtype=np.float32), np.linspace(-1, 1, width, dtype=np.float32)
    edge = np.zeros((height, width), bool)
    thickness = max(1, min(height, width) // 100)
    edge[:thickness] = edge[-thickness:] = True
    edge[:, :thickness] = edge[:, -thickness:] = True
    rows, columns = np.nonzero(edge)
    u, v = x[columns], y[rows]
    a, b = np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], axis=1), color[edge]
    distance, model = np.ones(len(a)), np.zeros((6, 3))
    for _ in range(20):  # reweighted least squares, towards the least sum of distances
        root = np.maximum(distance, NOISE / 4)[:, None] ** -0.5
        model = np.linalg.lstsq(a * root, b * root, rcond=None)[0]
        distance = np.linalg.norm(b - a @ model, axis=1)
    good = distance <= np.clip(3 * np.median(distance), NOISE, BUSY)
    noise = float(np.median(distance[good])) if good.any() else BUSY
    m = model.astype(np.float32)
    v, u = y[:, None, None], x[None, :, None]
    backdrop = (m[0] + m[2] * v + m[5] * v * v) + (m[1] + m[4] * v) * u + m[3] * (u * u)
    return backdrop, noise, float(good.mean())


def _background(distance: np.ndarray, limit: float, noise: float) -> np.ndarray:
    """Pixels whose distance is below the limit and that are connected to the border, or that show through a hole.

    A hole differs from a part of the object in a similar colour by its mean distance, which is the background's.
    """
    names = np.empty(distance.shape, np.int32)
    ndimage.label(distance < limit, output=names)
    sizes = np.maximum(np.bincount(names.ravel()), 1)
    mean = np.bincount(names.ravel(), distance.ravel()) / sizes
    behind = (sizes >= MIN_PIXELS) & (mean < max(1.5 * noise, NOISE / 2))
    behind[np.concatenate([names[0], names[-1], names[:, 0], names[:, -1]])] = True
    behind[0] = False
    return np.asarray(ndimage.binary_dilation(behind[names], iterations=HALO_PIXELS, mask=distance < HALO))


def _without_specks(solid: np.ndarray) -> np.ndarray:
    names = np.empty(solid.shape, np.int32)
    ndimage.label(solid, np.ones((3, 3)), output=names)
    sizes = np.bincount(names.ravel())
    sizes[0] = 0
    return ((sizes > 0) & (sizes >= SPECK * sizes.max()))[names]


def _soften(color: np.ndarray, backdrop: np.ndarray, solid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colour and alpha with the pixels at the outline separated into object and background.

    Such a pixel is a mix of the background and the object's colour two pixels further in; one that is not, such as a
    thin part of another colour, stays as it is.
    """
    alpha = solid.astype(np.float64)
    core = np.asarray(ndimage.binary_erosion(solid, np.ones((3, 3)), iterations=2, border_value=1), bool)
    if not core.any():
        return color, alpha
    distance, (rows, columns) = ndimage.distance_transform_edt(~core, return_indices=True)  # type: ignore[misc]
    rim = ~core & (distance < 4) & ndimage.binary_dilation(solid, np.ones((3, 3)))
    inner, seen, behind = color[rows[rim], columns[rim]], color[rim], backdrop[rim]
    away = inner - behind
    mixed = np.clip(((seen - behind) * away).sum(1) / np.maximum((away**2).sum(1), 1e-6), 0, 1)
    is_mix = np.linalg.norm(behind + mixed[:, None] * away - seen, axis=1) < MIX
    alpha[rim] = np.where(is_mix, mixed, alpha[rim])
    color = color.copy()
    color[rim] = np.where((is_mix & (mixed < 0.95))[:, None], inner, seen)
    return color, alpha
