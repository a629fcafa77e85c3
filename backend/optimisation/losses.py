# SPDX-License-Identifier: GPL-3.0-or-later
"""Losses beside the prior's: scalars (), to be weighted and added.

Images are (H, W, C) or (B, H, W, C), maps (H, W) or (B, H, W); rays (N,); sections along rays (P,). Sources in
brackets: 3DRec is Zero-1-to-3's own reconstruction, threestudio its zero123 configuration, SD Stable DreamFusion.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

MIN_WHITE = 0.97  # from here on a pixel is background, in images that a prior makes on white
MIN_OPACITY = 1e-5  # opacities are clamped to so far from 0 and 1 before their entropy is taken


# --- The reference view


def reference_l1(color: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute difference of colours (Make-It-3D)."""
    return (color - truth).abs().mean()


def reference_mse(color: Tensor, truth: Tensor) -> Tensor:
    """Mean squared difference of colours [3DRec, threestudio]."""
    return ((color - truth) ** 2).mean()


def mask(opacity: Tensor, truth: Tensor) -> Tensor:
    """Mean squared difference of opacity and the object's alpha, 0..1 [threestudio]."""
    return ((opacity - truth) ** 2).mean()


def depth_correlation(depth: Tensor, estimate: Tensor, visible: Tensor) -> Tensor:
    """1 - Pearson's correlation with an estimated depth, whose scale and offset are unknown (Make-It-3D).

    Where `visible` (bool); both grow with distance. 0 is the best, 2 the worst; 1 where one of them is constant.
    """
    a, b = depth[visible], estimate[visible]
    if len(a) < 2:
        return 1 + 0 * depth.sum()
    a, b = a - a.mean(), b - b.mean()
    return 1 - (a * b).sum() / ((a * a).sum() * (b * b).sum() + 1e-12).sqrt()


def silhouette(opacity: Tensor, images: Tensor) -> Tensor:
    """Mean squared difference of opacity (B, H, W) from the silhouettes of images on white (B, 3, H, W), where these
    are certain: 0 where white reaches the border, 1 where neither a pixel nor its neighbours are white.

    White enclosed by the object may be paint or a hole, and pixels at an outline are mixed: these are ignored.
    """
    white = (images.amin(1) >= MIN_WHITE).cpu().numpy()
    outside = np.stack([ndimage.binary_propagation(border(w.shape) & w, mask=w) for w in white])
    inside = np.stack([ndimage.binary_erosion(~w, iterations=1, border_value=1) for w in white])
    empty, full = (torch.from_numpy(m).to(opacity.device) for m in (outside, inside))
    return (opacity**2 * empty + (1 - opacity) ** 2 * full).mean()


def border(shape: tuple[int, ...]) -> np.ndarray:
    """True along the edge of an image (H, W)."""
    edge = np.ones(shape, bool)
    edge[1:-1, 1:-1] = False
    return edge


# --- Smoothness


def depth_smoothness(depth: Tensor) -> Tensor:
    """Half the mean absolute difference of neighbours, along columns plus along rows [3DRec]."""
    return 0.5 * (depth.diff(dim=-1).abs().mean() + depth.diff(dim=-2).abs().mean())


def near_view(color: Tensor, near_color: Tensor, depth: Tensor, near_depth: Tensor) -> Tensor:
    """Mean absolute differences of colour and of depth between two cameras close to each other [3DRec]."""
    return (color - near_color).abs().mean() + (depth - near_depth).abs().mean()


def normal_smoothness(normals: Tensor) -> Tensor:
    """Mean squared difference of neighbouring pixels' normals (..., H, W, 3) [threestudio, 2D]."""
    return (normals.diff(dim=-2) ** 2).mean() + (normals.diff(dim=-3) ** 2).mean()


def normal_jitter(normals: Tensor, near_normals: Tensor) -> Tensor:
    """Mean absolute difference of normals (P, 3) at points and a little beside them [threestudio 3D; Make-It-3D]."""
    return (normals - near_normals).abs().mean()


# --- Shape


def orientation(weights: Tensor, normals: Tensor, directions: Tensor, rays: Tensor | int) -> Tensor:
    """Visible sections must not face away (Ref-NeRF, equation 11): sum of weight * max(0, n.d)^2 / rays.

    weights (P,), held fixed, so that density cannot hide from the loss; normals, directions (P, 3), unit; rays: number
    of rays with anything on them.
    """
    facing_away = (normals * directions).sum(-1).clamp(min=0)
    return (weights.detach() * facing_away**2).sum() / torch.as_tensor(rays).clamp(min=1)


def opacity(seen: Tensor) -> Tensor:
    """Mean squared opacity (Make-It-3D)."""
    return (seen**2).mean()


def sparsity(seen: Tensor) -> Tensor:
    """Mean of sqrt(opacity^2 + 0.01), nearly the mean opacity (DreamFusion; threestudio)."""
    return (seen**2 + 0.01).sqrt().mean()


def entropy(seen: Tensor) -> Tensor:
    """Mean binary entropy of opacities (N,) in bits, 0 where each is 0 or 1 [SD; Make-It-3D]."""
    seen = seen.clamp(MIN_OPACITY, 1 - MIN_OPACITY)
    return (-seen * seen.log2() - (1 - seen) * (1 - seen).log2()).mean()


def opaqueness(seen: Tensor) -> Tensor:
    """Mean binary entropy in nats of opacities clamped to 0.001..0.999: threestudio's "opaque" loss."""
    seen = seen.clamp(1e-3, 1 - 1e-3)
    return (-seen * seen.log() - (1 - seen) * (1 - seen).log()).mean()


def eikonal(gradient: Tensor) -> Tensor:
    """Mean (|gradient| - 1)^2 of a signed distance's gradients (P, 3) (IGR; NeuS)."""
    return ((gradient.norm(dim=-1) - 1) ** 2).mean()
