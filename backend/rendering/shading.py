# SPDX-License-Identifier: GPL-3.0-or-later
"""Shading under a point light (DreamFusion, section 3.1): albedo, Lambertian and textureless."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Shading = Literal["albedo", "lambertian", "textureless", "normal"]


@dataclass
class Light:
    """A point light with ambient light."""

    position: Tensor  # (3,)
    ambient: float = 0.1  # share of ambient light, 0..1


def shade(albedo: Tensor, normals: Tensor | None, points: Tensor, light: Light | None, shading: Shading) -> Tensor:
    """Shaded colours (P, 3).

    Args:
        albedo: (P, 3), or any number of channels for "albedo".
        normals: unit normals (P, 3).
        points: (P, 3).
        light: the point light; "normal" and "albedo" need none.
        shading: "albedo" returns the albedo; "lambertian" albedo x (ambient + (1 - ambient) max(0, n.l)), where l
            points to the light; "textureless" is Lambertian with white albedo; "normal" is (n + 1) / 2.

    Raises ValueError when normals or light are missing.
    """
    if shading == "albedo":
        return albedo
    if normals is None or (light is None and shading != "normal"):
        raise ValueError(f"{shading} shading needs normals and a light.")
    if light is None or shading == "normal":
        return (normals + 1) / 2
    towards = torch.nn.functional.normalize(light.position - points, dim=-1)
    lit = light.ambient + (1 - light.ambient) * (normals * towards).sum(-1, keepdim=True).clamp(min=0)
    return lit * (torch.ones_like(albedo) if shading == "textureless" else albedo)


def sample_light(
    camera_position: Tensor,
    generator: torch.Generator,
    distance: tuple[float, float] = (0.8, 1.5),
    ambient: float = 0.1,
    soft: bool = False,
) -> Light:
    """Draw a light near the camera: its direction is camera position + N(0, 1), normalised (DreamFusion).

    Args:
        camera_position: (3,).
        generator: source of the randomness.
        distance: range of the light's distance from the origin.
        ambient: share of ambient light, 0..1.
        soft: draw the ambient share uniformly from 0..1 instead.
    """
    noise = torch.randn(3, generator=generator, device=generator.device).to(camera_position)
    position, share = torch.rand(2, generator=generator, device=generator.device).tolist()
    direction = torch.nn.functional.normalize(camera_position + noise, dim=0)
    return Light(direction * (distance[0] + (distance[1] - distance[0]) * position), share if soft else ambient)
