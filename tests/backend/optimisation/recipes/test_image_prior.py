# SPDX-License-Identifier: GPL-3.0-or-later
"""The published schedules, asked at their own steps, and what shortening them keeps."""

from dataclasses import replace

import pytest
import torch

from backend.interface.tasks import ZERO123_SDS
from backend.optimisation.annealing import at
from backend.optimisation.recipes import image_prior, make_it_3d
from backend.rendering.cameras import project
from backend.rendering.occupancy import THRESHOLD, UPDATE_EVERY


@pytest.mark.parametrize(
    "step, sizes",
    [(0, (128, 64, 12)), (199, (128, 64, 12)), (200, (256, 128, 4)), (300, (512, 256, 2)), (599, (512, 256, 2))],
)
def test_resolution_and_batch_size_change_at_the_published_steps(step, sizes):
    xl = image_prior.ZERO123_XL
    stage = xl.stage(step)
    assert (xl.reference_size[stage], xl.random_size[stage], xl.batch[stage]) == sizes


def test_loss_weights_follow_the_published_schedules():
    stable = image_prior.STABLE_ZERO123
    assert [stable.weight("color", p) for p in (0, 100, 250, 600)] == [500, 500, 750, 1000]
    assert stable.weight("sparsity random", 0) == 0.5 and stable.weight("sparsity reference", 0) == 0
    assert stable.weight("orientation reference", 0) == 1 and stable.weight("near_view", 0) == 0
    assert [image_prior.SJC.weight("depth_smoothness random", p) for p in (0, 4999, 5001)] == [0, 0, 10_000]
    assert image_prior.SJC.weight("depth_smoothness reference", 0) == 1000


def test_a_shortened_recipe_keeps_its_schedules():
    for whole in (image_prior.ZERO123_XL, image_prior.STABLE_ZERO123, image_prior.SJC):
        half = whole.shortened(whole.steps // 2)
        assert half.steps == whole.steps // 2 and whole.shortened(0) is whole
        for p in range(0, half.steps, 25):
            assert half.stage(p) == whole.stage(2 * p)
            assert at(half.least_t, p) == pytest.approx(at(whole.least_t, 2 * p))
            assert at(half.most_t, p) == pytest.approx(at(whole.most_t, 2 * p))
            for name in whole.weights:
                assert half.weight(name, p) == pytest.approx(whole.weight(name, 2 * p))


def test_refining_starts_at_the_last_noise_level_and_near_its_mesh():
    xl, late = image_prior.refining(image_prior.ZERO123_XL), image_prior.refining(image_prior.STABLE_ZERO123)
    assert (xl.least_t, xl.most_t, late.least_t, late.most_t) == (0.2, 0.5, 0.3, 0.8)
    assert xl.weight("start", 0) == image_prior.START_WEIGHT and xl.weight("color", 0) == 500 and xl.rate == 0.01
    assert image_prior.ZERO123_XL.weight("start", 0) == 0


@pytest.mark.parametrize("small", [image_prior.SMALL, image_prior.STARTER_SJC, make_it_3d.SMALL, make_it_3d.STARTER])
def test_short_recipes_decay_occupancy_faster(small):
    """As nerfacc forgets, a cell that was opaque in the first of 160 steps would be looked at in all of them."""
    decay, samples = small.memory
    assert (
        decay ** (small.steps // 2 // UPDATE_EVERY) < 4 * THRESHOLD < 0.95 ** (small.steps // UPDATE_EVERY)
        and samples > 1
    )


def test_random_cameras_fill_their_range_and_look_at_the_object():
    generator = torch.Generator().manual_seed(0)
    cameras = [c for _ in range(60) for c in image_prior.ZERO123_XL.cameras(0, generator)]
    positions = torch.stack([c.position for c in cameras])
    torch.testing.assert_close(positions.norm(dim=1), torch.full((720,), 3.8))
    elevation = torch.rad2deg(torch.asin(positions[:, 2] / 3.8))
    assert elevation.min() > -10.01 and elevation.max() < 80.01
    assert elevation.mean().item() == pytest.approx(35, abs=3)
    azimuth = torch.rad2deg(torch.atan2(positions[:, 0], -positions[:, 1]))
    assert torch.histc(azimuth, 4, -180, 180).min() > 140
    pixel, depth = project(cameras[0], torch.zeros(3))
    assert pixel.tolist() == pytest.approx([32, 32], abs=1e-3) and depth.item() == pytest.approx(3.8)


@pytest.mark.parametrize(
    "kind, method, expected, scale",
    [
        ("zero123", "sds", image_prior.ZERO123_XL, 3),
        ("stable-zero123", "sds", image_prior.STABLE_ZERO123, 3),
        ("zero123", "sjc", image_prior.SJC, 101),
        ("starter", "sds", image_prior.STARTER, 1),
        ("starter", "sjc", image_prior.STARTER_SJC, 1),
    ],
)
def test_recipes_depend_on_the_weights(kind, method, expected, scale):
    parameters = ZERO123_SDS.check({"method": method})
    recipe = image_prior.choose_recipe(kind, parameters)
    assert recipe == expected and recipe.guidance_scale == scale
    changed = image_prior.choose_recipe(kind, replace(parameters, steps=50, guidance_scale=7.0))
    assert (changed.steps, changed.guidance_scale) == (50, 7)
