# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers annotates its models loosely, torch its Sequential.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
"""Zero123 behind the interface of all priors, on small random networks, against diffusers' own conversions."""

import pytest
import torch
from diffusers import DDIMScheduler
from torch import nn

from backend.diffusion import guidance
from backend.diffusion.prior import Zero123Prior
from backend.diffusion.zero123 import Condition, Zero123, relative_pose
from backend.rendering.cameras import Camera, orbit
from tests.support.small_networks import autoencoder, clip_vision, unet


def small_prior(prediction_type: str) -> Zero123Prior:
    """A prior for an input seen from 20 degrees above, at a distance of 1.5."""
    torch.manual_seed(0)
    model = Zero123(autoencoder(), clip_vision(), unet(8, 4), nn.Linear(16, 12), prediction_type).eval()
    with torch.no_grad():
        condition = model.encode(torch.rand(1, 3, 16, 16) * 2 - 1)
    return Zero123Prior(model, condition, 20.0, 1.5)


CAMERAS = [Camera(orbit(90, 20, 1.5), 40, 16, 16), Camera(orbit(-30, 50, 1.9), 40, 16, 16)]


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_clean_latents_are_diffusers_own_estimates(prediction_type):
    """Both branches mixed by guidance, against guidance of the raw outputs and diffusers' conversion of the mixture."""
    prior = small_prior(prediction_type)
    model, noisy = prior.model, torch.randn(2, 4, 8, 8)
    told = prior.denoise(noisy, torch.tensor([400, 400]), CAMERAS)
    assert told.unconditional is not None
    found = guidance.guide(told.conditional, told.unconditional, 3.0)

    pose = relative_pose(torch.tensor([90.0, -30.0]), torch.tensor([0.0, 30.0]), torch.tensor([0.0, 0.4]))
    condition = Condition(prior.condition.embedding.expand(2, -1), prior.condition.latent.expand(2, -1, -1, -1))
    with torch.no_grad():
        output = model.guided(noisy, torch.tensor([400, 400]), condition, pose, 3.0)
    scheduler = DDIMScheduler.from_config(model.scheduler.config)
    scheduler.set_timesteps(1000)
    expected = scheduler.step(output, 400, noisy).pred_original_sample
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    alone = prior.denoise(noisy, torch.tensor([400, 400]), CAMERAS, unconditional=False)
    assert alone.unconditional is None
    torch.testing.assert_close(alone.conditional, told.conditional, atol=1e-5, rtol=1e-4)


def test_a_v_prediction_model_answers_from_its_condition_at_the_last_timestep():
    prior = small_prior("v_prediction")
    assert prior.alphas_cumprod[999] == pytest.approx(0, abs=1e-7)
    noisy, t = torch.randn(1, 4, 8, 8), torch.tensor([999])
    clean = prior.denoise(noisy, t, CAMERAS[:1], unconditional=False).conditional
    with torch.no_grad():
        pose = relative_pose(torch.tensor([90.0]), torch.tensor([0.0]))
        torch.testing.assert_close(clean, -prior.model.denoise(noisy, t, prior.condition, pose), atol=1e-4, rtol=1e-4)


def test_encoding_is_scaled_and_differentiable():
    """The gradient with respect to one pixel equals the difference quotient along it."""
    prior = small_prior("epsilon")
    images = torch.rand(1, 3, 16, 16, requires_grad=True)
    toward = torch.randn(1, 4, 8, 8)

    def project(pictures):
        return (prior.encode(pictures) * toward).sum()

    (gradient,) = torch.autograd.grad(project(images), images)
    step = torch.zeros_like(images)
    step[0, 1, 7, 9] = 1e-2
    quotient = (project(images + step) - project(images - step)).item() / 2e-2
    assert gradient[0, 1, 7, 9].item() == pytest.approx(quotient, rel=0.05, abs=1e-4)
    mean = prior.model.vae.encode(images.detach() * 2 - 1).latent_dist.mean
    torch.testing.assert_close(prior.encode(images.detach()), mean * 0.18215)


def test_images_of_any_size_are_resized_to_the_models_size():
    prior = small_prior("epsilon")
    assert prior.encode(torch.rand(2, 3, 5, 5)).shape == (2, 4, 8, 8)
    assert prior.decode(torch.zeros(1, 4, 8, 8)).shape == (1, 3, 16, 16)
