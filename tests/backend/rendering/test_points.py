# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of point clouds against a loop over the pixels in float64 that projects with its own arithmetic."""

import math

import numpy as np
import pytest
import torch

from backend.rendering.cameras import Camera, orbit
from backend.rendering.points import splat, splat_scales

CAMERA = Camera(orbit(25, 15, 2.0), 40, 14, 11)
RADIUS = 0.13


def slow(points: torch.Tensor, features: torch.Tensor, camera: Camera, radius: float, per_pixel: int):
    """Indices (H, W) of lists, and premultiplied colours (H, W, C), differentiable in points and features."""
    matrix = camera.cam_to_world.double()
    focal = camera.height / 2 / math.tan(math.radians(camera.fov_deg / 2))
    reach = radius * camera.height
    x, y, z = ((points - matrix[:3, 3]) @ matrix[:3, :3]).unbind(1)
    across, down, depth = camera.width / 2 - focal * x / z, camera.height / 2 + focal * y / z, (-z).tolist()
    index, rows = [], []
    for row in range(camera.height):
        for column in range(camera.width):
            hits = []
            for i in range(len(points)):
                square = (across[i] - column - 0.5) ** 2 + (down[i] - row - 0.5) ** 2
                if depth[i] > 0 and square <= reach**2:
                    hits.append((depth[i], i, square))
            light, seen = 1.0, torch.zeros(features.shape[1], dtype=torch.float64)
            chosen = sorted(hits, key=lambda hit: hit[:2])[:per_pixel]
            for _, i, square in chosen:
                alpha = 1 - (0.1 * square / reach**2).clamp(1e-3, 1).sqrt()
                seen = seen + light * alpha * features[i]
                light = light * (1 - alpha)
            index.append([i for _, i, _ in chosen])
            rows.append(seen)
    return index, torch.stack(rows).view(camera.height, camera.width, -1).permute(2, 0, 1)


@pytest.fixture(scope="module")
def cloud() -> tuple[torch.Tensor, torch.Tensor]:
    """Points in and around the picture, some behind the camera, two at the same place; and features."""
    generator = torch.Generator().manual_seed(3)
    points = torch.randn(90, 3, generator=generator) * 0.35
    points[:6] += 2.5 * orbit(25, 15, 1.0)[:3, 3]
    points[11] = points[10]
    return points, torch.randn(90, 5, generator=generator)


def test_splatted_images_and_gradients_equal_slow_loops(cloud):
    points, features = (v.clone().requires_grad_() for v in cloud)
    splats = splat(points, CAMERA, RADIUS, 3)
    fast = splats.composite(features)
    true_points, true_features = (v.double().requires_grad_() for v in cloud)
    index, expected = slow(true_points, true_features, CAMERA, RADIUS, 3)
    found = [[i for i in pixel if i >= 0] for pixel in splats.index.view(-1, 3).tolist()]
    assert found == index and max(map(len, index)) == 3 and min(map(len, index)) == 0
    torch.testing.assert_close(fast.double(), expected, atol=2e-5, rtol=1e-4)
    weigh = torch.randn(expected.shape, generator=torch.Generator().manual_seed(0))
    (fast * weigh).sum().backward()
    (expected * weigh.double()).sum().backward()
    for ours, truth in ((points, true_points), (features, true_features)):
        assert ours.grad is not None and truth.grad is not None and truth.grad.abs().max() > 0.1
        torch.testing.assert_close(ours.grad.double(), truth.grad, atol=2e-3, rtol=2e-3)


def test_opacity_is_the_composite_of_ones(cloud):
    points, _ = cloud
    splats = splat(points, CAMERA, RADIUS)
    torch.testing.assert_close(splats.composite(torch.ones(len(points), 1))[0], splats.opacity)
    assert 0 <= splats.opacity.min() and splats.opacity.max() <= 1 + 1e-6


def test_a_discs_opacity_falls_off_as_released():
    """At its centre a disc hides 1 - sqrt(0.001), at its edge 1 - sqrt(0.1)."""
    camera = Camera(orbit(0, 0, 2.0), 40, 5, 5)
    splats = splat(torch.zeros(1, 3), camera, 0.2)
    expected = np.zeros((5, 5))
    expected[2, 2] = 1 - math.sqrt(1e-3)
    expected[[1, 2, 2, 3], [2, 1, 3, 2]] = 1 - math.sqrt(0.1)
    assert splats.opacity.numpy() == pytest.approx(expected, abs=1e-4)


def test_discs_keep_their_relative_size_at_smaller_scales(cloud):
    points, features = cloud
    camera = Camera(CAMERA.cam_to_world, 40, 32, 24)
    for splats, scale in zip(splat_scales(points, camera, 0.08), (1, 2, 4), strict=True):
        alone = splat(points, Camera(CAMERA.cam_to_world, 40, 32 // scale, 24 // scale), 0.08)
        assert torch.equal(splats.composite(features), alone.composite(features))
        assert splats.opacity.shape == (24 // scale, 32 // scale)


def test_rasterising_points_in_chunks_changes_nothing(monkeypatch):
    """More points than are looked at together; the nearest come from several pieces."""
    points = torch.rand(600, 3, generator=torch.Generator().manual_seed(1)) - 0.5
    whole = splat(points, CAMERA, 0.3)
    monkeypatch.setattr("backend.rendering.points.CHUNK", 70)
    assert torch.equal(splat(points, CAMERA, 0.3).index, whole.index) and (whole.index[..., -1] >= 0).any()


def test_points_behind_the_camera_give_an_empty_image():
    splats = splat(torch.tensor([[0.0, -9.0, 0.0]]), Camera(orbit(0, 0, 2.0), 40, 4, 4), 0.1)
    assert (splats.index == -1).all() and not splats.opacity.any()
    assert torch.equal(splats.composite(torch.ones(1, 3)), torch.zeros(3, 4, 4))
