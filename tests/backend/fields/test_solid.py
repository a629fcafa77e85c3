# SPDX-License-Identifier: GPL-3.0-or-later
"""The solid of a density field, against balls whose optical depths are known in closed form."""

import numpy as np
import pytest
import torch
from torch import nn

from backend.fields.field import Field
from backend.fields.solid import SURFACE_DEPTH, Solid, least_depth
from backend.fields.surface import to_mesh


class Ball(Field):
    """A red ball of constant density between two radii."""

    def __init__(self, density: float, radius: float, hollow: float = 0.0):
        super().__init__(3)
        self.density, self.radius, self.hollow = nn.Parameter(torch.tensor(density)), radius, hollow

    def value_and_color(self, points):
        r = points.norm(dim=-1)
        return self.density * ((r <= self.radius) & (r >= self.hollow)), torch.tensor([1.0, 0, 0]).expand_as(points)

    def value(self, points):
        return self.value_and_color(points)[0]


def test_solidity_is_the_least_of_six_axis_integrals():
    """27 cells of side 1, dense in the middle and at three of its neighbours."""
    density = torch.zeros(3, 3, 3)
    density[1, 1, 1], density[1, 1, 0], density[0, 1, 1], density[2, 1, 1] = 4, 2, 6, 8
    found = least_depth(density, (0.0, 3.0))
    assert found[1, 1, 1] == 2.0  # from both sides along y and from above: nothing but half of itself
    assert found[1, 1, 0] == 1.0 and found[0, 0, 0] == 0.0


def test_depths_in_a_ball_are_chords_times_density():
    solid = Solid(Ball(10.0, 0.4), 96)
    points = torch.tensor([[0.0, 0, 0], [0.2, 0, 0], [0.1, 0.15, -0.1], [0.5, 0, 0], [0.7, 0, 0]])
    expected = []
    for p in points.double():
        chords = [max(0.16 - float((p**2).sum() - p[i] ** 2), 0.0) ** 0.5 - abs(float(p[i])) for i in range(3)]
        expected.append(10 * max(min(chords), 0.0))
    torch.testing.assert_close(solid.value(points).double(), torch.tensor(expected).double(), atol=0.12, rtol=0)


def test_a_hollow_ball_is_meshed_as_a_ball_of_its_own_colour():
    """Its surface lies SEEN / 40 beneath the true one, along the axis nearest to its normal."""
    mesh = to_mesh(Solid(Ball(40.0, 0.4, hollow=0.3), 96), 64)
    r = np.linalg.norm(mesh.vertices, axis=1)
    assert r.min() > 0.385 and r.max() < 0.405
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * (0.4 - 0.75 * SURFACE_DEPTH / 40) ** 3, rel=0.05)
    assert mesh.is_closed and (mesh.vertex_colors == [255, 0, 0, 255]).all()


def test_the_surface_of_a_sharpened_density_lies_at_the_same_optical_depth():
    """0.25 of optical depth is 0.00625 of a ball of 40 per unit, measured along an axis."""
    ball = Ball(40.0, 0.4)
    ball.sharpen = 10.0
    assert Solid(ball, 32).level == SURFACE_DEPTH == 0.25
    r = np.linalg.norm(to_mesh(Solid(ball, 192), 96).vertices, axis=1)
    assert 0.4 - 0.00625 * 3**0.5 - 0.006 < r.min() < 0.4 - 0.00625 and r.max() < 0.4


class Painted(Ball):
    """A ball in a fog of 1 per unit that is blue, while the ball is red on one half and green on the other."""

    def value_and_color(self, points):
        density, _ = super().value_and_color(points)
        halves = torch.where(points[:, :1] > 0, torch.tensor([1.0, 0, 0]), torch.tensor([0, 1.0, 0]))
        return density + 1.0, torch.where(density[:, None] > 0, halves, torch.tensor([0, 0, 1.0]))


def test_the_solids_colour_ignores_surrounding_fog():
    """Half a cell outside the ball: two cells of fog, 3 % opaque, count before it."""
    solid = Solid(Painted(400.0, 0.4), 80)
    points = torch.tensor([[0.4, 0.05, 0.0], [-0.3, 0.2, 0.2]])
    points = points * ((0.4 + solid.cell / 2) / points.norm(dim=1, keepdim=True))
    fog = -np.expm1(-1 * solid.cell * 2)
    seen = solid.color(points)
    assert (Painted(400.0, 0.4).color(points) == torch.tensor([0, 0, 1.0])).all()
    torch.testing.assert_close(seen[:, 2], torch.full((2,), float(fog)), atol=0.012, rtol=0)
    torch.testing.assert_close(seen[:, :2], torch.tensor([[1 - fog, 0], [0, 1 - fog]]).float(), atol=0.012, rtol=0)
