# SPDX-License-Identifier: GPL-3.0-or-later
"""Removes backgrounds: by transparency, a network for salient objects, the border's colour, or Segment Anything."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image
from scipy import ndimage

from ..interface.errors import ImageError
from ..runtime.images import SEEN, clear_unseen, on_white, to_bytes
from . import outline, salient_object
from .holes import MIN_PIXELS, NOISE, find_background
from .sam_weights import find_sam
from .shadows import SHADOW_WORDS, find_floor_shadow, without_shadow
from .translucency import GLASS_WORDS, solidify

# Distances of RGB colours, 0..1, chosen on renders of 40 objects on plain colours, as PNG and JPEG.
BUSY = 0.15  # colours farther apart differ, even before a busy background
MAX_SIDE = 2048  # pixels, as in image.py; cancelling must not wait for larger images
BORDER_PIXELS = 20_000  # of the border at most count, evenly spread
EVEN = 0.7  # share of the border that its colour explains, where the border is plain
QUIET = 0.02  # usual distance of a plain background's pixels from its colour
SURE = 0.9  # opacity of a network's matte where it sees an object in a hole
SPECK = 0.01  # pieces smaller than this share of the largest are removed
KEPT_WORDS = "Background kept."
TRANSPARENCY_WORDS = "Transparency used."
NETWORK_WORDS = "Background removed by a trained network."
NETWORK_UNEVEN_WORDS = "Cut out by a network. Background not plain: check the outline."
SAM_WORDS = "Background removed by Segment Anything."
HOLE_WORDS = "A spot of the background's color was taken as a hole."
COLOR_WORDS = "Background removed by its color."
UNEVEN_WORDS = "Background removed by its color. It is not plain: check the outline."
DAMAGED_WORDS = (
    "Background removed by its color: the cut-out network is damaged. Press Repair Backend in the preferences."
)
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

    mode "auto": the image's transparency if it has any, else as "always": by the best network that is installed, else
    by the border's colour, refined by Segment Anything on `device` if installed. "never": alpha stays as it is.
    Soft shadows are left out except by "never"; a half-transparent object becomes solid in every mode.
    Raises ImageError if nothing would remain; WeightsError.
    """
    if not (image[..., 3] >= SEEN).any():
        raise ImageError("The image is fully transparent.", "Choose an image that shows an object.")
    lit, has_shadow = (image, False) if mode == "never" else without_shadow(image)
    solid, is_glass = solidify(lit)
    cutout = cut_by_mode(solid, mode, device)
    words = (cutout.note, SHADOW_WORDS * has_shadow, GLASS_WORDS * is_glass)
    return replace(cutout, image=clear_unseen(cutout.image), note=" ".join(filter(None, words)))


def cut_by_mode(image: np.ndarray, mode: str, device: str) -> Cutout:
    """`remove_background` of an image whose alpha is the object's, as far as it has one."""
    if mode == "never":
        return Cutout(image, "none", KEPT_WORDS)
    if mode == "auto" and has_meaningful_alpha(image[..., 3]):
        return Cutout(image, "alpha", TRANSPARENCY_WORDS)
    image = reduce(image)
    alpha = image[..., 3]
    color = on_white(image)
    cut, method, note = cut_out(color)
    if (sam := find_sam()) is not None and (refined := refine(sam, color, cut[..., 3], device)) is not None:
        cut, method, note = np.dstack(outline.separate(color, refined)), "sam", SAM_WORDS
    cut[..., 3] = np.minimum(cut[..., 3], alpha)
    if (cut[..., 3] >= 0.5).sum() < MIN_PIXELS:
        raise nothing()
    return Cutout(cut.astype(np.float32), method, note)


def nothing() -> ImageError:
    """The error for an image without an object."""
    return ImageError("No object stands out from the background.", REMEDY)


def cut_out(color: np.ndarray) -> tuple[np.ndarray, Literal["rembg", "border"], str]:
    """RGB float32 (H, W, 3) -> RGBA, the method, and a note. Raises ImageError if a network sees no object before a
    background that is not plain; WeightsError.

    Before a plain background, what has its colour is no part of the object, whatever the network says: its mask is too
    coarse for narrow gaps.
    """
    found = salient_object.find()
    if found is None or salient_object.is_damaged(*found):
        cut, note = cut_at_border_color(color)
        return cut, "border", note if found is None else DAMAGED_WORDS
    matte = salient_object.matte(*found, to_bytes(color))
    backdrop = fit_backdrop(color)
    plain = backdrop.is_plain
    if not (matte >= 0.5).any():
        if not plain:
            raise nothing()
        return cut_at_border_color(color)[0], "border", COLOR_WORDS
    note = NETWORK_WORDS if plain else NETWORK_UNEVEN_WORDS
    if plain:
        solid = find_solid(color, backdrop)
        seen_through = ndimage.binary_fill_holes(solid) & ~solid & (matte >= SURE)
        note += f" {HOLE_WORDS}" if seen_through.sum() >= MIN_PIXELS else ""
        matte = matte * solid
    matte = np.where(_without_specks(matte >= 0.5), matte, np.minimum(matte, 0.49))
    return np.dstack(outline.separate(color, matte, backdrop.color if plain else None)), "rembg", note


