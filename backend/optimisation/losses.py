# SPDX-License-Identifier: GPL-3.0-or-later
"""What an optimised shape is asked for besides the prior's opinion. Each returns a scalar () to be weighted and added.

Pictures are (H, W, C) or (B, H, W, C), maps (H, W) or (B, H, W); rays (N,); sections along rays (P,). Sources in
brackets: 3DRec is Zero-1-to-3's own reconstruction, threestudio its zero123 configuration, SD Stable DreamFusion.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

WHITE = 0.97  # pixels from here on are background, in pictures that a prior paints on white
SHARPEST = 1e-5  # opacities nearer to 0 or 1 than this have no further entropy to lose


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
    """1 - Pearson's correlation with an estimated depth, whose scale and offset nobody knows (Make-It-3D).

    Where `visible` (bool); both grow with distance. 0 is the best, 2 the worst; 1 where one of them is constant.
    """
    a, b = depth[visible], estimate[visible]
    if len(a) < 2:
        return 1 + 0 * depth.sum()
    a, b = a - a.mean(), b - b.mean()
    return 1 - (a * b).sum() / ((a * a).sum() * (b * b).sum() + 1e-12).sqrt()


def silhouette(opacity: Tensor, pictures: Tensor) -> Tensor:
    """Mean squared difference of opacity (B, H, W) from what pictures on white (B, 3, H, W) show for certain: nothing
    where white reaches the border, something where neither a pixel nor its neighbours are white.

    White enclosed by the object may be paint or a hole, and pixels at an outline are mixed: nothing is asked of them.
    """
    white = (pictures.amin(1) >= WHITE).cpu().numpy()
    outside = np.stack([ndimage.binary_propagation(border(w.shape) & w, mask=w) for w in white])
    inside = np.stack([ndimage.binary_erosion(~w, iterations=1, border_value=1) for w in white])
    empty, full = (torch.from_numpy(m).to(opacity.device) for m in (outside, inside))
    return (opacity**2 * empty + (1 - opacity) ** 2 * full).mean()


def border(shape: tuple[int, ...]) -> np.ndarray:
    """True along the edge of a picture (H, W)."""
    edge = np.ones(shape, bool)
    edge[1:-1, 1:-1] = False
    return edge


# --- Smoothness


def depth_smoothness(depth: Tensor) -> Tensor:
    """Half the mean absolute difference of neighbours, along columns plus along rows [3DRec]."""
    return 0.5 * (depth.diff(dim=-1).abs().mean() + depth.diff(dim=-2).abs().mean())


def near_view(color: Tensor, near_color: Tensor, depth: Tensor, near_depth: Tensor) -> Tensor:
    """Two cameras close to each other see nearly the same [3DRec]."""
    return (color - near_color).abs().mean() + (depth - near_depth).abs().mean()


def normal_smoothness(normals: Tensor) -> Tensor:
    """Mean squared difference of neighbouring pixels' normals (..., H, W, 3) [threestudio, 2D]."""
    return (normals.diff(dim=-2) ** 2).mean() + (normals.diff(dim=-3) ** 2).mean()


def normal_jitter(normals: Tensor, near_normals: Tensor) -> Tensor:
    """Mean absolute difference of normals (P, 3) at points and a little beside them [threestudio 3D; Make-It-3D]."""
    return (normals - near_normals).abs().mean()


def total_variation(grid: Tensor) -> Tensor:
    """Mean squared difference of neighbours along every spatial axis of a grid (C, X), (C, X, Y) or (C, X, Y, Z), added
    up (TensoRF)."""
    return sum(((grid.diff(dim=axis) ** 2).mean() for axis in range(1, grid.ndim)), grid.new_zeros(()))


# --- Shape


def orientation(weights: Tensor, normals: Tensor, directions: Tensor, rays: Tensor | int) -> Tensor:
    """Sections that can be seen must not face away (Ref-NeRF, equation 11): sum of weight * max(0, n.d)^2 / rays.

    weights (P,), held fixed, so that density cannot hide from the loss; normals, directions (P, 3), unit; rays: number
    of rays with anything on them.
    """
    facing_away = (normals * directions).sum(-1).clamp(min=0)
    return (weights.detach() * facing_away**2).sum() / torch.as_tensor(rays).clamp(min=1)


def opacity(seen: Tensor) -> Tensor:
    """Mean squared opacity: less is more (Make-It-3D)."""
    return (seen**2).mean()


def sparsity(seen: Tensor) -> Tensor:
    """Mean of sqrt(opacity^2 + 0.01): as `opacity`, but strongest where there is little (DreamFusion; threestudio)."""
    return (seen**2 + 0.01).sqrt().mean()


def entropy(seen: Tensor) -> Tensor:
    """Mean binary entropy of opacities (N,) in bits: everything is either there or not [SD; Make-It-3D]."""
    seen = seen.clamp(SHARPEST, 1 - SHARPEST)
    return (-seen * seen.log2() - (1 - seen) * (1 - seen).log2()).mean()


def opaqueness(seen: Tensor) -> Tensor:
    """The same in nats, with threestudio's limits of 0.001 and 0.999: its "opaque" loss."""
    seen = seen.clamp(1e-3, 1 - 1e-3)
    return (-seen * seen.log() - (1 - seen) * (1 - seen).log()).mean()


def emptiness(weights: Tensor, sections: int) -> Tensor:
    """Mean of log(1 + 10 w) over the sections of all rays: little matter suffices (SJC).

    weights (P,); sections: how many there are, empty ones that were not stored included.
    """
    return torch.log1p(10 * weights).sum() / max(sections, 1)


def eikonal(gradient: Tensor) -> Tensor:
    """A signed distance grows by 1 per unit: mean (|gradient| - 1)^2 of gradients (P, 3) (IGR; NeuS)."""
    return ((gradient.norm(dim=-1) - 1) ** 2).mean()
