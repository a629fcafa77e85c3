# SPDX-License-Identifier: GPL-3.0-or-later
"""Values at a lattice's points: what is asked, and that the surface stays where it is."""

import pytest
import torch

from backend.meshing.coarse_lattice import exact_near_surface, lattice_points
from backend.meshing.marching_cubes import extract

HALF, CELLS, WIDTH = 0.6, 16, 0.07  # half of a cell's diagonal is 0.065
DENSE = 10**6  # `coarse` beyond any resolution: every point is evaluated


def sphere(p):
    return p.norm(dim=1) - 0.4


def needle(p):
    """Thinner than a cell of the lattice, and between its points."""
    return torch.stack([(p[:, :2] - 0.03).norm(dim=1) - 0.015, p[:, 2].abs() - 0.47]).amax(0)


def box(p):
    q = (p - torch.tensor([0.05, -0.02, 0.1])).abs() - torch.tensor([0.3, 0.2, 0.01])
    return q.clamp(min=0).norm(dim=1) + q.amax(1).clamp(max=0)


def banded(field, asked):
    def counted(points):
        asked.append(len(points))
        return field(points)

    values = field(lattice_points(HALF, CELLS)).view((CELLS + 1,) * 3)
    return exact_near_surface(counted, values, HALF, WIDTH)


def test_the_points_are_those_of_a_grid_in_the_order_of_its_values():
    points = lattice_points(2.0, 4).view(5, 5, 5, 3)
    assert points[1, 2, 4].tolist() == [-1.0, 0.0, 2.0]


@pytest.mark.parametrize("field", [sphere, needle, box])
@pytest.mark.parametrize("resolution", [48, 61])
def test_the_surface_is_that_of_the_field(field, resolution):
    asked = []
    vertices, faces = extract(banded(field, asked), resolution, (-HALF, HALF), coarse=DENSE)
    exact, exact_faces = extract(field, resolution, (-HALF, HALF), coarse=DENSE)
    assert len(faces) == len(exact_faces) > 0
    assert abs(vertices - exact).max() < 1e-5


def test_far_points_and_the_lattices_own_are_not_asked():
    asked = []
    field = banded(sphere, asked)
    values = field(lattice_points(HALF, CELLS))
    torch.testing.assert_close(values, sphere(lattice_points(HALF, CELLS)), atol=1e-6, rtol=0)
    axis = torch.linspace(0.2, 0.28, 50)
    inside = field(torch.stack([axis, 0 * axis, 0 * axis], 1))
    assert sum(asked) == 0
    assert (inside - (axis - 0.4)).abs().max() < 0.01, "between the lattice's values"


def test_outside_of_the_lattice_the_border_counts():
    field = banded(sphere, [])
    assert field(torch.tensor([[3.0, 0.0, 0.0]])).item() == pytest.approx(0.2, abs=1e-5)
