# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes pictures smaller by whole blocks of pixels, so that a lens stays exact."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F


def premultiplied(image: np.ndarray) -> Tensor:
    """float32 (H, W, 4), straight alpha -> (1, 4, H, W), color times alpha."""
    return torch.from_numpy(np.concatenate([image[..., :3] * image[..., 3:], image[..., 3:]], -1)).permute(2, 0, 1)[
        None
    ]


def straight(pixels: Tensor) -> np.ndarray:
    """(1, 4, H, W), color times alpha -> float32 (H, W, 4), straight alpha, 0..1."""
    color, alpha = pixels[0, :3], pixels[0, 3:]
    return torch.cat([color / alpha.clamp(min=1e-6), alpha]).clamp(0, 1).permute(1, 2, 0).contiguous().numpy()


def average_blocks(image: np.ndarray, factor: int) -> np.ndarray:
    """float32 (H, W, 4), straight alpha, with factor x factor pixels averaged to one; the rest at the right and below
    is cut off."""
    return image if factor == 1 else straight(F.avg_pool2d(premultiplied(image), factor))
