# SPDX-License-Identifier: GPL-3.0-or-later
"""Volume rendering against explicit loops in plain Python, closed forms, and numerical gradients."""

import math

import numpy as np
import pytest
import torch

from backend.rendering.cameras import Camera, orbit, rays
from backend.rendering.volume import (
    alpha_weights,
    composite,
    density_weights,
    neus_alpha,
    neus_section_alpha,
    render_camera,
    render_density,
    render_sdf,
)


def slow_weights(alpha: torch.Tensor) -> torch.Tensor:
    """Light that reaches a section, times what it keeps: one ray and one section at a time."""
    rows = []
    for ray in alpha:
        light, row = torch.ones((), dtype=alpha.dtype), []
        for a in ray:
            row.append(light * a)
            light = light * (1 - a)
        rows.append(torch.stack(row))
    return torch.stack(rows)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(1)


def random_edges(rng, rays=4, sections=9):
    return torch.rand(rays, sections + 1, generator=rng, dtype=torch.float64).sort(dim=1).values


def test_density_weights_and_gradients_equal_the_slow_loop(rng):
    edges = random_edges(rng).requires_grad_()
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


def test_alpha_weights_and_gradients_equal_the_slow_loop_even_behind_opaque_sections(rng):
    alpha = torch.rand(4, 9, generator=rng, dtype=torch.float64)
    alpha[0, 3], alpha[1, 0], alpha[1, 4], alpha[2, 2] = 1, 1, 1, 0
    alpha.requires_grad_()
    fast, slow = alpha_weights(alpha), slow_weights(alpha)
    torch.testing.assert_close(fast, slow)
    toward = torch.randn(fast.shape, generator=rng, dtype=torch.float64)
    torch.testing.assert_close(torch.autograd.grad(fast, alpha, toward)[0], torch.autograd.grad(slow, alpha, toward)[0])


@pytest.mark.parametrize("anneal", [0.0, 0.4, 1.0])
def test_neus_alpha_equals_the_papers_formula(rng, anneal):
    sdf = 0.2 * torch.randn(3, 5, generator=rng, dtype=torch.float64)
    gradient = torch.randn(3, 5, 3, generator=rng, dtype=torch.float64)
    directions = torch.nn.functional.normalize(torch.randn(3, 3, generator=rng, dtype=torch.float64), dim=-1)
    lengths = 0.1 * torch.rand(3, 5, generator=rng, dtype=torch.float64)
    alpha = neus_alpha(sdf, gradient, directions, lengths, 20.0, anneal)
    for i in range(3):
        for j in range(5):
            c = sum(float(gradient[i, j, k] * directions[i, k]) for k in range(3))
            slope = -(max(0, 0.5 - 0.5 * c) * (1 - anneal) + max(0, -c) * anneal)
            f, d = float(sdf[i, j]), float(lengths[i, j])
            before, after = sigmoid(20 * (f - slope * d / 2)), sigmoid(20 * (f + slope * d / 2))
            expected = min(1, max(0, (before - after + 1e-5) / (before + 1e-5)))
            assert alpha[i, j].item() == pytest.approx(expected, abs=1e-12)


def test_neus_gradients_are_right(rng):
    sdf = (0.1 * torch.randn(2, 4, generator=rng, dtype=torch.float64)).requires_grad_()
    gradient = torch.randn(2, 4, 3, generator=rng, dtype=torch.float64).requires_grad_()
    directions = torch.nn.functional.normalize(torch.randn(2, 3, generator=rng, dtype=torch.float64), dim=-1)
    lengths = torch.full((2, 4), 0.1, dtype=torch.float64)
    inv_s = torch.tensor(15.0, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda f, g, s: alpha_weights(neus_alpha(f, g, directions, lengths, s)), (sdf, gradient, inv_s)
    )


def test_neus_section_alpha_of_a_plane_telescopes():
    """For a plane hit head on, the sections' alphas leave exactly Phi(end) / Phi(start) of the light."""
    edges = torch.linspace(0, 1, 21, dtype=torch.float64)[None]
    sdf = 0.5 - edges
    alpha = neus_section_alpha(edges, sdf, 64.0)
    left = (1 - alpha[0, 1:]).prod().item()  # the first section has no slope before it, so it counts as empty
    assert left == pytest.approx(sigmoid(64 * -0.5) / sigmoid(64 * 0.45), abs=2e-3)
    assert alpha[0, 0].item() == pytest.approx(1e-5, rel=1e-2)


def test_composite_by_hand():
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


def test_sdf_of_a_sphere_is_seen_where_it_is():
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
def test_the_picture_moves_with_the_object(kind):
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
