# SPDX-License-Identifier: GPL-3.0-or-later
"""The sampler of rectified flows on velocities whose paths are known."""

import pytest
import torch

from backend.reconstruction.triposg.flow import noise_levels, sample_flow
from tests.support.triposg_checkpoints import recorded

NOISE, DATA = torch.randn(2, 1, 5, 3, generator=torch.Generator().manual_seed(0))


def test_levels_and_times_are_the_published_ones():
    numbers = recorded("dit")
    levels = noise_levels(len(numbers["timesteps"]))
    torch.testing.assert_close(levels.float(), numbers["sigmas"])
    torch.testing.assert_close(1000 * levels[:-1].float(), numbers["timesteps"])


@pytest.mark.parametrize("steps", [1, 3, 50])
def test_a_straight_path_leads_to_the_data_in_any_number_of_steps(steps):
    *_, last = sample_flow(lambda *_: DATA - NOISE, NOISE, steps, 1.0)
    torch.testing.assert_close(last, DATA)


def test_guidance_moves_away_from_what_has_no_condition():
    """Velocities 1 with and 0 without the condition: the guided one is the scale itself."""
    asked: list[tuple[float, bool]] = []

    def velocity(latents, t, is_conditioned):
        asked.append((t, is_conditioned))
        return torch.full_like(latents, float(is_conditioned))

    *_, last = sample_flow(velocity, NOISE, 4, 7.0)
    torch.testing.assert_close(last, NOISE + 7)
    assert asked == [(t, told) for t in (1000, 750, 500, 250) for told in (True, False)]


def test_without_guidance_half_of_the_evaluations_are_spared():
    asked: list[bool] = []
    list(sample_flow(lambda latents, t, told: asked.append(told) or latents, NOISE, 4, 1.0))
    assert asked == 4 * [True]
