# SPDX-License-Identifier: GPL-3.0-or-later
import itertools

import numpy as np
import pytest

from backend.meshing.solid import holes


def all_triangulations(count: int):
    """Every triangulation of a polygon with so many corners, by plain recursion."""

    def span(low, high):
        if high - low < 2:
            return [[]]
        found = []
        for middle in range(low + 1, high):
            parts = itertools.product(span(low, middle), span(middle, high))
            found += [[(low, middle, high), *one, *other] for one, other in parts]
        return found

    return span(0, count - 1)


@pytest.mark.parametrize("seed", range(5))
def test_no_triangulation_has_a_smaller_area(seed):
    points = np.random.default_rng(seed).normal(size=(8, 3))
    found, _ = holes.fill(points)
    least = min(holes.area_of(points, np.array(every)).sum() for every in all_triangulations(8))
    assert len(found) == 6 and holes.area_of(points, found).sum() == pytest.approx(least)


@pytest.mark.parametrize("count", [3, 50, 2000])
def test_a_flat_rim_is_filled_with_its_own_area(count):
    turn = 2 * np.pi * np.arange(count) / count
    points = np.stack([np.cos(turn), np.sin(turn), 0 * turn], 1)
    found, near = holes.fill(points)
    assert holes.area_of(points, found).sum() == pytest.approx(count / 2 * np.sin(2 * np.pi / count))
    edges = found[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    assert {(i, (i + 1) % count) for i in range(count)} <= {tuple(e) for e in edges.tolist()}
    assert (np.bincount(found.ravel()) > 0).all() and near.max() < count
