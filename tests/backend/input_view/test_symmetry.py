# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
import trimesh

from backend.input_view.symmetry import Symmetry, find_symmetries, fit, reflection, rotation, sample_surface
from backend.rendering.mesh import Mesh

LARGEST = 0.02


def boxes(*extents_and_middles: tuple[tuple, tuple], turn_deg: float = 0.0) -> Mesh:
    """Boxes of (extents, middle), turned about the vertical."""
    parts = []
    for extents, middle in extents_and_middles:
        part = trimesh.creation.box(extents)
        part.apply_translation(middle)
        parts.append(part)
    whole = trimesh.util.concatenate(parts)
    whole.apply_transform(trimesh.transformations.rotation_matrix(np.radians(turn_deg), (0, 0, 1)))
    return Mesh(whole.vertices, whole.faces)


def angle_of(symmetry: Symmetry) -> float:
    """Direction in degrees, 0..180, of the mirror plane's horizontal line."""
    return float(np.degrees(np.arctan2(symmetry.matrix[0, 1], symmetry.matrix[0, 0]) / 2) % 180)


def is_mirror(symmetry: Symmetry) -> bool:
    return bool(np.linalg.det(symmetry.matrix) < 0)


@pytest.mark.parametrize("turn", [0.0, 27.0, 114.0])
def test_a_chair_has_one_plane(turn):
    # a seat with a back on one side: only the plane along x, turned with the object, maps it onto itself
    mesh = boxes(((0.6, 0.5, 0.3), (0, 0, 0)), ((0.08, 0.5, 0.4), (-0.26, 0, 0.35)), turn_deg=turn)
    found = find_symmetries(*sample_surface(mesh), LARGEST)
    best = found[0]
    assert is_mirror(best) and min(abs(angle_of(best) - turn), 180 - abs(angle_of(best) - turn)) < 1
    across = np.array([-np.sin(np.radians(turn)), np.cos(np.radians(turn)), 0])
    assert best.offset @ across == pytest.approx(0, abs=0.01)  # the plane goes through the origin
    assert all(not is_mirror(s) or abs(np.sin(np.radians(angle_of(s) - turn))) < 0.2 for s in found)


def test_a_plane_beside_the_origin_is_found():
    mesh = boxes(((0.6, 0.5, 0.3), (0.05, 0.15, 0)), ((0.08, 0.5, 0.4), (-0.21, 0.15, 0.35)))
    best = find_symmetries(*sample_surface(mesh), LARGEST)[0]
    np.testing.assert_allclose(best.move(np.array([[0.1, 0.4, 0.2]])), [[0.1, -0.1, 0.2]], atol=0.015)  # y -> 0.3 - y
    np.testing.assert_allclose(best.turn(np.array([[0.6, 0.8, 0]])), [[0.6, -0.8, 0]], atol=0.03)


def test_a_long_box_has_two_planes_and_a_half_turn():
    found = find_symmetries(*sample_surface(boxes(((0.8, 0.4, 0.3), (0, 0, 0)))), 0.005)
    angles = sorted(round(angle_of(s)) % 180 for s in found if is_mirror(s))
    assert angles == [0, 90]
    (turn,) = (s for s in found if not is_mirror(s))
    np.testing.assert_allclose(turn.matrix, np.diag([-1, -1, 1]), atol=1e-9)


def test_a_shape_without_symmetry_has_none():
    mesh = boxes(((0.7, 0.3, 0.2), (0, 0, 0)), ((0.2, 0.5, 0.3), (0.2, 0.3, 0.1)), ((0.1, 0.1, 0.6), (-0.3, -0.1, 0.3)))
    assert find_symmetries(*sample_surface(mesh), LARGEST) == []


def fitted(start: Symmetry, points: np.ndarray, targets: np.ndarray) -> Symmetry:
    normals = np.random.default_rng(2).normal(size=points.shape)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    for _ in range(8):
        start = fit(start, points, targets, normals)
    return start


def test_fit_recovers_a_reflection():
    points, normal = np.random.default_rng(0).normal(size=(50, 3)), np.array([-np.sin(0.7), np.cos(0.7), 0])
    targets = points - 2 * (points @ normal - 0.2)[:, None] * normal  # at the plane x . normal = 0.2
    found = fitted(Symmetry(reflection(0.65), np.zeros(3)), points, targets)
    np.testing.assert_allclose(found.matrix, np.eye(3) - 2 * np.outer(normal, normal), atol=1e-6)
    np.testing.assert_allclose(found.offset, 0.4 * normal, atol=1e-6)


def test_fit_recovers_the_axis_of_a_half_turn():
    points = np.random.default_rng(1).normal(size=(50, 3))
    targets = points * [-1, -1, 1] + [0.6, -0.2, 0]  # about x = 0.3, y = -0.1
    found = fitted(Symmetry(rotation(np.pi), np.zeros(3)), points, targets)
    np.testing.assert_allclose(found.move(points), targets, atol=1e-6)


def test_samples_lie_evenly_on_the_faces_and_face_outward():
    points, normals = sample_surface(boxes(((0.8, 0.4, 0.2), (0, 0, 0))), 40_000)
    on_top = np.isclose(points[:, 2], 0.1, atol=1e-6)
    np.testing.assert_array_equal(normals[on_top & (np.abs(points[:, 0]) < 0.39)][:, 2], 1)
    area = 2 * (0.8 * 0.4 + 0.8 * 0.2 + 0.4 * 0.2)
    assert on_top.mean() == pytest.approx(0.8 * 0.4 / area, abs=0.01)
    half = points[on_top & (points[:, 0] > 0) & (points[:, 1] > 0.1)]
    assert len(half) / on_top.sum() == pytest.approx(1 / 8, abs=0.01)
