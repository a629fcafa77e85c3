# SPDX-License-Identifier: GPL-3.0-or-later
"""Boxes and samples along rays, against hand-worked numbers and a slow numpy search."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from backend.rendering.rays import importance_sampling, intersect_box, stratify

coordinates = st.floats(-3, 3)
triples = st.tuples(coordinates, coordinates, coordinates)


@pytest.mark.parametrize(
    ("origin", "direction", "expected"),
    [
        ((0, -2, 0), (0, 1, 0), (1.5, 2.5, True)),  # parallel to two pairs of faces
        ((0, 0, 0), (0, 0, 1), (0, 0.5, True)),  # from inside
        ((0, -2, 0), (0, -1, 0), (0, 0, False)),  # behind
        ((0.6, -2, 0), (0, 1, 0), (0, 0, False)),  # beside
        ((-1, -1, 0), (0.5**0.5, 0.5**0.5, 0), (0.5**0.5, 4.5**0.5, True)),  # through two edges
    ],
)
def test_rays_enter_and_leave_a_box_at_hand_worked_distances(origin, direction, expected):
    near, far, hit = intersect_box(torch.tensor([origin]).float(), torch.tensor([direction]).float())
    assert (near.item(), far.item(), hit.item()) == pytest.approx(expected)


@given(triples, triples.filter(lambda d: np.linalg.norm(d) > 0.1))
def test_box_contains_exactly_what_lies_between_near_and_far(origin, direction):
    direction = np.array(direction) / np.linalg.norm(direction)
    o, d = torch.tensor([origin]).double(), torch.tensor(direction[None]).double()
    near, far, hit = (x.item() for x in intersect_box(o, d))
    t = np.linspace(0, 12, 2401)
    inside = np.max(np.abs(np.array(origin) + t[:, None] * direction), axis=1) <= 0.5
    clear = (np.abs(t - near) > 1e-9) & (np.abs(t - far) > 1e-9)  # rounding at the two ends
    between = (t > near) & (t < far) & bool(hit)
    np.testing.assert_array_equal(inside[clear], between[clear])


def test_stratified_edges_cover_the_ray_in_order_and_jitter_within_their_strata():
    near, far = torch.tensor([1.0, 0.0]), torch.tensor([3.0, 1.0])
    torch.testing.assert_close(stratify(near, far, 4), torch.tensor([[1, 1.5, 2, 2.5, 3], [0, 0.25, 0.5, 0.75, 1]]))
    moved = stratify(near, far, 4, torch.Generator().manual_seed(0))
    torch.testing.assert_close(moved[:, [0, 4]], torch.stack([near, far], 1))
    assert (moved.diff(dim=1) >= 0).all() and not torch.equal(moved, stratify(near, far, 4))
    assert ((moved - stratify(near, far, 4)).abs() <= (far - near)[:, None] / 8 + 1e-6).all()


def test_importance_samples_invert_the_cumulated_weights():
    """All weight in the second of three sections: four samples at 1/8, 3/8, 5/8, 7/8 of it."""
    edges = torch.tensor([[0.0, 1, 3, 4]], dtype=torch.float64)
    samples = importance_sampling(edges, torch.tensor([[0.0, 1, 0]], dtype=torch.float64), 4)
    torch.testing.assert_close(samples, torch.tensor([[1.25, 1.75, 2.25, 2.75]]).double(), atol=1e-3, rtol=0)


def test_importance_sampling_without_weight_is_even():
    edges = torch.tensor([[0.0, 1, 2, 3, 4]])
    torch.testing.assert_close(importance_sampling(edges, torch.zeros(1, 4), 4), torch.tensor([[0.5, 1.5, 2.5, 3.5]]))


@pytest.mark.parametrize("seed", [None, 3])
def test_importance_samples_follow_the_weights(seed):
    rng = np.random.default_rng(0)
    edges, weights = np.sort(rng.random((5, 9)), 1), rng.random((5, 8))
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    samples = importance_sampling(torch.from_numpy(edges), torch.from_numpy(weights), 4000, generator)
    assert (samples.diff(dim=1) >= 0).all()
    for ray in range(5):
        counts, _ = np.histogram(samples[ray], edges[ray])
        np.testing.assert_allclose(counts / 4000, weights[ray] / weights[ray].sum(), atol=1.5 / 4000 + 1e-4)
