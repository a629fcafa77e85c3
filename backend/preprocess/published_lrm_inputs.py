# SPDX-License-Identifier: GPL-3.0-or-later
"""Inputs of TripoSR and OpenLRM, exactly as their releases prepare images without background."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..interface.errors import ImageError
from ..runtime.images import on_white, to_bytes

TRIPOSR_SHARE, TRIPOSR_GREY = 0.85, 0.5  # the object's share of the side; the background
OPENLRM_SHARE, OPENLRM_SIDE = 0.8, 512
MIN_BOX_SIDE = 2  # pixels; both releases lose the box's last row and column


def triposr_picture(image: np.ndarray, size: int) -> Tensor:
    """RGBA float32 (H, W, 4), straight alpha -> RGB (1, 3, size, size) in 0..1 on grey. Raises ImageError."""
    pixels = cut_out(to_bytes(image))
    square = pad(pixels, max(pixels.shape[:2]))
    square = pad(square, int(square.shape[0] / TRIPOSR_SHARE)).astype(np.float32) / 255
    on_grey = square[..., :3] * square[..., 3:] + TRIPOSR_GREY * (1 - square[..., 3:])
    return resize_triposr((on_grey * 255).astype(np.uint8), size)


def resize_triposr(rgb: np.ndarray, size: int) -> Tensor:
    """uint8 (H, W, 3) -> (1, 3, size, size) in 0..1."""
    picture = torch.from_numpy(rgb).permute(2, 0, 1)[None].float() / 255
    return F.interpolate(picture, (size, size), mode="bilinear", align_corners=False, antialias=True)


def openlrm_picture(image: np.ndarray, size: int) -> Tensor:
    """RGBA float32 (H, W, 4), straight alpha -> RGB (1, 3, size, size) in 0..1 on white. Raises ImageError."""
    pixels = to_bytes(image)
    scale = 2 * OPENLRM_SIDE / max(pixels.shape[:2])
    height, width = (max(1, int(side * scale)) for side in pixels.shape[:2])
    pixels = cut_out(average_areas(pixels, height, width))
    scale = int(OPENLRM_SIDE * OPENLRM_SHARE) / max(pixels.shape[:2])
    height, width = (max(1, int(side * scale)) for side in pixels.shape[:2])
    square = np.zeros((OPENLRM_SIDE, OPENLRM_SIDE, 4), np.uint8)
    top, left = (OPENLRM_SIDE - height) // 2, (OPENLRM_SIDE - width) // 2
    square[top : top + height, left : left + width] = average_areas(pixels, height, width)
    return resize_openlrm(square, size)


def resize_openlrm(rgba: np.ndarray, size: int) -> Tensor:
    """uint8 (H, W, 4), straight alpha -> (1, 3, size, size) in 0..1 on white."""
    picture = on_white(torch.from_numpy(rgba).float() / 255).permute(2, 0, 1)[None]
    return F.interpolate(picture, (size, size), mode="bicubic", align_corners=True).clamp(0, 1)


def cut_out(pixels: np.ndarray) -> np.ndarray:
    """uint8 RGBA -> the box of visible pixels, without its last row and column, as released."""
    rows, columns = (np.flatnonzero(pixels[..., 3].any(axis)) for axis in (1, 0))
    if not len(rows):
        raise ImageError("The image is fully transparent.", "Choose an image that shows an object.")
    if min(np.ptp(rows), np.ptp(columns)) < MIN_BOX_SIDE:
        raise ImageError("The object is too small in the image.", "Crop the image around it.")
    return pixels[rows[0] : rows[-1], columns[0] : columns[-1]]


def pad(pixels: np.ndarray, side: int) -> np.ndarray:
    """(H, W, 4) in the middle of a transparent square."""
    before = [(side - n) // 2 for n in pixels.shape[:2]]
    margins = [(b, side - n - b) for b, n in zip(before, pixels.shape[:2], strict=True)]
    return np.pad(pixels, [*margins, (0, 0)])


def average_areas(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """uint8 (H, W, C) -> (height, width, C): every pixel the mean of the area that it covers (OpenCV's INTER_AREA)."""
    rows, columns = shares(pixels.shape[0], height), shares(pixels.shape[1], width)
    return np.rint(np.einsum("ih,hwc,jw->ijc", rows, pixels, columns, optimize=True)).clip(0, 255).astype(np.uint8)


def shares(inputs: int, outputs: int) -> np.ndarray:
    """(outputs, inputs): how much of each output's extent each input covers."""
    edges = np.arange(outputs + 1) * (inputs / outputs)
    low, high = np.maximum(edges[:-1, None], np.arange(inputs)), np.minimum(edges[1:, None], np.arange(inputs) + 1)
    return np.maximum(high - low, 0).astype(np.float32) * (outputs / inputs)
