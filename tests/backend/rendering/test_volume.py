# SPDX-License-Identifier: GPL-3.0-or-later
"""Opacity and weights against explicit loops in plain Python, closed forms, and numerical gradients."""

import math

import pytest
import torch

from backend.rendering.volume import alpha_weights, neus_alpha, neus_section_alpha
from tests.support.volume_rendering import slow_weights


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(1)


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


def test_neus_gradients_equal_finite_differences(rng):
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
