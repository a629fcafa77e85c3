# SPDX-License-Identifier: GPL-3.0-or-later
"""Laying charts flat: surfaces that can be without stretch are, others nearly, and none is mirrored."""

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from backend.meshing.flatten import flatten, turns
from backend.rendering.mesh import Mesh


def grid(places) -> Mesh:
    """A sheet of 20 x 20 quads in two triangles each; places(u, v) in 0..1 gives its points."""
    u, v = np.meshgrid(np.linspace(0, 1, 21), np.linspace(0, 1, 21))
    number = np.arange(441).reshape(21, 21)
    a, b, c, d = (part.reshape(-1) for part in (number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    return Mesh(np.stack(places(u.reshape(-1), v.reshape(-1)), 1).astype(np.float32), faces, None)


def lengths(corners: np.ndarray) -> np.ndarray:
    return np.linalg.norm(corners[:, [1, 2, 0]] - corners, axis=2)


def areas(flat: np.ndarray) -> np.ndarray:
    (ax, ay), (bx, by) = (flat[:, 1] - flat[:, 0]).T, (flat[:, 2] - flat[:, 0]).T
    return (ax * by - ay * bx) / 2


def test_a_part_of_a_cylinder_keeps_all_lengths():
    sheet = grid(lambda u, v: (np.sin(2 * u), -np.cos(2 * u), v))  # seen from outside: about 115 degrees
    flat = flatten(sheet, np.zeros(len(sheet.faces), np.int64))
    np.testing.assert_allclose(lengths(flat), lengths(sheet.vertices[sheet.faces]), rtol=0.02)
    assert (areas(flat) > 0).all()
    up = flat[sheet.faces == 440].mean(0) - flat[sheet.faces == 0].mean(0)
    assert up[1] > 0.9 and up[0] > 1.5, "the world's up is the chart's, and it is not mirrored"


def test_half_a_ball_is_stretched_little():
    ball = trimesh.creation.icosphere(3)
    faces = ball.faces[ball.triangles_center[:, 2] > 0.3]
    mesh = Mesh(np.asarray(ball.vertices, np.float32), faces, None)
    flat = flatten(mesh, np.zeros(len(faces), np.int64))
    ratio = areas(flat) / mesh.face_areas
    assert (
        (ratio > 0.6).all()
        and (ratio < 1.6).all()
        and areas(flat).sum() == pytest.approx(mesh.face_areas.sum(), rel=0.1)
    )


def test_turns_are_the_nearest_rotations_as_scipy_finds_them():
    rng = np.random.default_rng(0)
    edges, now, weight = rng.normal(size=(20, 3, 2)), rng.normal(size=(20, 3, 2)), rng.uniform(0.1, 2, (20, 3))
    found = turns(weight, edges.view(complex)[..., 0], now.view(complex)[..., 0])
    for e, n, w, turn in zip(edges, now, weight, found, strict=True):
        pad = ((0, 0), (0, 1))
        rotation = Rotation.align_vectors(np.pad(n, pad), np.pad(e, pad), w)[0].as_matrix()
        if rotation[2, 2] > 0.5:  # in space the nearest one may turn the plane over
            np.testing.assert_allclose(rotation[:2, 0], [turn.real, turn.imag], atol=1e-6)
    np.testing.assert_allclose(np.abs(found), 1)
