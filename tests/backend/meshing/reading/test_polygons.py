# SPDX-License-Identifier: GPL-3.0-or-later
"""Triangles cover their polygon exactly: as much as the shoelace formula says, and all turned as it is."""

import numpy as np
import pytest

from backend.meshing.reading.polygons import triangulate

STAR = [(np.cos(t) * (1 + i % 2), np.sin(t) * (1 + i % 2)) for i, t in enumerate(np.arange(10) * np.pi / 5)]
COMB = [(0, 0), (7, 0), (7, 3), (6, 3), (6, 1), (5, 1), (5, 3), (4, 3), (4, 1), (3, 1), (3, 3), (0, 3)]


def shoelace(points: np.ndarray) -> float:
    (x, y), (u, v) = points.T, np.roll(points, -1, 0).T
    return float((x * v - u * y).sum() / 2)


@pytest.mark.parametrize("shape", [STAR, COMB, COMB[::-1], [(0, 0), (4, 0), (4, 1), (1, 1), (1, 4), (0, 4)]])
@pytest.mark.parametrize("plane", [(0, 1, 2), (2, 0, 1), (1, 2, 0), (1, 0, 2)])
@pytest.mark.parametrize("first", [0, 1, 5])
def test_any_simple_polygon_is_covered_once(
    shape,
    plane,
    first,
):
    flat = np.roll(np.array(shape, float), first, 0)
    points = np.concatenate([flat, np.zeros((len(flat), 1))], 1)[:, plane]
    places, owners = triangulate(points, np.arange(len(points)), np.array([len(points)]))
    assert places.shape == (len(points) - 2, 3) and not owners.any()
    a, b, c = flat[places].transpose(1, 0, 2)
    areas = np.cross(np.c_[b - a, np.zeros(len(a))], np.c_[c - a, np.zeros(len(a))])[:, 2] / 2
    assert areas.sum() == pytest.approx(shoelace(flat))
    assert (areas * np.sign(shoelace(flat)) >= 0).all()


def test_polygons_of_all_sizes_keep_their_order():
    rng = np.random.default_rng(0)
    sizes = np.array([3, 1, 5, 0, 4, 2, 3, 6])
    vertices = rng.normal(size=(sizes.sum(), 3))
    places, owners = triangulate(vertices, np.arange(sizes.sum()), sizes)
    assert owners.tolist() == [0, 2, 2, 2, 4, 4, 6, 7, 7, 7, 7]
    starts = np.cumsum(sizes) - sizes
    assert (places >= starts[owners][:, None]).all() and (places < (starts + sizes)[owners][:, None]).all()


def test_a_polygon_that_crosses_itself_still_has_all_its_triangles():
    bow = np.array([[0, 0, 0], [1, 1, 0], [1, 0, 0], [0, 1, 0], [0.2, 3, 0]], float)
    places, _ = triangulate(bow, np.arange(5), np.array([5]))
    assert len(places) == 3 and set(places.reshape(-1)) == set(range(5))


def test_a_corner_that_is_no_vertex_is_refused():
    with pytest.raises(ValueError, match="not there"):
        triangulate(np.zeros((3, 3)), np.array([0, 1, 3]), np.array([3]))
