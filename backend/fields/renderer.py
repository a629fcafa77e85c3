# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of a field: sections in occupied cells, opacity, shading, and sums along the rays."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..rendering.cameras import Camera, rays
from ..rendering.occupancy import DECAY, EVERY, Occupancy
from ..rendering.sections import Sections, gather_along_rays, place_on_rays, section_weights, visible
from ..rendering.shading import Light, Shading, shade
from .field import Field, Normals
from .parts import in_parts

CHUNK = 1 << 14  # rays of a picture without gradients at once
THIN = 1e-3  # head-on opacity from which on a section of a signed distance counts
NEAREST = 8  # sections of a ray that are looked at first


@dataclass
class Samples:
    """The P sections that made a picture: ray (P,) int64, points and directions (P, 3), distances of the points along
    their rays, lengths and weights (P,), unit normals and the value's gradient (P, 3) or None.
    """

    ray: Tensor
    points: Tensor
    directions: Tensor
    distances: Tensor
    lengths: Tensor
    weights: Tensor
    normals: Tensor | None
    gradient: Tensor | None


@dataclass
class FieldRendering:
    """What N rays see. color (N, C); opacity (N,) 0..1; depth (N,), mean distance of what is seen, 0 where nothing is;
    normal (N, 3), the weighted mean, or None; samples: the sections that were looked at.
    """

    color: Tensor
    opacity: Tensor
    depth: Tensor
    normal: Tensor | None
    samples: Samples


class Renderer(nn.Module):
    """Renders `field` in sections of length `step`, skipping what an occupancy grid of `grid`^3 cells says is empty.

    Sections of less opacity than `alpha_least` are left out, and those that less than `light_least` of the light
    reaches. memory: decay and looks of the occupancy grid.
    """

    def __init__(
        self,
        field: Field,
        step: float = 0.02,
        grid: int = 32,
        alpha_least: float = 0.01,
        light_least: float = 1e-4,
        memory: tuple[float, int] = (DECAY, 1),
    ) -> None:
        super().__init__()
        self.occupancy = Occupancy(field.bounds, grid, *memory)
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))
        self._field = [field]  # in a list: the field is not a part of the renderer, and is saved elsewhere
        self.step, self.alpha_least, self.light_least = step, alpha_least, light_least

    @property
    def field(self) -> Field:
        return self._field[0]

    def update(self, generator: torch.Generator | None = None) -> None:
        """Call once an optimisation step: looks for empty cells at every 16th."""
        if int(self.updates) % EVERY == 0:
            cell = self.occupancy.cell
            self.occupancy.update(lambda points: self.field.occupancy(points, self.step, cell), generator)
        self.updates += 1

    def render(
        self,
        origins: Tensor,
        directions: Tensor,
        background: Tensor | float | None = 1.0,
        shading: Shading = "albedo",
        light: Light | None = None,
        normals: Normals = "none",
        generator: torch.Generator | None = None,
    ) -> FieldRendering:
        """What rays (N, 3) see. background: a number, (C,) or (N, C); None leaves the colour premultiplied.

        A shading other than albedo needs normals. With a generator the sections lie at random places (training).
        """
        field, count = self.field, len(origins)
        sections = self.look_first(
            self.occupancy.sections(origins, directions, self.step, generator), origins, directions
        )
        points, along = sections.points(origins, directions), directions[sections.ray]
        answer = field.query(points, normals)
        if answer.gradient is None:
            alpha = field.glimpse(answer.value, slopes(answer.value, sections), along, sections.lengths)
        else:
            alpha = field.alpha(answer, along, sections.lengths)
        weights = section_weights(alpha, sections.ray, count)
        unit = None if answer.gradient is None else field.outward(answer.gradient)
        color = shade(answer.color, unit, points, light, shading)

        def total(values: Tensor | None) -> Tensor:
            return gather_along_rays(weights, values, sections.ray, count)

        opacity, seen = total(None), total(color)
        if background is not None:
            seen = seen + (1 - opacity) * background
        depth = total(sections.middles[:, None]) / opacity.clamp(min=1e-6)
        samples = Samples(
            sections.ray, points, along, sections.middles, sections.lengths, weights, unit, answer.gradient
        )
        return FieldRendering(seen, opacity[:, 0], depth[:, 0], None if unit is None else total(unit), samples)

    def look_first(self, sections: Sections, origins: Tensor, directions: Tensor) -> Sections:
        """Leave out what cannot be seen, by a look without gradients: it costs a fraction of one with them.

        From front to back, in groups of doubling size, so that nobody looks behind what is opaque. Of a signed distance
        thinner ones count, by what they would be if the ray met the surface head-on: its soft edge pulls at it also
        where rays graze it, and is 0.7 of the gradient.
        """
        field, ray, count = self.field, sections.ray, len(origins)
        if not len(ray):
            return sections
        points, place = sections.points(origins, directions), place_on_rays(ray, count)
        log_light, begin, end = torch.zeros_like(origins[:, 0]), 0, NEAREST
        alpha, faced = torch.zeros(2, len(ray)).to(sections.starts)
        with torch.no_grad():
            while begin <= int(place.max()):
                now = ((place >= begin) & (place < end) & (log_light[ray] >= math.log(self.light_least))).nonzero()[
                    :, 0
                ]
                part, (value,) = sections.select(now), in_parts(lambda p: (field.value(p),), points[now], [])
                along, lengths = directions[part.ray], part.lengths
                alpha[now] = field.glimpse(value, slopes(value, part), along, lengths)
                faced[now] = field.glimpse(value, -torch.ones_like(value), along, lengths)
                log_light.index_add_(0, part.ray, torch.log1p(-alpha[now]))
                begin, end = end, 2 * end
        least = min(THIN, self.alpha_least) if field.is_sdf else self.occupancy.least(self.alpha_least)
        return sections.select(visible(alpha, ray, count, 0.0, self.light_least) & (faced >= least))

    def picture(self, camera: Camera, **settings) -> np.ndarray:
        """uint8 RGBA (H, W, 4) of a camera, straight alpha, without gradients."""
        was_training = self.field.training
        self.field.eval()
        parts = []
        try:
            with torch.no_grad():
                for origins, directions in zip(*(r.split(CHUNK) for r in rays(camera)), strict=True):
                    seen = self.render(origins, directions, background=None, **settings)
                    color = seen.color / seen.opacity[:, None].clamp(min=1e-6)
                    parts.append(torch.cat([color.detach(), seen.opacity.detach()[:, None]], 1))
        finally:
            self.field.train(was_training)
        rgba = torch.cat(parts).view(camera.height, camera.width, 4)
        return (rgba.clamp(0, 1) * 255 + 0.5).byte().cpu().numpy()


def slopes(values: Tensor, sections: Sections) -> Tensor:
    """Change of values (P,) per unit length, between a section's neighbours, or towards the only one that follows
    directly or lies directly before; -1, head-on, of a section alone."""
    if not len(values):
        return values
    middles, pad = sections.middles, nn.functional.pad
    joined = (sections.ray.diff() == 0) & (middles.diff() < 1.5 * sections.lengths[:-1])
    rise, run = (torch.where(joined, x.diff(), 0.0) for x in (values, middles))
    rise, run = (pad(x, (1, 0)) + pad(x, (0, 1)) for x in (rise, run))
    return torch.where(run > 0, rise / run.clamp(min=1e-9), -1.0)
