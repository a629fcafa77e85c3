# SPDX-License-Identifier: GPL-3.0-or-later
"""Image losses of the starter's LRM (Hong et al. 2024, section 3.4): MSE and a perceptual loss on crops of views.

In place of a published perceptual network the features are those of the starter's frozen auto-encoder.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import Tensor, nn

from ..reconstruction.lrm.model import LRM, Scene
from ..rendering.rays import importance_sampling, intersect_box, stratify
from ..rendering.volume import alpha_weights, points_along
from .render import FOV_DEG, orbit
from .views import PLAIN, SIZE, VIEWPOINTS, Views

CROP = 24  # pixels per side
CROPS = 2  # per batch
COARSE, FINE = 16, 12  # samples per ray: to find the surface, and for the loss
MIN_WEIGHT = 0.01  # added to every section's weight before importance sampling
WHITE = 250  # pixels darker in any channel show the object
LEVELS = 2  # of the encoder's features that are compared
SQUARED, PERCEPTUAL = 0.25, 0.025  # loss weights, chosen so that gradients are about as large as the colour loss's


@dataclass
class Crops:
    """C crops of views of a batch's objects."""

    index: Tensor  # (C,), in the batch
    origins: Tensor  # (C, R, 3), of the rays in the model's world
    directions: Tensor  # (C, R, 3), unit
    images: Tensor  # (C, 3, CROP, CROP) on white, sRGB 0..1

    def to(self, device: str) -> Crops:
        return Crops(*(t.to(device) for t in vars(self).values()))


def draw_crops(views: Views, objects: np.ndarray, placements: np.ndarray, rng: np.random.Generator) -> Crops:
    """Draw CROPS crops of objects (B,); placements (B, 3, 4) map their worlds to the model's."""
    index = rng.choice(len(objects), min(CROPS, len(objects)), replace=False)
    crops = [draw_crop(views, int(objects[j]), placements[j], rng) for j in index]
    return Crops(torch.from_numpy(index), *(torch.from_numpy(np.stack(part)) for part in zip(*crops, strict=True)))


def draw_crop(views: Views, i: int, placement: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Origins and directions (R, 3) and image (3, CROP, CROP) of a crop around a random pixel of object i."""
    k = rng.integers(VIEWPOINTS)
    image, (azimuth, elevation, _) = views.images[i, PLAIN, k], views.poses[i, PLAIN, k].tolist()
    foreground = np.argwhere((image < WHITE).any(-1))
    middle = foreground[rng.integers(len(foreground))] if len(foreground) else np.array([SIZE // 2, SIZE // 2])
    top, left = (middle - CROP // 2).clip(0, SIZE - CROP)
    half = np.tan(np.radians(FOV_DEG) / 2)
    step = np.arange(CROP) + 0.5
    x, y = np.meshgrid((2 * (left + step) / SIZE - 1) * half, (1 - 2 * (top + step) / SIZE) * half)
    camera = orbit(azimuth, elevation)
    directions = np.stack([x, y, np.full_like(x, -1)], -1).reshape(-1, 3) @ camera[:3, :3].T @ placement[:, :3].T
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    origin = placement[:, :3] @ camera[:3, 3] + placement[:, 3]
    crop = image[top : top + CROP, left : left + CROP].transpose(2, 0, 1)
    parts = np.broadcast_to(origin, directions.shape), directions, crop / 255
    return tuple(np.ascontiguousarray(part, np.float32) for part in parts)


def view_losses(model: LRM, scene: Scene, crops: Crops, encoder: nn.Module) -> dict[str, Tensor]:
    """MSE and perceptual loss of the crops, rendered from the scene of the whole batch."""
    part = replace(scene, **{name: t[crops.index] for name, t in vars(scene).items() if isinstance(t, Tensor)})
    rendered = render(model, part, crops.origins, crops.directions).transpose(1, 2).view(crops.images.shape)
    return {
        "view": SQUARED * F.mse_loss(rendered, crops.images),
        "perceptual": PERCEPTUAL * perceptual_distance(encoder, rendered, crops.images),
    }


def render(model: LRM, scene: Scene, origins: Tensor, directions: Tensor) -> Tensor:
    """Render rays (C, R, 3) in C scenes whose raw outputs are minus distances -> colours (C, R, 3) on white.

    A section's opacity follows from the signed distances at its ends (NeuS, Wang et al. 2021, equation 13).
    """
    radius = model.architecture.radius
    count = len(origins)
    origins, directions = origins.flatten(0, 1), directions.flatten(0, 1)
    near, far, hit = intersect_box(origins, directions, (-radius, radius))

    def evaluate(z: Tensor) -> tuple[Tensor, Tensor]:
        raw, color = model.query(scene, points_along(origins, directions, z).view(count, -1, 3))
        return raw.view(z.shape), color.view(*z.shape, 3)

    with torch.no_grad():
        edges = stratify(near, far, COARSE)
        z = importance_sampling(edges, alpha_weights(section_alpha(evaluate(edges)[0])) + MIN_WEIGHT, FINE)
    raw, color = evaluate(z)
    weights = alpha_weights(section_alpha(raw)) * hit[:, None]
    color = (weights[..., None] * (color[:, 1:] + color[:, :-1]) / 2).sum(1)
    return (color + 1 - weights.sum(1, keepdim=True)).view(count, -1, 3)


def section_alpha(raw: Tensor) -> Tensor:
    """Raw outputs along rays (N, S) -> opacity of the sections between them (N, S - 1)."""
    log_outside = F.logsigmoid(-raw)
    return -torch.expm1((log_outside[:, 1:] - log_outside[:, :-1]).clamp(max=0))


def perceptual_distance(encoder: nn.Module, a: Tensor, b: Tensor) -> Tensor:
    """Perceptual distance () of images (B, 3, H, W) in 0..1: LPIPS (Zhang et al. 2018) with equal channel weights.

    Squared distance of unit features, averaged over positions and summed over LEVELS.
    """
    total = a.new_zeros(())
    for x, y in zip(features(encoder, a), features(encoder, b), strict=True):
        total = total + (F.normalize(x, dim=1) - F.normalize(y, dim=1)).square().sum(1).mean()
    return total


def features(encoder: nn.Module, images: Tensor) -> list[Tensor]:
    """Features of the encoder's first LEVELS levels for images (B, 3, H, W) in 0..1."""
    x = encoder.get_submodule("conv_in")(images * 2 - 1)
    levels = []
    for block in list(encoder.get_submodule("down_blocks").children())[:LEVELS]:
        levels.append(x := block(x))
    return levels


def load_encoder(folder: str) -> nn.Module:
    """The encoder of the auto-encoder in `folder`, frozen."""
    return AutoencoderKL.from_pretrained(folder).encoder.requires_grad_(False).eval()
