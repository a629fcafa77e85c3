# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpointing: the same renderings and gradients, and less memory kept for the backward pass."""

import pytest
import torch

from backend.fields import checkpointing, hash_field, sdf_field
from backend.fields.renderer import Renderer
from backend.optimisation import losses
from backend.rendering.cameras import Camera, orbit, rays
from backend.runtime.batches import PeakMemory


def rendered(field, monkeypatch, most: int) -> tuple[dict[str, torch.Tensor], int]:
    """All that a rendering with normals says, with the gradient of a loss of all of it; bytes kept for the way back."""
    monkeypatch.setattr(checkpointing, "CHUNK", most)
    field.zero_grad()
    origins, directions = (x.double() for x in rays(Camera(orbit(35, 25, 1.6), 45, 8, 8)))
    with PeakMemory() as memory:
        seen = Renderer(field, 0.03).render(origins, directions, 1.0, normals="analytic")
        assert seen.normal is not None and seen.samples.normals is not None
        beside = field.normal(seen.samples.points.detach() + 0.01)
        loss = (seen.color * origins.sin()).sum() + seen.depth.sum() + (seen.normal * origins.cos()).sum()
        loss = loss + losses.normal_jitter(seen.samples.normals, beside)
        loss = loss + losses.orientation(seen.samples.weights, seen.samples.normals, seen.samples.directions, 9)
    kept = memory.live
    loss.backward()
    said = {"color": seen.color, "depth": seen.depth, "opacity": seen.opacity, "normal": seen.normal, "loss": loss}
    return said | {name: p.grad for name, p in field.named_parameters() if p.grad is not None}, kept


@pytest.mark.parametrize("make", [hash_field.small, sdf_field.small])
def test_checkpointing_changes_neither_renderings_nor_gradients(make, monkeypatch):
    field = make(seed=0).double()
    field.grid.table.data.normal_(generator=torch.Generator().manual_seed(1)).mul_(0.05)
    whole, all_kept = rendered(field, monkeypatch, 1 << 18)
    in_parts, few_kept = rendered(field, monkeypatch, 100)
    assert whole.keys() == in_parts.keys() and len(whole) >= 8
    for name, value in whole.items():
        assert value.abs().max() > 0, name
        torch.testing.assert_close(in_parts[name], value, rtol=1e-9, atol=1e-12, msg=name)
    assert few_kept < 0.15 * all_kept


@pytest.mark.parametrize("with_gradients", [False, True])
def test_chunks_are_no_larger_than_asked_and_recomputed_backwards(with_gradients):
    points, asked = torch.rand(23, 3), []
    factor = torch.tensor(2.0, requires_grad=True)

    def ask(part: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        asked.append(len(part))
        return part.sum(1) * factor, part.detach()

    with torch.set_grad_enabled(with_gradients):
        doubled, same = checkpointing.evaluate_in_chunks(ask, points, [factor], 10)
    assert asked == [10, 10, 3] and torch.equal(same, points)
    torch.testing.assert_close(doubled, 2 * points.sum(1))
    if with_gradients:
        doubled.sum().backward()
        assert sorted(asked[3:]) == [3, 10, 10] and factor.grad is not None
        torch.testing.assert_close(factor.grad, points.sum())


def test_points_that_require_a_gradient_get_one():
    field = hash_field.small(seed=0)
    points = (torch.rand(20, 3) - 0.5).requires_grad_()
    value = checkpointing.evaluate_in_chunks(lambda part: (field.value(part),), points, list(field.parameters()), 7)[0]
    expected = field.gradient(points.detach())
    torch.testing.assert_close(torch.autograd.grad(value.sum(), points)[0], expected.detach())
