# SPDX-License-Identifier: GPL-3.0-or-later
"""Volume rendering of a field: sampling in occupied cells, opacity, shading and compositing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..rendering.cameras import Camera, rays
from ..rendering.occupancy import DECAY, UPDATE_EVERY, Occupancy
from ..rendering.sections import Sections, gather_along_rays, index_along_rays, section_weights, visibility
from ..rendering.shading import Light, Shading, shade
from ..runtime.images import to_bytes
from .checkpointing import evaluate_in_chunks
from .field import Field, Normals

CHUNK = 1 << 14  # rays rendered at once without gradients
MIN_SDF_ALPHA = 1e-3  # head-on opacity below which sections of a signed distance are skipped
FIRST_GROUP = 8  # sections of a ray that are tested first


@dataclass
class Samples:
    """The P sections that contributed to a rendering."""

    ray: Tensor  # (P,) int64
    points: Tensor  # (P, 3) midpoints
    directions: Tensor  # (P, 3)
    distances: Tensor  # (P,) of the midpoints along the rays
    lengths: Tensor  # (P,)
    weights: Tensor  # (P,) transmittance x opacity
    normals: Tensor | None  # (P, 3), unit
    gradient: Tensor | None  # (P, 3), of the field's value


@dataclass
class FieldRendering:
    """Rendered values of N rays."""

    color: Tensor  # (N, C)
    opacity: Tensor  # (N,), 0..1
    depth: Tensor  # (N,), expected distance along the ray, 0 where the ray is empty
    normal: Tensor | None  # (N, 3), weighted mean
    samples: Samples


class Renderer(nn.Module):
    """Renders `field` in sections of length `step`, skipping the empty cells of an occupancy grid of `grid`^3 cells.

    Args:
        field: the field, which is not a submodule.
        step: section length.
        grid: cells per side of the occupancy grid.
        min_alpha: sections of lower opacity are skipped.
        min_transmittance: sections with lower transmittance are skipped.
        memory: decay and samples of the occupancy grid.
    """

    def __init__(
        self,
        field: Field,
        step: float = 0.02,
        grid: int = 32,
        min_alpha: float = 0.01,
        min_transmittance: float = 1e-4,
        memory: tuple[float, int] = (DECAY, 1),
    ) -> None:
        super().__init__()
        self.occupancy = Occupancy(field.bounds, grid, *memory)
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))
        self._field = [field]  # in a list: not a submodule, as the field is saved elsewhere
        self.step = step
        self.min_alpha = min_alpha
        self.min_transmittance = min_transmittance

    @property
    def field(self) -> Field:
        return self._field[0]

    def update(self, generator: torch.Generator | None = None) -> None:
        """Count an optimisation step; every 16th updates the occupancy grid."""
        if int(self.updates) % UPDATE_EVERY == 0:
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
        """Render rays.

        Args:
            origins: (N, 3).
            directions: unit vectors (N, 3).
            background: a number, (C,) or (N, C); None leaves the colour premultiplied.
            shading: any but "albedo" needs analytic normals.
            light: for "lambertian" and "textureless" shading.
            normals: how opacity and normals are computed, see `Field.query`.
            generator: jitters the sections, for training.
        """
        field = self.field
        count = len(origins)
        sections = self.skip_invisible(
            self.occupancy.sections(origins, directions, self.step, generator), origins, directions
        )
        points = sections.points(origins, directions)
        ray_directions = directions[sections.ray]
        output = field.query(points, normals)
        if output.gradient is None:
            slope = slopes(output.value, sections)
            alpha = field.alpha_from_slope(output.value, slope, ray_directions, sections.lengths)
        else:
            alpha = field.alpha(output, ray_directions, sections.lengths)
        weights = section_weights(alpha, sections.ray, count)
        unit_normals = None if output.gradient is None else field.outward(output.gradient)
        shaded = shade(output.color, unit_normals, points, light, shading)

        def total(values: Tensor | None) -> Tensor:
            return gather_along_rays(weights, values, sections.ray, count)

        opacity = total(None)
        color = total(shaded)
        if background is not None:
            color = color + (1 - opacity) * background
        depth = total(sections.middles[:, None]) / opacity.clamp(min=1e-6)
        normal = None if unit_normals is None else total(unit_normals)
        samples = Samples(
            sections.ray,
            points,
            ray_directions,
            sections.middles,
            sections.lengths,
            weights,
            unit_normals,
            output.gradient,
        )
        return FieldRendering(color, opacity[:, 0], depth[:, 0], normal, samples)

    @torch.no_grad()
    def skip_invisible(self, sections: Sections, origins: Tensor, directions: Tensor) -> Sections:
        """Drop sections of too little opacity or transmittance, by a pass without gradients at a fraction of the cost.

        Goes front to back in groups of doubling size and stops behind opaque sections. For SDFs the threshold applies
        to the head-on opacity, because grazing sections carry about 70 % of the gradient.
        """
        field = self.field
        ray = sections.ray
        count = len(origins)
        if not len(ray):
            return sections
        points = sections.points(origins, directions)
        position = index_along_rays(ray, count)
        log_transmittance = torch.zeros_like(origins[:, 0])
        alpha, head_on = torch.zeros(2, len(ray)).to(sections.starts)
        begin, end = 0, FIRST_GROUP
        while begin <= int(position.max()):
            reached = log_transmittance[ray] >= math.log(self.min_transmittance)
            group = ((position >= begin) & (position < end) & reached).nonzero()[:, 0]
            part = sections.select(group)
            (value,) = evaluate_in_chunks(lambda p: (field.value(p),), points[group], [])
            ray_directions = directions[part.ray]
            alpha[group] = field.alpha_from_slope(value, slopes(value, part), ray_directions, part.lengths)
            head_on[group] = field.alpha_from_slope(value, -torch.ones_like(value), ray_directions, part.lengths)
            log_transmittance.index_add_(0, part.ray, torch.log1p(-alpha[group]))
            begin, end = end, 2 * end
        threshold = min(MIN_SDF_ALPHA, self.min_alpha) if field.is_sdf else self.occupancy.threshold(self.min_alpha)
        return sections.select(visibility(alpha, ray, count, 0.0, self.min_transmittance) & (head_on >= threshold))

    def render_image(self, camera: Camera, **settings) -> np.ndarray:
        """Render a camera without gradients -> uint8 RGBA (H, W, 4), straight alpha. settings: of `render`."""
        was_training = self.field.training
        self.field.eval()
        parts = []
        try:
            with torch.no_grad():
                for origins, directions in zip(*(r.split(CHUNK) for r in rays(camera)), strict=True):
                    rendering = self.render(origins, directions, background=None, **settings)
                    color = rendering.color / rendering.opacity[:, None].clamp(min=1e-6)
                    parts.append(torch.cat([color.detach(), rendering.opacity.detach()[:, None]], 1))
        finally:
            self.field.train(was_training)
        rgba = torch.cat(parts).view(camera.height, camera.width, 4)
        return to_bytes(rgba)


def slopes(values: Tensor, sections: Sections) -> Tensor:
    """Slope (P,) of values (P,) along the ray: central differences between adjacent sections, one-sided at the end of a
    run, and -1 (head-on) for an isolated section."""
    if not len(values):
        return values
    middles = sections.middles
    pad = nn.functional.pad
    adjacent = (sections.ray.diff() == 0) & (middles.diff() < 1.5 * sections.lengths[:-1])
    rise, run = (torch.where(adjacent, x.diff(), 0.0) for x in (values, middles))
    rise, run = (pad(x, (1, 0)) + pad(x, (0, 1)) for x in (rise, run))
    return torch.where(run > 0, rise / run.clamp(min=1e-9), -1.0)
