# SPDX-License-Identifier: GPL-3.0-or-later
"""The smooth change of colours: against a dense solution, and where it is known without one."""

import numpy as np
import pytest

from backend.input_view.color_correction import FADING, LARGEST, SMOOTHING, Interpolation, correct
from backend.meshing.marching_cubes import extract
from backend.rendering.mesh import Mesh


def ball(cells: int = 12) -> Mesh:
    return Mesh(*extract(lambda p: p.norm(dim=1) - 0.4, cells, (-0.5, 0.5)))


def strip(length: float, count: int) -> Mesh:
    """A flat strip along x of squares halved into triangles."""
    x, y = np.meshgrid(np.linspace(0, length, count), [0, length / (count - 1)], indexing="ij")
    a = 2 * np.arange(count - 1)
    faces = np.concatenate([np.stack([a, a + 2, a + 1], 1), np.stack([a + 1, a + 2, a + 3], 1)])
    return Mesh(np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], 1), faces)


def dense(mesh: Mesh, difference: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Stationary point of the energy of all edges and vertices, face by face, by Gauss elimination."""
    count = len(mesh.vertices)
    mass = np.zeros(count)
    for face, area in zip(mesh.faces, mesh.face_areas, strict=True):
        mass[face] += area / 3
    mass = np.maximum(mass, mass.mean() / 1000)
    pairs = {tuple(sorted((int(f[i]), int(f[(i + 1) % 3])))) for f in mesh.faces for i in range(3)}
    lengths = {p: float(np.linalg.norm(mesh.vertices[p[0]] - mesh.vertices[p[1]])) for p in pairs}
    shortest = np.mean(list(lengths.values())) / 10
    matrix = np.diag(mass * (share + (SMOOTHING / FADING) ** 2))
    for (a, b), length in lengths.items():
        weight = SMOOTHING**2 * (mass[a] + mass[b]) / 3 / max(length, shortest) ** 2
        for i, j in ((a, b), (b, a)):
            matrix[i, i] += weight
            matrix[i, j] -= weight
    return np.linalg.solve(matrix, (mass * share)[:, None] * difference)


def test_the_change_equals_the_dense_solution():
    mesh, rng = ball(), np.random.default_rng(0)
    share = np.clip(-2 * mesh.vertices[:, 1] / 0.4, 0, 1).astype(np.float64)
    difference = rng.uniform(-0.3, 0.3, (len(mesh.vertices), 3))
    np.testing.assert_allclose(correct(mesh, difference, share), dense(mesh, difference, share), atol=5e-4)


def test_beyond_the_border_the_change_falls_exponentially():
    """On a long strip x'' = x / FADING^2 beyond the border, so that it falls by e over FADING."""
    mesh = strip(3.0, 301)
    x = mesh.vertices[:, 0]
    change = correct(mesh, np.full((len(x), 1), 0.2), (x < 1).astype(float))[:, 0]
    assert change[x < 0.8] == pytest.approx(0.2, abs=0.003)
    near, far = (float(change[np.isclose(x, place, atol=0.004)].mean()) for place in (1.2, 1.6))
    assert 0.4 / np.log(near / far) == pytest.approx(FADING, rel=0.15)  # its triangles are not equilateral


def test_one_wrong_colour_at_the_border_hardly_shows():
    mesh = strip(3.0, 301)
    x = mesh.vertices[:, 0]
    difference = np.full((len(x), 1), 0.1)
    difference[np.isclose(x, 0.99, atol=0.004)] = 1.0
    change = correct(mesh, difference, (x < 1).astype(float))[:, 0]
    assert change.max() < 0.1 + (LARGEST - 0.1) * 0.01 / SMOOTHING


def test_nothing_known_changes_nothing():
    mesh = ball()
    assert (correct(mesh, np.ones((len(mesh.vertices), 3)), np.zeros(len(mesh.vertices))) == 0).all()


def test_values_between_vertices_are_continuous_means():
    mesh = ball(20)
    values = Interpolation(mesh, mesh.vertices)
    np.testing.assert_allclose(values(mesh.vertices), mesh.vertices, atol=1e-4)
    a, b, c = mesh.vertices[mesh.faces].transpose(1, 0, 2)
    middles = (a + b + c) / 3
    assert np.abs(values(middles) - middles).max() < 0.025  # cells are 0.05 wide
    line = np.linspace(mesh.vertices[0], mesh.vertices[mesh.faces[0]].mean(0), 2001).astype(np.float32)
    assert np.abs(np.diff(values(line), axis=0)).max() < 1e-3
    few = Mesh(np.eye(3), [[0, 1, 2]])
    np.testing.assert_allclose(Interpolation(few, np.eye(3))(np.full((1, 3), 1 / 3)), np.full((1, 3), 1 / 3), atol=1e-6)
