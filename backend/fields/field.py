# SPDX-License-Identifier: GPL-3.0-or-later
"""The interface of all fields: value, colour, gradient and opacity at points of a cube."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from .checkpointing import evaluate_in_chunks

Normals = Literal["none", "ray", "analytic"]
SHARPEN_UNTIL = 0.4  # share of the optimisation in which a density sharpens; the rest moves the surface back into place


@dataclass
class FieldOutput:
    """A field's values at P points."""

    value: Tensor  # (P,)
    color: Tensor  # (P, C)
    gradient: Tensor | None = None  # (P, 3), of the value


class Field(nn.Module):
    """A value and a colour at every point of the cube `bounds`.

    The value is a density >= 0 per unit length, zero outside the cube, or, if is_sdf, a signed distance, negative
    inside. The surface is the level set value = `level`. channels: 3 for sRGB in 0..1, 4 for unbounded latents.
    Twice differentiable in the points and in the parameters.
    """

    is_sdf = False
    sharpen = 1.0  # factor by which the density steepens over the first SHARPEN_UNTIL of an optimisation

    def __init__(self, channels: int = 3, bounds: tuple[float, float] = (-0.6, 0.6), level: float = 0.0) -> None:
        super().__init__()
        self.channels = channels
        self.bounds = bounds
        self.level = level

    def steepness(self, share: float) -> float:
        """Factor on the raw density after `share` (0..1) of the optimisation."""
        return self.sharpen ** min(1.0, share / SHARPEN_UNTIL)

    def value(self, points: Tensor) -> Tensor:
        """Density or signed distance (P,) at points (P, 3)."""
        raise NotImplementedError

    def value_and_color(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Value (P,) and colour (P, C) at points (P, 3), in one lookup."""
        raise NotImplementedError

    def color(self, points: Tensor) -> Tensor:
        """Albedo or latents (P, C)."""
        return self.value_and_color(points)[1]

    def query(self, points: Tensor, normals: Normals = "none") -> FieldOutput:
        """Value, colour and, for "analytic" normals, the value's gradient at points (P, 3).

        "ray": no gradient; opacity is computed from values along the ray. "analytic": automatic differentiation.
        """
        if normals != "analytic":
            return FieldOutput(*evaluate_in_chunks(self.value_and_color, points, list(self.parameters())))
        return FieldOutput(*evaluate_in_chunks(self._query_with_gradient, points, list(self.parameters())))

    def gradient(self, points: Tensor) -> Tensor:
        """Gradient (P, 3) of the value."""
        return evaluate_in_chunks(lambda part: (self._gradient(part),), points, list(self.parameters()))[0]

    def _gradient(self, points: Tensor) -> Tensor:
        with torch.enable_grad():
            points = points if points.requires_grad else points.detach().requires_grad_()
            return self._differentiate(self.value(points), points)

    def _query_with_gradient(self, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        with torch.enable_grad():
            points = points if points.requires_grad else points.detach().requires_grad_()
            value, color = self.value_and_color(points)
            return value, color, self._differentiate(value, points)

    def _differentiate(self, value: Tensor, points: Tensor) -> Tensor:
        return torch.autograd.grad(value.sum(), points, create_graph=self.training, retain_graph=True)[0]

    def differences(self, points: Tensor, distance: float) -> Tensor:
        """Central differences (P, 3) of the value over `distance` to either side; 6 lookups."""
        steps = torch.eye(3, dtype=points.dtype, device=points.device) * distance
        around = torch.cat([steps, -steps])[:, None] + points
        plus, minus = self.value(around.view(-1, 3)).view(2, 3, -1)
        return (plus - minus).T / (2 * distance)

    def normal(self, points: Tensor) -> Tensor:
        """Outward unit normals (P, 3)."""
        return self.outward(self.gradient(points))

    def outward(self, gradient: Tensor) -> Tensor:
        """Outward unit normals (P, 3) from gradients: a density falls outwards, a signed distance grows."""
        return nn.functional.normalize(gradient if self.is_sdf else -gradient, dim=-1)

    def alpha(self, output: FieldOutput, directions: Tensor, lengths: Tensor) -> Tensor:
        """Opacity (P,) of sections of `lengths` (P,) along directions (P, 3), from the output at their midpoints."""
        return -torch.expm1(-output.value * lengths)

    def alpha_from_slope(self, value: Tensor, slope: Tensor, directions: Tensor, lengths: Tensor) -> Tensor:
        """Opacity (P,) of sections from the midpoints' values (P,) and slopes (P,) along the ray, without gradients."""
        return -torch.expm1(-value * lengths)

    def occupancy(self, points: Tensor, step: float, cell: float) -> Tensor:
        """Upper bound (P,) on the opacity of a section of length `step` in a cell of side `cell` around points."""
        return -torch.expm1(-self.value(points) * step)

    def advance(self, share: float) -> None:
        """Set the share of the optimisation that is done, 0..1: some fields enable finer detail over time."""

    def groups(self, rate: float) -> list[dict[str, Any]]:
        """Optimiser parameter groups at learning rate `rate`."""
        return [{"params": list(self.parameters()), "lr": rate}]

    def to_unit(self, points: Tensor) -> Tensor:
        """Map `bounds` to 0..1, clamping points outside to the border."""
        low, high = self.bounds
        return ((points - low) / (high - low)).clamp(0, 1)

    def inside(self, points: Tensor) -> Tensor:
        """bool (P,): whether points lie in the cube."""
        return ((points >= self.bounds[0]) & (points <= self.bounds[1])).all(-1)


def magic3d_blob(points: Tensor, scale: float = 10.0, radius: float = 0.5) -> Tensor:
    """Bias on the raw density that makes the field start as a blob: scale (1 - |x| / radius) (Magic3D)."""
    return scale * (1 - points.norm(dim=-1) / radius)
