# SPDX-License-Identifier: GPL-3.0-or-later
"""Each loss against its formula in plain Python, its gradient against central differences, its sign by an example."""

import math

import numpy as np
import pytest
import torch

from backend.optimisation import losses

RNG = np.random.default_rng(4)
MAP, OTHER_MAP = RNG.uniform(0.1, 0.9, (2, 3, 4))
PICTURE, OTHER = RNG.uniform(0, 1, (2, 3, 4, 3))
WEIGHTS = RNG.uniform(0.1, 0.9, 7)
NORMALS, DIRECTIONS = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in RNG.normal(size=(2, 7, 3)))
RAY = np.array([0, 0, 0, 1, 1, 2, 2])
VISIBLE = torch.from_numpy(MAP > 0.3)


def neighbours(picture, power):
    """Mean over all pairs of neighbours, along columns and along rows."""
    rows, columns = picture.shape[:2]
    right = [abs(picture[r, c + 1] - picture[r, c]) ** power for r in range(rows) for c in range(columns - 1)]
    down = [abs(picture[r + 1, c] - picture[r, c]) ** power for r in range(rows - 1) for c in range(columns)]
    return np.mean(right) + np.mean(down)


def binary_entropy(p, log):
    return float(np.mean([-x * log(x) - (1 - x) * log(1 - x) for x in p.ravel()]))


def facing_away(w):
    return sum(w_ * max(0.0, float(n @ d)) ** 2 for w_, n, d in zip(w, NORMALS, DIRECTIONS, strict=True)) / 3


def t(array):
    return torch.from_numpy(np.asarray(array, np.float64))


def correlation(depth):
    keep = VISIBLE.numpy()
    return 1 - np.corrcoef(depth[keep], OTHER_MAP[keep])[0, 1]


# name, the loss as a function of one tensor, the point, the value in plain numpy
CASES = {
    "reference_l1": (lambda x: losses.reference_l1(x, t(OTHER)), PICTURE, np.abs(PICTURE - OTHER).sum() / 36),
    "reference_mse": (lambda x: losses.reference_mse(x, t(OTHER)), PICTURE, ((PICTURE - OTHER) ** 2).sum() / 36),
    "mask": (lambda x: losses.mask(x, t(OTHER_MAP)), MAP, ((MAP - OTHER_MAP) ** 2).sum() / 12),
    "depth_correlation": (lambda x: losses.depth_correlation(x, t(OTHER_MAP), VISIBLE), MAP, correlation(MAP)),
    "depth_smoothness": (losses.depth_smoothness, MAP, neighbours(MAP, 1) / 2),
    "near_view": (
        lambda x: losses.near_view(x, t(OTHER), x[..., 0], t(OTHER_MAP)),
        PICTURE,
        np.abs(PICTURE - OTHER).mean() + np.abs(PICTURE[..., 0] - OTHER_MAP).mean(),
    ),
    "normal_smoothness": (losses.normal_smoothness, PICTURE, neighbours(PICTURE, 2)),
    "normal_jitter": (lambda x: losses.normal_jitter(x, t(DIRECTIONS)), NORMALS, np.abs(NORMALS - DIRECTIONS).mean()),
    "orientation": (lambda x: losses.orientation(t(WEIGHTS), x, t(DIRECTIONS), 3), NORMALS, facing_away(WEIGHTS)),
    "opacity": (losses.opacity, MAP, (MAP**2).mean()),
    "sparsity": (losses.sparsity, MAP, np.mean([math.hypot(o, 0.1) for o in MAP.ravel()])),
    "entropy": (losses.entropy, MAP, binary_entropy(MAP, math.log2)),
    "opaqueness": (losses.opaqueness, MAP, binary_entropy(MAP, math.log)),
    "eikonal": (losses.eikonal, 2 * NORMALS * WEIGHTS[:, None], np.mean((2 * WEIGHTS - 1) ** 2)),
}