def refine(sam: Path, color: np.ndarray, matte: np.ndarray, device: str) -> np.ndarray | None:
    """Segment Anything's matte (H, W), 0 or 1, in the box of a rougher one; None if either is empty."""
    import torch  # here: it takes seconds, and a cut-out by colour needs none

    from .segment_anything import load_sam, segment

    if (found := outline.bounds(matte > 0)) is None:
        return None
    top, bottom, left, right = found
    box = left, top, right - 1, bottom - 1
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


def cut_at_border_color(color: np.ndarray) -> tuple[np.ndarray, str]:
    """Remove pixels of the border's colour that are connected to the border or seen through a hole.

    RGB float32 (H, W, 3) -> RGBA with soft edges and without the background's colour in them, and a note. The
    background's colour may change smoothly over the image, and the object may touch the border in places.
    """
    backdrop = fit_backdrop(color)
    solid = _without_specks(find_solid(color, backdrop)).astype(np.float32)
    words = COLOR_WORDS if backdrop.share >= EVEN else UNEVEN_WORDS
    return np.dstack(outline.separate(color, solid, backdrop.color)), words


@dataclass(frozen=True)
class Backdrop:
    """A smooth model of the background's colour: its coefficients (6, 3) over an image of height and width, the usual
    distance of the border's pixels from it, and the share of the border that it explains."""

    model: np.ndarray
    height: int
    width: int
    noise: float
    share: float

    @property
    def is_plain(self) -> bool:
        """Whether it explains nearly all of the border."""
        return self.share >= EVEN and self.noise <= QUIET

    @cached_property
    def color(self) -> np.ndarray:
        """The colours (H, W, 3)."""
        m = self.model.astype(np.float32)
        v = np.linspace(-1, 1, self.height, dtype=np.float32)[:, None, None]
        u = np.linspace(-1, 1, self.width, dtype=np.float32)[None, :, None]
        return (m[0] + m[2] * v + m[5] * v * v) + (m[1] + m[4] * v) * u + m[3] * (u * u)


def find_solid(color: np.ndarray, backdrop: Backdrop) -> np.ndarray:
    """Pixels (H, W) that are not of the background's colour, nor of that in a soft shadow."""
    distance = np.linalg.norm(color - backdrop.color, axis=2)
    solid = ~find_background(distance, float(np.clip(4 * backdrop.noise, NOISE, BUSY)), backdrop.noise)
    return solid & ~find_floor_shadow(color, backdrop.color, solid) if backdrop.is_plain else solid


def fit_backdrop(color: np.ndarray) -> Backdrop:
    """A smooth (quadratic) colour model of the background from the border of RGB (H, W, 3).

    Minimises the sum of distances, not of their squares, so that an object touching the border counts little.
    """
    height, width = color.shape[:2]
    y, x = np.linspace(-1, 1, height, dtype=np.float32), np.linspace(-1, 1, width, dtype=np.float32)
    edge = np.zeros((height, width), bool)
    thickness = max(1, min(height, width) // 100)
    edge[:thickness] = edge[-thickness:] = True
    edge[:, :thickness] = edge[:, -thickness:] = True
    rows, columns = np.nonzero(edge)
    step = -(-len(rows) // BORDER_PIXELS)
    rows, columns = rows[::step], columns[::step]
    u, v = x[columns], y[rows]
    a, b = np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], axis=1), color[rows, columns]
    distance, model = np.ones(len(a)), np.zeros((6, 3))
    for _ in range(20):  # reweighted least squares, towards the least sum of distances
        root = np.maximum(distance, NOISE / 4)[:, None] ** -0.5
        model = np.linalg.lstsq(a * root, b * root, rcond=None)[0]
        distance = np.linalg.norm(b - a @ model, axis=1)
    good = distance <= np.clip(3 * np.median(distance), NOISE, BUSY)
    noise = float(np.median(distance[good])) if good.any() else BUSY
    return Backdrop(model, height, width, noise, float(good.mean()))


def _without_specks(solid: np.ndarray) -> np.ndarray:
    names = np.empty(solid.shape, np.int32)
    ndimage.label(solid, np.ones((3, 3)), output=names)
    sizes = np.bincount(names.ravel())
    sizes[0] = 0
    return ((sizes > 0) & (sizes >= SPECK * sizes.max()))[names]
