# SPDX-License-Identifier: GPL-3.0-or-later
"""TripoSG's input, exactly as its release prepares images without background, and DINOv2's of it."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..interface.errors import ImageError
from ..runtime.images import on_white, to_bytes

MARGIN = 0.1  # of the object's longer side, around it
SHORTEST, CROPPED = 256, 224  # pixels of the resized image's side, and of its middle, which DINOv2 sees
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet


def triposg_picture(image: np.ndarray) -> np.ndarray:
    """RGBA float32 (H, W, 4), straight alpha -> RGB uint8 (S, S, 3): the object in the middle of a white square.

    Raises ImageError.
    """
    pixels = to_bytes(image)
    rows, columns = (np.flatnonzero(pixels[..., 3].any(axis)) for axis in (1, 0))
    if not len(rows):
        raise ImageError("The image is fully transparent.", "Choose an image that shows an object.")
    cut = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    longer = max(cut.shape[:2])
    side = longer + 2 * int(MARGIN * longer)
    top, left = ((side - n) // 2 for n in cut.shape[:2])
    square = np.full((side, side, 3), 255, np.uint8)
    shown = (on_white(cut.astype(np.float32) / 255) * 255).astype(np.uint8)  # truncated, as released
    square[top : top + len(cut), left : left + cut.shape[1]] = shown
    return square


def dinov2_input(picture: np.ndarray) -> Tensor:
    """RGB uint8 (S, S, 3) -> (1, 3, CROPPED, CROPPED), normalised.

    Pillow's resizing: that of torchvision, which newer versions of transformers use, gives other numbers.
    """
    resized = np.asarray(Image.fromarray(picture).resize((SHORTEST, SHORTEST), Image.Resampling.BICUBIC))
    cut = (SHORTEST - CROPPED) // 2
    middle = torch.from_numpy(resized[cut : cut + CROPPED, cut : cut + CROPPED].astype(np.float32) / 255)
    return ((middle - torch.tensor(MEAN)) / torch.tensor(STD)).permute(2, 0, 1)[None]
