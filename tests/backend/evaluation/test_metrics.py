# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics and baselines against closed forms, explicit loops and scikit-image."""

import math
import sys

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from backend.evaluation import metrics
from backend.evaluation.baselines import box, silhouette_slab
from backend.meshing.marching_cubes import extract
from backend.rendering.cameras import Camera, orbit, project
from backend.rendering.mesh import Mesh


def cuboid(low, high) -> Mesh:
    corners = np.array([low, high], np.float32)
    return box(Mesh(corners[[0, 1, 1]], np.array([[0, 1, 2]])))


def ball(radius, resolution=48) -> Mesh:
    return Mesh(*extract(lambda p: torch.linalg.norm(p, dim=1) - radius, resolution))


def test_samples_are_uniform_over_the_area_and_repeatable():
    """Two triangles of areas 2 and 6; inside the large one a quarter-size corner holds a quarter of its points."""
    corners = np.array([[0, 0, 0], [2, 0, 0], [0, 2, 0], [0, 0, 1], [4, 0, 1], [0, 3, 1]])
    mesh = Mesh(corners, np.array([[0, 1, 2], [3, 4, 5]]))
    points = metrics.sample_surface(mesh, 10_000, seed=3)
    np.testing.assert_array_equal(points, metrics.sample_surface(mesh, 10_000, seed=3))
    assert not np.array_equal(points, metrics.sample_surface(mesh, 10_000, seed=4))
    upper = points[points[:, 2] > 0.5]
    assert len(upper) == pytest.approx(7500, abs=1)
    assert (upper[:, 0] / 4 + upper[:, 1] / 3 <= 1 + 1e-9).all() and (upper >= 0).all()
    assert (upper[:, 0] / 4 + upper[:, 1] / 3 < 0.5).mean() == pytest.approx(0.25, abs=0.02)
    np.testing.assert_allclose(upper.mean(0), [4 / 3, 1, 1], atol=0.05)


def test_nearest_distances_and_f_score_equal_loops():
    rng = np.random.default_rng(0)
    a, b = rng.random((30, 3)), rng.random((40, 3))
    there = np.array([min(math.dist(p, q) for q in b) for p in a])
    back = np.array([min(math.dist(p, q) for q in a) for p in b])
    np.testing.assert_allclose(metrics.nearest_distances(a, b), there)
    precision, recall = sum(d <= 0.15 for d in there) / 30, sum(d <= 0.15 for d in back) / 40
    assert 0 < precision < 1
    assert metrics.f_score(there, back, 0.15) == pytest.approx(2 / (1 / precision + 1 / recall))
    assert metrics.f_score(there, back, 0.0) == 0


def test_metrics_of_concentric_spheres_are_their_closed_forms():
    """Every point of one is 0.03 away from the other (up to the spacing of the samples)."""
    result = metrics.compare_meshes(ball(0.33), ball(0.30))
    assert result["chamfer"] == pytest.approx(0.03, rel=0.05)
    assert result["f_score_0.05"] == 1 and result["f_score_0.02"] == 0
    assert result["volume_iou"] == pytest.approx((0.30 / 0.33) ** 3, abs=0.01)


def test_a_mesh_compared_with_itself_is_perfect():
    result = metrics.compare_meshes(ball(0.3), ball(0.3))
    assert result["chamfer"] < 0.01 and result["f_score_0.02"] > 0.99 and result["volume_iou"] == 1


def test_precision_and_recall_are_not_confused():
    """Half of the truth found, nothing wrong: precision 1, recall one half."""
    one, two = ball(0.1), ball(0.1)
    two.vertices = two.vertices + np.array([0.35, 0, 0], np.float32)
    faces = np.concatenate([one.faces, two.faces + len(one.vertices)])
    both = Mesh(np.concatenate([one.vertices, two.vertices]), faces)
    assert metrics.compare_meshes(one, both)["f_score_0.02"] == pytest.approx(2 / 3, abs=0.01)
    assert metrics.compare_meshes(both, one)["f_score_0.02"] == pytest.approx(2 / 3, abs=0.01)
    assert metrics.compare_meshes(one, both)["volume_iou"] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    "mesh", [Mesh(np.zeros((0, 3)), np.zeros((0, 3))), Mesh(np.zeros((3, 3)), np.array([[0, 1, 2]]))]
)
def test_an_empty_mesh_scores_nothing(mesh):
    result = metrics.compare_meshes(mesh, ball(0.3))
    assert result == {"chamfer": math.inf, "f_score_0.05": 0, "f_score_0.02": 0, "volume_iou": 0}


