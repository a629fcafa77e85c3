# SPDX-License-Identifier: GPL-3.0-or-later
"""What the starter's LRM learns from rendered views (Hong et al. 2024, section 3.4): squared error and a perceptual
term, on small crops of second views.

No published perceptual network is here, so the features are those of the starter's auto-encoder, frozen.
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

CROP = 24  # pixels a side
CROPS = 2  # of one batch
COARSE, FINE = 16, 12  # samples of a ray: to find the surface, and to learn there
FLOOR = 0.01  # added to every section's weight before looking closer
WHITE = 250  # what is darker in any channel shows the object
LEVELS = 2  # of the encoder, whose features are compared
SQUARED, PERCEPTUAL = 0.25, 0.025  # weights; their gradients then are about as large as that of the colours


@dataclass
class Crops:
    """Of C views: which pictures of the batch they belong to (C,), rays' origins and unit directions (C, R, 3) in the
    model's world, and what they see on white (C, 3, CROP, CROP), sRGB 0..1."""

    of: Tensor
    origins: Tensor
    directions: Tensor
    pictures: Tensor

    def to(self, device: str) -> Crops:
        return Crops(*(t.to(device) for t in vars(self).values()))


def draw_crops(views: Views, objects: np.ndarray, placements: np.ndarray, rng: np.random.Generator) -> Crops:
    """CROPS crops around points of objects (B,), whose world `placements` (B, 3, 4) take to the model's."""
    of = rng.choice(len(objects), min(CROPS, len(objects)), replace=False)
    crops = [draw_crop(views, int(objects[j]), placements[j], rng) for j in of]
    return Crops(torch.from_numpy(of), *(torch.from_numpy(np.stack(part)) for part in zip(*crops, strict=True)))


def draw_crop(views: Views, i: int, placement: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    k = rng.integers(VIEWPOINTS)
    image, (azimuth, elevation, _) = views.images[i, PLAIN, k], views.poses[i, PLAIN, k].tolist()
    shown = np.argwhere((image < WHITE).any(-1))
    middle = shown[rng.integers(len(shown))] if len(shown) else np.array([SIZE // 2, SIZE // 2])
    top, left = (middle - CROP // 2).clip(0, SIZE - CROP)
    half, step = np.tan(np.radians(FOV_DEG) / 2), np.arange(CROP) + 0.5
    x, y = np.meshgrid((2 * (left + step) / SIZE - 1) * half, (1 - 2 * (top + step) / SIZE) * half)
    camera = orbit(azimuth, elevation)
    directions = np.stack([x, y, np.full_like(x, -1)], -1).reshape(-1, 3) @ camera[:3, :3].T @ placement[:, :3].T
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    origin = placement[:, :3] @ camera[:3, 3] + placement[:, 3]
    seen = image[top : top + CROP, left : left + CROP].transpose(2, 0, 1)
    parts = np.broadcast_to(origin, directions.shape), directions, seen / 255
    return tuple(np.ascontiguousarray(part, np.float32) for part in parts)


def view_losses(model: LRM, scene: Scene, crops: Crops, encoder: nn.Module) -> dict[str, Tensor]:
    """The terms for the scene of a whole batch."""
    part = replace(scene, **{name: t[crops.of] for name, t in vars(scene).items() if isinstance(t, Tensor)})
    seen = render(model, part, crops.origins, crops.directions).transpose(1, 2).view(crops.pictures.shape)
    return {
        "view": SQUARED * F.mse_loss(seen, crops.pictures),
        "perceptual": PERCEPTUAL * perceptual_distance(encoder, seen, crops.pictures),
    }


def render(model: LRM, scene: Scene, origins: Tensor, directions: Tensor) -> Tensor:
    """Colours (C, R, 3) on white of rays (C, R, 3) in C scenes whose raw outputs are minus distances: how much of the
    light a section stops follows from the signed distances at its ends (NeuS, Wang et al. 2021, equation 13)."""
    radius, count = model.architecture.radius, len(origins)
    origins, directions = origins.flatten(0, 1), directions.flatten(0, 1)
    near, far, hit = intersect_box(origins, directions, (-radius, radius))

    def look(z: Tensor) -> tuple[Tensor, Tensor]:
        raw, color = model.query(scene, points_along(origins, directions, z).view(count, -1, 3))
        return raw.view(z.shape), color.view(*z.shape, 3)

    with torch.no_grad():
        edges = stratify(near, far, COARSE)
        z = importance_sampling(edges, alpha_weights(stopped(look(edges)[0])) + FLOOR, FINE)
    raw, color = look(z)
    weights = alpha_weights(stopped(raw)) * hit[:, None]
    color = (weights[..., None] * (color[:, 1:] + color[:, :-1]) / 2).sum(1)
    return (color + 1 - weights.sum(1, keepdim=True)).view(count, -1, 3)


def stopped(raw: Tensor) -> Tensor:
    """Raw outputs along rays (N, S) -> opacity of the sections between them (N, S - 1)."""
    free = F.logsigmoid(-raw)
    return -torch.expm1((free[:, 1:] - free[:, :-1]).clamp(max=0))


def perceptual_distance(encoder: nn.Module, a: Tensor, b: Tensor) -> Tensor:
    """Squared distance of unit features, its mean over the places, summed over LEVELS, () (LPIPS, Zhang et al. 2018,
    with all channels of one weight). Pictures (B, 3, H, W) in 0..1."""
    total = a.new_zeros(())
    for x, y in zip(features(encoder, a), features(encoder, b), strict=True):
        total = total + (F.normalize(x, dim=1) - F.normalize(y, dim=1)).square().sum(1).mean()
    return total


def features(encoder: nn.Module, pictures: Tensor) -> list[Tensor]:
    """What the first levels of the auto-encoder's encoder make of pictures (B, 3, H, W) in 0..1."""
    x, levels = encoder.get_submodule("conv_in")(pictures * 2 - 1), []
    for block in list(encoder.get_submodule("down_blocks").children())[:LEVELS]:
        levels.append(x := block(x))
    return levels


def load_encoder(folder: str) -> nn.Module:
    """The encoder of the auto-encoder in `folder`, frozen."""
    return AutoencoderKL.from_pretrained(folder).encoder.requires_grad_(False).eval()