@pytest.mark.parametrize("name", CASES)
def test_values_equal_formulas_and_gradients_finite_differences(name):
    loss, point, value = CASES[name]
    x = t(point).requires_grad_()
    result = loss(x)
    assert result.shape == () and result.item() == pytest.approx(float(value), rel=1e-9)
    result.backward()
    numerical = torch.zeros_like(x)
    for i in range(x.numel()):
        step = torch.zeros(x.numel(), dtype=torch.float64)
        step[i] = 1e-6
        up, down = (loss(x.detach() + s.view_as(x)) for s in (step, -step))
        numerical.view(-1)[i] = (up - down) / 2e-6
    torch.testing.assert_close(x.grad, numerical, atol=1e-8, rtol=1e-5)


WORSE = {  # (better, worse): whoever turns a sign round fails here too
    "reference_l1": (OTHER, OTHER + 0.1),
    "reference_mse": (OTHER, OTHER - 0.1),
    "mask": (OTHER_MAP, OTHER_MAP + 0.1),
    "depth_correlation": (5 + 3 * OTHER_MAP, -OTHER_MAP),
    "depth_smoothness": (np.ones((3, 4)), np.eye(3, 4)),
    "normal_smoothness": (np.ones((3, 4, 3)), OTHER),
    "normal_jitter": (DIRECTIONS, -DIRECTIONS),
    "orientation": (-DIRECTIONS, DIRECTIONS),
    "opacity": (0 * MAP, MAP),
    "sparsity": (0 * MAP, MAP),
    "entropy": (np.round(MAP), 0 * MAP + 0.5),
    "opaqueness": (np.round(MAP), 0 * MAP + 0.5),
    "eikonal": (NORMALS, 3 * NORMALS),
}


@pytest.mark.parametrize("name", WORSE)
def test_the_worse_input_has_the_larger_loss(name):
    better, worse = (CASES[name][0](t(point)).item() for point in WORSE[name])
    assert 0 <= better < worse


def test_depth_correlation_ignores_scale_and_offset_only():
    loss = CASES["depth_correlation"][0]
    assert loss(t(2 + 7 * OTHER_MAP)).item() == pytest.approx(0, abs=1e-9)
    assert loss(t(-OTHER_MAP)).item() == pytest.approx(2)
    flat = torch.ones(3, 4, dtype=torch.float64, requires_grad=True)
    loss(flat).backward()
    assert flat.grad is not None and flat.grad.isfinite().all()
    assert losses.depth_correlation(flat, flat, torch.zeros(3, 4, dtype=torch.bool)).item() == 1


def test_the_orientation_loss_has_no_gradient_in_density():
    weights = t(WEIGHTS).requires_grad_()
    normals = t(NORMALS).requires_grad_()
    losses.orientation(weights, normals, t(DIRECTIONS), 3).backward()
    assert weights.grad is None and normals.grad is not None


def test_the_silhouette_loss_ignores_holes_and_outlines():
    """A square with a white hole: opacity is asked for inside, emptiness around; not in the hole, nor at outlines."""
    picture = torch.ones(1, 3, 12, 12)
    picture[..., 2:10, 2:10] = 0.3
    picture[..., 5:7, 5:7] = 1.0
    opacity = torch.full((1, 12, 12), 0.25, dtype=torch.float64, requires_grad=True)
    losses.silhouette(opacity, picture).backward()
    expected = torch.zeros(12, 12, dtype=torch.float64)
    expected[:] = 2 * 0.25
    expected[2:10, 2:10] = 0
    expected[3:9, 3:9] = 2 * (0.25 - 1)
    expected[4:8, 4:8] = 0  # the hole and the pixels around it
    for corner in ((4, 4), (4, 7), (7, 4), (7, 7)):
        expected[corner] = 2 * (0.25 - 1)  # they touch the hole at a corner only
    torch.testing.assert_close(opacity.grad[0], expected / 144)
    right = torch.zeros(1, 12, 12)
    right[:, 2:10, 2:10] = 1
    assert losses.silhouette(right, picture) == 0 < losses.silhouette(1 - right, picture)


def test_entropy_at_zero_and_one_has_a_finite_gradient():
    certain = torch.tensor([0.0, 1.0, 0.5], dtype=torch.float64, requires_grad=True)
    assert losses.entropy(certain).item() == pytest.approx(1 / 3, abs=1e-3)  # one bit in three
    assert losses.opaqueness(certain).item() == pytest.approx(math.log(2) / 3, abs=6e-3)
    losses.entropy(certain).backward()
    assert certain.grad.isfinite().all()
