# SPDX-License-Identifier: GPL-3.0-or-later
"""Caves are filled and nothing that can be seen changes: shapes whose distances are known in closed form."""

import pytest
import torch

from backend.meshing.fill_cavities import fill_cavities

BOX = torch.diag(torch.tensor([0.6, 0.6, 0.6, 1.0]))
BOX[:3, 3] = torch.tensor([0.1, 0.0, -0.2])  # a world that is not the cube
CENTRE = BOX[:3, 3]
OUTER, INNER = 0.4, 0.25


def shell(points: torch.Tensor, opening: float) -> torch.Tensor:
    """A hollow ball with a round opening of that radius at the top."""
    points = points - CENTRE
    radius = points.norm(dim=1)
    walls = torch.maximum(radius - OUTER, INNER - radius)
    shaft = torch.maximum(points[:, :2].norm(dim=1) - opening, -points[:, 2])
    return torch.maximum(walls, -shaft)


@pytest.mark.parametrize(("opening", "full"), [(0.0, True), (0.03, True), (0.15, False)])
def test_leaky_cavities_are_filled_and_open_ones_kept(opening, full):
    generator = torch.Generator().manual_seed(0)
    points = CENTRE + torch.rand(20_000, 3, generator=generator) * 1.1 - 0.55
    before = shell(points, opening)
    after = fill_cavities(lambda p: shell(p, opening), BOX, 0.94)(points)
    radius, height = (points - CENTRE).norm(dim=1), points[:, 2] - CENTRE[2]
    cave = (radius < INNER) & ((points - CENTRE)[:, :2].norm(dim=1) > opening + 0.04)
    assert (after[cave] < 0).float().mean() == (1 if full else 0)
    outside = (radius > OUTER) | ~((before < 0) | (radius < INNER) | (height > 0))
    torch.testing.assert_close(after[outside], before[outside])
    skin = (radius > OUTER - 0.03) & (radius < OUTER + 0.03) & (height < 0)
    torch.testing.assert_close(after[skin], before[skin])  # the surface itself stays to the last bit
