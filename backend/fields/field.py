# SPDX-License-Identifier: GPL-3.0-or-later
"""The one interface of all fields, and what they share: where they live and how they are differentiated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from .parts import in_parts

Normals = Literal["none", "along", "analytic", "finite"]
FINITE = 0.01  # distance of central differences, DreamFusion's implementations' choice
STEEP_BY = 0.4  # share of an optimisation in which a density sharpens; the rest moves the surface back to its place


@dataclass
class Answer:
    """What a field says at P points: value (P,), color (P, C), gradient (P, 3) of the value or None."""

    value: Tensor
    color: Tensor
    gradient: Tensor | None = None


class Field(nn.Module):
    """Something with a value and a colour at every point of the cube `bounds`, and nothing outside it.

    The value is a density >= 0 per unit length, or, where is_sdf, a signed distance, negative inside; the surface is
    where it equals `level`. channels: 3 for RGB 0..1 (sRGB), 4 for latents without bounds.
    Everything is differentiable twice, in the points and in the parameters.
    """

    is_sdf = False
    sharpen = 1.0  # how much steeper the density becomes in the first STEEP_BY of an optimisation

    def __init__(self, channels: int = 3, bounds: tuple[float, float] = (-0.6, 0.6), level: float = 0.0) -> None:
        super().__init__()
        self.channels, self.bounds, self.level = channels, bounds, level

    def steepness(self, share: float) -> float:
        """How much steeper the density is than in the beginning, after a share of an optimisation."""
        return self.sharpen ** min(1.0, share / STEEP_BY)

    def value(self, points: Tensor) -> Tensor:
        """Density or signed distance (P,) at points (P, 3)."""
        raise NotImplementedError

    def look(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Value (P,) and colour (P, C) at points (P, 3), from one lookup."""
        raise NotImplementedError

    def color(self, points: Tensor) -> Tensor:
        """Albedo or latents (P, C)."""
        return self.look(points)[1]

    def query(self, points: Tensor, normals: Normals = "none") -> Answer:
        """Value, colour and, if wanted, the value's gradient at points (P, 3).

        analytic: by automatic differentiation; finite: by central differences (6 more lookups); along: none, what is
        seen comes from the values along a ray alone.
        """
        if normals != "analytic":
            value, color = in_parts(self.look, points, list(self.parameters()))
            return Answer(value, color, self.gradient(points, normals) if normals == "finite" else None)
        return Answer(*in_parts(self._look_and_differentiate, points, list(self.parameters())))

    def gradient(self, points: Tensor, method: Normals = "analytic") -> Tensor:
        """Derivative (P, 3) of the value."""
        ask = self.differences if method == "finite" else self._slope
        return in_parts(lambda part: (ask(part),), points, list(self.parameters()))[0]

    def _slope(self, points: Tensor) -> Tensor:
        with torch.enable_grad():
            points = points if points.requires_grad else points.detach().requires_grad_()
            return self._differentiate(self.value(points), points)

    def _look_and_differentiate(self, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        with torch.enable_grad():
            points = points if points.requires_grad else points.detach().requires_grad_()
            value, color = self.look(points)
            return value, color, self._differentiate(value, points)

    def _differentiate(self, value: Tensor, points: Tensor) -> Tensor:
        return torch.autograd.grad(value.sum(), points, create_graph=self.training, retain_graph=True)[0]

    def differences(self, points: Tensor, distance: float = FINITE) -> Tensor:
        """Central differences (P, 3) of the value."""
        steps = torch.eye(3, dtype=points.dtype, device=points.device) * distance
        around = torch.cat([steps, -steps])[:, None] + points
        plus, minus = self.value(around.view(-1, 3)).view(2, 3, -1)
        return (plus - minus).T / (2 * distance)

    def normal(self, points: Tensor, method: Normals = "analytic") -> Tensor:
        """Unit normals (P, 3), outward."""
        return self.outward(self.gradient(points, method))

    def outward(self, gradient: Tensor) -> Tensor:
        """Unit normals (P, 3) from gradients: a density falls towards the outside, a signed distance grows."""
        return nn.functional.normalize(gradient if self.is_sdf else -gradient, dim=-1)

    def alpha(self, answer: Answer, directions: Tensor, lengths: Tensor) -> Tensor:
        """Opacity (P,) of sections of `lengths` (P,) with their middles where `answer` was asked, along directions."""
        return -torch.expm1(-answer.value * lengths)

    def glimpse(self, value: Tensor, slope: Tensor, directions: Tensor, lengths: Tensor) -> Tensor:
        """`alpha` from values (P,) alone, where only their slope (P,) along the ray is known."""
        return -torch.expm1(-value * lengths)

    def occupancy(self, points: Tensor, step: float, cell: float) -> Tensor:
        """Opacity (P,) that a section of length `step` may have within a cell of side `cell` around points."""
        return -torch.expm1(-self.value(points) * step)

    def advance(self, share: float) -> None:
        """Tell how much of the optimisation is done, 0..1: some fields show finer detail later."""

    def groups(self, rate: float) -> list[dict[str, Any]]:
        """Parameter groups for an optimiser whose rate for this field is `rate`."""
        return [{"params": list(self.parameters()), "lr": rate}]

    def total_variation(self) -> Tensor:
        """Mean squared difference of neighbours in what the field stores, ()."""
        raise NotImplementedError

    def to_unit(self, points: Tensor) -> Tensor:
        """`bounds` to 0..1; points outside come to the border."""
        low, high = self.bounds
        return ((points - low) / (high - low)).clamp(0, 1)

    def inside(self, points: Tensor) -> Tensor:
        """bool (P,): which points are in the cube."""
        return ((points >= self.bounds[0]) & (points <= self.bounds[1])).all(-1)


def magic3d_blob(points: Tensor, scale: float = 10.0, radius: float = 0.5) -> Tensor:
    """Raw density that makes softplus(raw) begin as a blob: scale (1 - |x| / radius) (Magic3D)."""
    return scale * (1 - points.norm(dim=-1) / radius)


def gaussian_blob(points: Tensor, scale: float = 5.0, width: float = 0.2) -> Tensor:
    """DreamFusion's blob: scale exp(-|x|^2 / (2 width^2))."""
    return scale * torch.exp(-points.square().sum(-1) / (2 * width**2))
