# SPDX-License-Identifier: GPL-3.0-or-later
"""The dense renderer against explicit loops, closed forms, and numerical gradients."""

import math

import numpy as np
import pytest
import torch

from backend.rendering.cameras import Camera, orbit, rays
from tests.support.volume_rendering import (
    composite,
    density_weights,
    merge,
    render_camera,
    render_density,
    render_sdf,
    slow_weights,
)


def test_density_weights_and_gradients_equal_the_slow_loop():
    rng = torch.Generator().manual_seed(1)
    edges = torch.rand(4, 10, generator=rng, dtype=torch.float64).sort(dim=1).values.requires_grad_()
    density = (20 * torch.rand(4, 9, generator=rng, dtype=torch.float64)).requires_grad_()
    fast = density_weights(edges, density)
    slow = slow_weights(1 - torch.exp(-density * (edges[:, 1:] - edges[:, :-1])))
    torch.testing.assert_close(fast, slow)
    toward = torch.randn(fast.shape, generator=rng, dtype=torch.float64)
    for a, b in zip(
        torch.autograd.grad(fast, (edges, density), toward),
        torch.autograd.grad(slow, (edges, density), toward),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_merge_is_sorted_and_loses_nothing():
    merged = merge(torch.tensor([[0.0, 2, 4]]), torch.tensor([[3.0, 1, 2]]))
    assert merged.tolist() == [[0, 1, 2, 2, 3, 4]]


def test_compositing_equals_a_hand_worked_example():
    weights = torch.tensor([[0.25, 0.5], [0.0, 0.0]])
    edges = torch.tensor([[1.0, 2, 4], [1, 2, 4]])
    color = torch.tensor([[[1.0, 0, 0], [0, 1, 0]]]).repeat(2, 1, 1)
    normal = torch.tensor([[[0.0, 0, 1], [0, 1, 0]]]).repeat(2, 1, 1)
    out = composite(weights, edges, color, normal, background=1.0)
    torch.testing.assert_close(out.color, torch.tensor([[0.5, 0.75, 0.25], [1, 1, 1]]))
    torch.testing.assert_close(out.opacity, torch.tensor([0.75, 0]))
    torch.testing.assert_close(out.depth, torch.tensor([(0.25 * 1.5 + 0.5 * 3) / 0.75, 0]))
    torch.testing.assert_close(out.normal, torch.tensor([[0, 0.5, 0.25], [0, 0, 0]]))
    premultiplied = composite(weights, edges, color)
    torch.testing.assert_close(premultiplied.color, torch.tensor([[0.25, 0.5, 0], [0, 0, 0]]))
    per_ray = composite(weights, edges, color, background=torch.tensor([[1.0, 0, 0], [0, 0, 1]]))
    torch.testing.assert_close(per_ray.color, torch.tensor([[0.5, 0.5, 0], [0, 0, 1]]))


def test_homogeneous_fog_follows_beer_lambert():
    """Density 2 in the unit cube, seen along an axis: opacity 1 - exp(-2) whatever the number of sections."""

    def fog(points, directions):
        return torch.full_like(points[:, 0], 2.0), torch.full_like(points, 0.3)

    origins, directions = torch.tensor([[0.0, -2, 0]]), torch.tensor([[0.0, 1, 0]])
    for count, extra in ((7, 0), (64, 0), (8, 16)):
        out = render_density(fog, origins, directions, count, extra, background=1.0)
        seen = 1 - math.exp(-2)
        assert out.opacity.item() == pytest.approx(seen, abs=1e-5)
        assert out.color[0, 0].item() == pytest.approx(0.3 * seen + 1 - seen, abs=1e-5)
    depth = 1.5 + 0.5 - math.exp(-2) / (1 - math.exp(-2))  # 1.5 + mean of the exponential cut off at 1
    assert out.depth.item() == pytest.approx(depth, abs=1e-2)


def sphere(points):
    return points.norm(dim=-1) - 0.35, torch.nn.functional.normalize(points, dim=-1)


def test_the_sdf_of_a_sphere_is_rendered_at_its_position():
    camera = Camera(orbit(35, 20, 1.6), 45, 24, 24)

    def render(origins, directions):
        return render_sdf(sphere, lambda p, n, d: 0.5 + 0.5 * n, origins, directions, 2000.0)

    color, opacity, depth, normal = render_camera(render, camera, chunk=100)
    origins, directions = (x.view(24, 24, 3).double() for x in rays(camera))
    b = (origins * directions).sum(-1)
    discriminant = b**2 - (origins**2).sum(-1) + 0.35**2
    hit, miss = discriminant > 0.01, discriminant < -0.01  # half a pixel around the outline is soft
    assert hit.sum() > 100 and miss.sum() > 100
    exact = -b - discriminant.clamp(min=0).sqrt()
    point = origins + exact[..., None] * directions
    assert (opacity[hit] > 0.99).all() and (opacity[miss] < 0.01).all()
    np.testing.assert_allclose(depth[hit], exact[hit], atol=3e-3)
    assert normal is not None
    np.testing.assert_allclose(normal[hit], point[hit] / 0.35, atol=2e-2)
    np.testing.assert_allclose(color[hit], 0.5 + 0.5 * point[hit] / 0.35, atol=2e-2)
    np.testing.assert_allclose(color[miss], 1, atol=1e-2)


def test_rays_beside_the_box_see_only_background():
    out = render_sdf(sphere, lambda p, n, d: n, torch.tensor([[0.0, -2, 0]]), torch.tensor([[1.0, 0, 0]]), 64.0)
    assert out.opacity.item() == 0 and out.color.tolist() == [[1, 1, 1]]


def test_random_sections_are_repeatable_and_agree_on_average():
    def ball(points, directions):
        return 30 * torch.sigmoid(-50 * (points.norm(dim=-1) - 0.3)), points + 0.5

    origins = torch.tensor([[0.0, -2, 0]]).repeat(200, 1)
    directions = torch.tensor([[0.0, 1, 0]]).repeat(200, 1)
    first, again = (
        render_density(ball, origins, directions, 32, 16, generator=torch.Generator().manual_seed(5)) for _ in "ab"
    )
    torch.testing.assert_close(first.color, again.color, rtol=0, atol=0)
    assert first.depth.std() > 0
    exact = render_density(ball, origins[:1], directions[:1], 4000)
    np.testing.assert_allclose(first.depth.mean(), exact.depth[0], atol=2e-3)


@pytest.mark.parametrize("kind", ["density", "sdf"])
def test_the_derivative_by_radius_equals_finite_differences(kind):
    """Derivative of what rays see by the radius of a soft ball: autograd against central differences."""
    rng = torch.Generator().manual_seed(2)
    origins = torch.tensor([[0.0, -1.5, 0]], dtype=torch.float64).repeat(20, 1)
    aims = 0.4 * (torch.rand(20, 3, generator=rng, dtype=torch.float64) - 0.5)
    directions = torch.nn.functional.normalize(aims - origins, dim=-1)

    def seen(radius: torch.Tensor) -> torch.Tensor:
        def ball(points):
            return points.norm(dim=-1) - radius, torch.nn.functional.normalize(points, dim=-1)

        if kind == "sdf":
            out = render_sdf(ball, lambda p, n, d: 0.5 + 0.5 * n, origins, directions, 30.0, count=40, extra=0)
        else:
            out = render_density(lambda p, d: (torch.sigmoid(-30 * ball(p)[0]) * 9, p + 0.5), origins, directions, 40)
        return out.color.sum() + out.depth.sum() + out.opacity.sum()

    radius = torch.tensor(0.2, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(seen(radius), radius)
    with torch.no_grad():
        expected = (seen(radius + 1e-5) - seen(radius - 1e-5)) / 2e-5
    assert abs(expected) > 1
    torch.testing.assert_close(slope, expected, rtol=1e-5, atol=1e-5)
