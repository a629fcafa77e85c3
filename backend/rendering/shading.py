# SPDX-License-Identifier: GPL-3.0-or-later
"""Light on a surface (DreamFusion, section 3.1): albedo, Lambertian and textureless shading under a point light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Shading = Literal["albedo", "lambertian", "textureless", "normal"]


@dataclass
class Light:
    """A point light at `position` (3,); `ambient` 0..1 is the share of light that comes from everywhere."""

    position: Tensor
    ambient: float = 0.1


def shade(albedo: Tensor, normals: Tensor | None, points: Tensor, light: Light | None, shading: Shading) -> Tensor:
    """Colours (P, 3) of points (P, 3) with albedo (P, 3) and unit normals (P, 3).

    lambertian: albedo x (ambient + (1 - ambient) max(0, n.l)), with l from the point to the light; textureless: the
    same with white albedo; normal: (n + 1) / 2; albedo: as it is, of any number of channels.
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
    """A light somewhere around the camera's side: direction camera position + N(0, 1), normalised (DreamFusion).

    soft: the share of ambient light is drawn from 0..1 instead.
    """
    noise = torch.randn(3, generator=generator, device=generator.device).to(camera_position)
    place, share = torch.rand(2, generator=generator, device=generator.device).tolist()
    direction = torch.nn.functional.normalize(camera_position + noise, dim=0)
    return Light(direction * (distance[0] + (distance[1] - distance[0]) * place), share if soft else ambient)