def test_iou_of_shifted_cuboids():
    a, b = cuboid((-0.5, -0.25, -0.25), (0.25, 0.25, 0.25)), cuboid((-0.25, -0.25, -0.25), (0.5, 0.25, 0.25))
    assert metrics.volume_iou(a, b) == 0.5  # the grid's planes fall on the faces' coordinates


LEFT, RIGHT = cuboid((-0.5, -0.5, -0.5), (0.1, 0.5, 0.5)), cuboid((-0.1, -0.5, -0.5), (0.5, 0.5, 0.5))
OVERLAPPING = Mesh(np.concatenate([LEFT.vertices, RIGHT.vertices]), np.concatenate([LEFT.faces, RIGHT.faces + 8]))
CUBE = cuboid((-0.5, -0.5, -0.5), (0.5, 0.5, 0.5))


@pytest.mark.parametrize(
    ("mesh", "points", "expected"),
    [
        (OVERLAPPING, [[-0.3, 0, 0], [0, 0, 0], [0.3, 0.1, 0.2], [0.7, 0, 0]], [1, 2, 1, 0]),
        (Mesh(LEFT.vertices, LEFT.faces[:, ::-1]), [[-0.3, 0, 0]], [-1]),
        (Mesh(CUBE.vertices, CUBE.faces[2:]), [[0, 0, 0]], [5 / 6]),  # a cube's face fills a sixth of the sphere
    ],
    ids=["overlapping", "inside out", "open"],
)
def test_exact_winding_numbers_equal_their_closed_forms(mesh, points, expected):
    np.testing.assert_allclose(metrics.exact_winding_number(mesh, np.array(points, float)), expected, atol=1e-9)


def test_fast_winding_numbers_are_close_and_fall_back_to_the_exact_ones(monkeypatch):
    points = np.random.default_rng(1).uniform(-0.7, 0.7, (500, 3))
    exact = metrics.exact_winding_number(OVERLAPPING, points)
    np.testing.assert_allclose(metrics.winding_number(OVERLAPPING, points), exact, atol=0.05)  # an approximation
    monkeypatch.setitem(sys.modules, "igl", None)
    np.testing.assert_array_equal(metrics.winding_number(OVERLAPPING, points), exact)


def test_normalise_centres_the_used_vertices_and_scales_to_half():
    mesh = cuboid((1, 2, 3), (4, 6, 3 + 12))
    mesh = Mesh(np.concatenate([mesh.vertices, [[100, 100, 100]]]), mesh.faces)  # a vertex without faces
    result = metrics.normalise(mesh)
    np.testing.assert_allclose(result.vertices.max(0), np.array([3, 4, 12]) / 26, rtol=1e-5)  # diagonal 13
    np.testing.assert_allclose(result.vertices.min(0), -result.vertices.max(0), atol=1e-6)


def test_align_undoes_a_similarity_transform():
    """A box with three different sides, moved, turned by nine degrees and made a tenth larger, comes back; a mirror
    image of something that has no mirror plane does not."""
    corners = np.array([[-0.3, -0.2, -0.1], [0.3, -0.2, -0.1], [0, 0.2, -0.1], [0.1, 0, 0.25]], np.float32)
    truth = Mesh(corners, np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]]))
    angle = np.radians(9)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    moved = Mesh(1.1 * corners @ turn.T + [0.02, -0.03, 0.01], truth.faces)
    back = metrics.align(moved, truth)
    np.testing.assert_allclose(back.vertices, corners, atol=0.012)  # 2,000 points lie about 0.01 apart
    assert np.abs(moved.vertices - corners).max() > 0.05
    mirrored = Mesh(corners * [-1, 1, 1], truth.faces[:, ::-1])
    same_size = metrics.align(mirrored, truth).vertices
    sides = [np.linalg.norm(v[1:] - v[:-1], axis=1) for v in (same_size, corners * [-1, 1, 1])]
    np.testing.assert_allclose(sides[0] / sides[1], (sides[0] / sides[1]).mean(), rtol=1e-4)  # a similarity, no more


