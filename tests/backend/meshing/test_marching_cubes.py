# SPDX-License-Identifier: GPL-3.0-or-later
"""Coarse-to-fine marching cubes against the dense grid, closed forms, and its own stated limits."""

import math
import sys

import numpy as np
import pytest
import torch

from backend.meshing.marching_cubes import extract
from backend.rendering.mesh import Mesh

DENSE = 10**6  # `coarse` beyond any resolution: every point is evaluated


class Counted:
    """A field that counts its evaluations."""

    def __init__(self, field):
        self.field, self.count = field, 0

    def __call__(self, points):
        self.count += len(points)
        return self.field(points)


def sphere(p, centre=(0.0, 0.0, 0.0), radius=0.4):
    return (p - torch.tensor(centre)).norm(dim=1) - radius


def torus(p):
    return ((p[:, :2].norm(dim=1) - 0.3) ** 2 + p[:, 2] ** 2).sqrt() - 0.1


def two_blobs(p):
    return torch.minimum(sphere(p, (0.2, 0, 0), 0.15), sphere(p, (-0.25, -0.1, 0), 0.1))


def bumpy(p):
    waves = torch.randn(20, 3, generator=torch.Generator().manual_seed(0)) * 40
    return sphere(p, radius=0.35) + 0.003 * torch.sin(p @ waves.T).sum(1)


def antenna(p):
    """A ball with a needle two cells thick, far thinner than a first-pass cell."""
    needle = torch.stack([(p[:, :2] - 0.017).norm(dim=1) - 0.012, p[:, 2].neg(), p[:, 2] - 0.47]).amax(0)
    return torch.minimum(sphere(p, radius=0.2), needle)


def assert_same(a, b):
    np.testing.assert_array_equal(a[0], b[0])
    np.testing.assert_array_equal(a[1], b[1])
    assert len(a[1]) > 0


@pytest.mark.parametrize("resolution", [33, 97, 128])
@pytest.mark.parametrize("field", [sphere, torus, two_blobs, bumpy, antenna])
def test_the_mesh_equals_that_of_the_dense_grid(field, resolution):
    counted = Counted(field)
    assert_same(extract(counted, resolution, coarse=16), extract(field, resolution, coarse=DENSE))
    if resolution == 128:
        assert counted.count < 129**3 / 4


@pytest.mark.parametrize("field", [sphere, torus, two_blobs])
def test_the_dense_mesh_takes_a_fifth_of_its_evaluations(field):
    counted = Counted(field)
    assert_same(extract(counted, 100, coarse=12), extract(field, 100, coarse=DENSE))
    assert counted.count < 101**3 / 5


def test_a_speck_between_first_pass_points_is_missed_until_the_first_pass_is_finer():
    """It lies far from the rest of the surface, which is the stated limit."""

    def field(p):
        return torch.minimum(sphere(p, (-0.25, -0.25, -0.25), 0.1), sphere(p, (0.3125, 0.3125, 0.3125), 0.03))

    dense = extract(field, 64, coarse=DENSE)
    assert len(extract(field, 64, coarse=8)[0]) < len(dense[0])
    assert_same(extract(field, 64, coarse=32), dense)


def test_evaluations_grow_with_the_surface():
    """Twice the resolution: about four times the evaluations (the dense grid: eight times)."""
    counts = []
    for resolution in (64, 128, 256):
        counted = Counted(sphere)
        extract(counted, resolution, coarse=16)
        counts.append(counted.count - 17**3)
    assert 3.5 < counts[1] / counts[0] < 4.5 and 3.5 < counts[2] / counts[1] < 4.5
    assert counts[2] < 257**3 / 8


def test_no_point_is_evaluated_twice():
    asked = []

    def field(p):
        asked.append(p)
        return bumpy(p)

    extract(field, 60, coarse=15)
    points = torch.cat(asked)
    assert len(torch.unique(points, dim=0)) == len(points)


def test_known_values_of_the_first_pass_are_not_asked_again():
    axis = torch.linspace(-0.5, 0.5, 17)
    first = torus(torch.cartesian_prod(axis, axis, axis)).view(17, 17, 17).numpy()
    counted, whole = Counted(torus), Counted(torus)
    assert_same(extract(counted, 64, coarse=16, first=first), extract(whole, 64, coarse=16))
    assert counted.count == whole.count - 17**3
    assert_same(extract(torus, 60, coarse=16, first=first), extract(torus, 60, coarse=16))  # has other points


@pytest.mark.parametrize("sign", [1, -1])
def test_volume_area_and_normals_of_a_sphere(sign):
    vertices, faces = extract(lambda p: sign * sphere(p), 96, inside="negative" if sign == 1 else "positive")
    mesh = Mesh(vertices, faces)
    assert mesh.is_closed
    assert mesh.volume == pytest.approx(4 / 3 * math.pi * 0.4**3, rel=2e-3)  # positive: normals outward
    assert mesh.face_areas.sum() == pytest.approx(4 * math.pi * 0.4**2, rel=2e-3)
    np.testing.assert_allclose(np.linalg.norm(vertices, axis=1), 0.4, atol=2e-4)


def test_axes_are_not_swapped():
    def box(p):
        return ((p - torch.tensor([0.1, -0.05, 0.2])).abs() - torch.tensor([0.3, 0.2, 0.1])).amax(1)

    vertices, _ = extract(box, 80)
    np.testing.assert_allclose(vertices.min(0), [-0.2, -0.25, 0.1], atol=1e-3)
    np.testing.assert_allclose(vertices.max(0), [0.4, 0.15, 0.3], atol=1e-3)


def test_a_sphere_has_its_radius_at_other_bounds_and_level():
    vertices, faces = extract(lambda p: p.norm(dim=1), 64, bounds=(-2, 2), level=1.5)
    np.testing.assert_allclose(np.linalg.norm(vertices, axis=1), 1.5, atol=2e-3)
    assert Mesh(vertices, faces).is_closed


def test_the_mesh_is_open_where_the_solid_leaves_the_bounds():
    vertices, faces = extract(lambda p: p[:, 2], 16)  # everything below z = 0 is solid
    assert not Mesh(vertices, faces).is_closed
    np.testing.assert_allclose(vertices[:, 2], 0, atol=1e-6)
    a, b, c = vertices[faces].transpose(1, 0, 2)
    assert (np.cross(b - a, c - a)[:, 2] > 0).all()


@pytest.mark.parametrize("value", [1.0, -1.0])
def test_no_surface_is_an_empty_mesh(value):
    vertices, faces = extract(lambda p: torch.full((len(p),), value), 16)
    assert vertices.shape == (0, 3) and faces.shape == (0, 3)


def test_values_that_are_not_numbers_are_refused():
    with pytest.raises(ValueError, match="not numbers"):
        extract(lambda p: p[:, 0] / 0, 8)


def test_scikit_image_replaces_a_missing_pymcubes(monkeypatch):
    expected = extract(torus, 48)
    monkeypatch.setitem(sys.modules, "mcubes", None)
    vertices, faces = extract(torus, 48)
    mesh = Mesh(vertices, faces)
    assert mesh.is_closed
    assert mesh.volume == pytest.approx(Mesh(*expected).volume, rel=1e-3)
    ours, theirs = (v[np.lexsort(v.round(4).T)] for v in (vertices, expected[0]))
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
