# SPDX-License-Identifier: GPL-3.0-or-later
import itertools

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from backend.fields.hash_grid import HashGrid
from backend.fields.voxel_field import VoxelField


def grid(**settings) -> HashGrid:
    generator = torch.Generator().manual_seed(0)
    made = HashGrid(
        **{"levels": 3, "base": 4, "finest": 16, "log2_size": 8, "generator": generator} | settings
    ).double()
    made.table.data = torch.randn(made.table.shape, generator=generator, dtype=torch.float64)
    return made


def points(count: int, margin: float = 0.0) -> torch.Tensor:
    found = torch.rand(count, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return margin + found * (1 - 2 * margin)


def slow_lookup(made: HashGrid, point: list[float]) -> list[float]:
    """Instant NGP, section 3, in integers and loops."""
    features, begin = [], 0
    for n, size in zip(made.resolutions, made.sizes, strict=True):
        low = [min(int(np.floor(x * n)), n - 1) for x in point]
        total = np.zeros(made.features)
        for corner in itertools.product((0, 1), repeat=3):
            place = [c + d for c, d in zip(low, corner, strict=True)]
            share = [x * n - c if d else 1 - (x * n - c) for x, c, d in zip(point, low, corner, strict=True)]
            if (n + 1) ** 3 <= 256:
                index = (place[0] * (n + 1) + place[1]) * (n + 1) + place[2]
            else:
                index = (place[0] ^ (place[1] * 2654435761) ^ (place[2] * 805459861)) % size
            total += np.prod(share) * made.table.data[:, begin + index].numpy()
        features += total.tolist()
        begin += size
    return features


def test_a_lookup_equals_a_slow_reference():
    made = grid()
    assert made.resolutions == [4, 8, 16] and made.sizes == [125, 256, 256]  # one dense level, two hashed ones
    where = torch.cat([points(40), torch.tensor([[0.0, 0, 0], [1, 1, 1], [0.5, 1, 0.25]], dtype=torch.float64)])
    wanted = [slow_lookup(made, p) for p in where.tolist()]
    torch.testing.assert_close(made(where), torch.tensor(wanted, dtype=torch.float64))


@pytest.mark.parametrize("log2_size", [5, 13])  # all hashed, all dense
def test_first_and_second_derivatives_equal_finite_differences(log2_size):
    made = grid(levels=2, finest=8, log2_size=log2_size)
    where = points(4, margin=0.05).requires_grad_()

    def look(table, where):
        return torch.func.functional_call(made, {"table": table}, (where,)).square()

    assert torch.autograd.gradcheck(look, (made.table, where))
    assert torch.autograd.gradgradcheck(look, (made.table, where))


def test_levels_fade_in_one_after_the_other():
    made, where = grid(), points(5)
    full = made(where)
    made.active = 1.25
    shown = made(where)
    torch.testing.assert_close(shown[:, :2], full[:, :2])
    torch.testing.assert_close(shown[:, 2:4], 0.25 * full[:, 2:4])
    assert not shown[:, 4:].any()


def test_voxels_are_interpolated_as_grid_sample_does():
    field = VoxelField(5, bounds=(-0.5, 0.5)).double()
    field.density.data.normal_(generator=torch.Generator().manual_seed(2))
    field.log_gain.data.fill_(0.3)
    where = points(50) - 0.5
    stored = torch.cat([field.density, field.colors]).view(1, 4, 5, 5, 5)
    place = (2 * where)[None, :, None, None].flip(-1)  # grid_sample counts x along the last axis
    raw = F.grid_sample(stored, place, align_corners=True)[0, :, :, 0, 0]
    value, color = field.value_and_color(where)
    torch.testing.assert_close(value, F.softplus(raw[0] * np.exp(0.3) - 1))
    torch.testing.assert_close(color, raw[1:].T.sigmoid())


def test_coarse_voxels_are_added_to_fine_ones_as_grid_sample_reads_them():
    field = VoxelField(5, bounds=(-0.5, 0.5), coarse=(3, 2)).double()
    assert not field.colors.any()
    for number, parameter in enumerate(field.parameters()):
        parameter.data.normal_(generator=torch.Generator().manual_seed(number))
    where, raw = points(50) - 0.5, torch.zeros(4, 50, dtype=torch.float64)
    place = (2 * where)[None, :, None, None].flip(-1)
    tables = [(field.density, field.colors), *zip(field.coarse_density, field.coarse_colors, strict=True)]
    for side, table in zip((5, 3, 2), tables, strict=True):
        stored = torch.cat(table).view(1, 4, side, side, side)
        raw += F.grid_sample(stored, place, align_corners=True)[0, :, :, 0, 0]
    value, color = field.value_and_color(where)
    torch.testing.assert_close(value, F.softplus(raw[0] * field.log_gain.exp() - 1))
    torch.testing.assert_close(color, raw[1:].T.sigmoid())
    torch.testing.assert_close(field.value(where), value)
