# SPDX-License-Identifier: GPL-3.0-or-later
"""Charts in a square: apart from each other, all at one scale, turned but not mirrored; triangles as texels."""

import numpy as np
import pytest

from backend.meshing.packing import covered_cells, free_runs, lowest_place, pack, rasterise_uv, signed_areas

SIDE = 256


def rectangle(width: float, height: float) -> np.ndarray:
    a, b, c, d = (0.0, 0.0), (width, 0.0), (width, height), (0.0, height)
    return np.array([[a, b, c], [a, c, d]]) + np.array([5.0, -7.0])


def test_packed_charts_keep_their_size_and_their_distance():
    sizes = [(4, 1), (1, 4), (2, 2), (0.5, 0.5), (3, 0.2), (0.001, 0.001)]
    flat = np.concatenate([rectangle(*size) for size in sizes])
    chart = np.repeat(np.arange(len(sizes)), 2)
    uv = pack(chart, flat, SIDE).astype(np.float64)
    assert uv.shape == flat.shape and uv.min() > 0 and uv.max() < 1
    scale = np.sqrt(signed_areas(uv) / signed_areas(flat))
    np.testing.assert_allclose(scale, scale[0], rtol=0.01)
    assert signed_areas(uv).sum() > 0.4
    boxes = [(uv[chart == k].min((0, 1)), uv[chart == k].max((0, 1))) for k in range(len(sizes))]
    for i, (low, high) in enumerate(boxes):
        for other_low, other_high in boxes[:i]:
            assert np.maximum(low - other_high, other_low - high).max() * SIDE >= 4, "texels between two charts"


def test_the_lowest_place_is_the_free_one_nearest_to_the_corner():
    taken = np.zeros((6, 6), bool)
    taken[:3, :3] = True
    free = free_runs(taken)
    assert lowest_place(free, np.ones((2, 2), bool), 1.0) in ((0, 3), (3, 0))
    assert lowest_place(free, np.ones((2, 2), bool), 0.1) == (0, 3), "row by row"
    assert lowest_place(free, np.ones((3, 6), bool), 1.0) == (3, 0)
    assert lowest_place(free, np.ones((4, 4), bool), 1.0) == (-1, -1)
    assert lowest_place(free, np.ones((2, 2), bool), 1.0, below=3) == (-1, -1), "not cheaper than what is known"


@pytest.mark.parametrize("slope", [1.0, 0.01])
def test_the_lowest_place_is_that_of_a_search_over_all(slope: float):
    rng = np.random.default_rng(2)
    for _ in range(40):
        taken, mask = rng.random((70, 70)) < 0.06, rng.random((rng.integers(1, 9), rng.integers(1, 9))) < 0.7
        rows, columns = 71 - np.array(mask.shape)
        windows = np.lib.stride_tricks.sliding_window_view(taken, mask.shape)
        free = ~(windows & mask).any((2, 3))
        costs = np.where(free, np.arange(rows)[:, None] + slope * np.arange(columns), np.inf)
        row, column = lowest_place(free_runs(taken), mask, slope)
        assert (row, column) == (-1, -1) if not free.any() else costs[row, column] == costs.min()


def test_the_cells_of_a_chart_are_those_that_it_touches_and_their_neighbours():
    corners = rectangle(3.0, 1.0)
    (mask,) = covered_cells([corners - corners.min((0, 1)) + 1])
    assert mask.shape == (3, 5) and mask.all(), "3 x 1 cells from (1, 1) on, and one more on each side"


@pytest.mark.parametrize("side", [16, 128])
def test_barycentric_weights_reproduce_the_texels_coordinates(side: int):
    rng = np.random.default_rng(0)
    uv = rng.random((30, 3, 2)).astype(np.float32)
    for texel, face, weight, _ in rasterise_uv(uv, side):
        np.testing.assert_allclose(weight.sum(1), 1)
        places = (uv[face] * weight[..., None]).sum(1)
        row, column = np.divmod(texel, side)
        np.testing.assert_allclose(places, np.stack([(column + 0.5) / side, 1 - (row + 0.5) / side], 1), atol=1e-4)