def test_a_known_similarity_is_recovered_from_points():
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    points = rng.normal(size=(9, 3))
    scale, found, shift = metrics.similarity(points, 0.7 * points @ turn.T + [1, 2, 3])
    assert scale == pytest.approx(0.7)
    np.testing.assert_allclose(found, turn, atol=1e-9)
    np.testing.assert_allclose(shift, [1, 2, 3], atol=1e-9)
    mirror = metrics.similarity(points, points * [-1, 1, 1])[1]
    assert np.linalg.det(mirror) == pytest.approx(1)


def test_psnr_equals_hand_worked_values_and_is_infinite_for_equal_images():
    a = np.full((8, 8, 3), 0.5)
    assert metrics.psnr(a, a + 0.1) == pytest.approx(20)
    assert metrics.psnr(a, a) == math.inf


@pytest.mark.parametrize("shape", [(40, 31), (32, 32, 3), (11, 12, 4)])
def test_ssim_equals_scikit_image(shape):
    rng = np.random.default_rng(0)
    a = rng.random(shape)
    b = np.clip(a + 0.2 * rng.standard_normal(shape), 0, 1)
    channels = 2 if len(shape) == 3 else None
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1}
    expected = np.asarray(structural_similarity(a, b, channel_axis=channels, **options)).item()
    assert 0.1 < expected < 0.99
    assert metrics.ssim(a, b) == pytest.approx(expected, abs=1e-12)
    assert metrics.ssim(a, a) == pytest.approx(1)


def test_ssim_refuses_small_images_and_different_shapes():
    with pytest.raises(ValueError, match="11 x 11"):
        metrics.ssim(np.zeros((10, 20)), np.zeros((10, 20)))


def test_box_baseline_has_the_true_extent():
    truth = Mesh(*extract(lambda p: (p * torch.tensor([1.0, 2, 4])).norm(dim=1) - 0.4, 64))
    mesh = box(truth)
    assert mesh.is_closed
    np.testing.assert_allclose(np.ptp(mesh.vertices, axis=0), [0.8, 0.4, 0.2], atol=1e-3)
    assert mesh.volume == pytest.approx(0.8 * 0.4 * 0.2, rel=1e-2)


@pytest.mark.parametrize(("azimuth", "elevation"), [(0, 0), (50, 25), (200, -40)])
def test_slab_projects_to_its_silhouette_and_has_the_stated_thickness(azimuth, elevation):
    camera = Camera(orbit(azimuth, elevation, 3), 30, 40, 30)
    image = np.zeros((30, 40, 4), np.float32)
    image[5:20, 10:14] = image[16:20, 10:30] = (0.2, 0.4, 0.6, 1)  # an L: asymmetric both ways
    mesh = silhouette_slab(image, camera)
    pixel = 3 / camera.focal
    thickness = pixel * (20 + 15) / 2
    assert mesh.is_closed
    assert mesh.volume == pytest.approx(thickness * pixel**2 * (image[..., 3] > 0).sum(), rel=1e-4)
    along = (mesh.vertices - camera.position.numpy()) @ -camera.cam_to_world[:3, 2].numpy()
    np.testing.assert_allclose([along.min(), along.max()], [3 - thickness / 2, 3 + thickness / 2], atol=1e-5)
    assert (mesh.vertex_colors == (51, 102, 153, 255)).all()
    middle = mesh.vertices + (3 - along)[:, None] * -camera.cam_to_world[:3, 2].numpy()
    pixels, _ = project(camera, torch.from_numpy(middle.astype(np.float32)))
    np.testing.assert_allclose(pixels, pixels.round(), atol=1e-3)
    np.testing.assert_allclose(pixels.min(0).values, [10, 5], atol=1e-3)
    np.testing.assert_allclose(pixels.max(0).values, [30, 20], atol=1e-3)
    lower_right = (pixels[:, 0] > 15) & (pixels[:, 1] < 15.5)
    assert not lower_right.any()  # the L is neither mirrored nor upside down


def test_slab_needs_a_silhouette():
    with pytest.raises(ValueError, match="silhouette"):
        silhouette_slab(np.zeros((8, 8, 4)), Camera(orbit(0, 0, 2), 40, 8, 8))
