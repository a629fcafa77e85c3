# SPDX-License-Identifier: GPL-3.0-or-later
"""Guidance against the papers' own forms, written out one item at a time, and against numerical derivatives."""

import pytest
import torch

from backend.diffusion import guidance
from backend.optimisation.annealing import Schedule, at, draw_timesteps
from tests.support.oracle import stable_diffusion_schedule

SHAPE = (3, 4, 5, 6)


def noise_from_clean(noisy, x0, a):
    """The noise that x0 implies (DDPM, equation 4, for the noise)."""
    return (noisy - a.sqrt() * x0) / (1 - a).sqrt()


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(3)


@pytest.fixture
def drawn(rng):
    """z, noise, x0 float64 and a in the shape of a batch, from almost clean to almost pure noise."""
    z, noise, x0 = (torch.randn(SHAPE, generator=rng, dtype=torch.float64) for _ in range(3))
    return z, noise, x0, torch.tensor([0.95, 0.4, 0.01], dtype=torch.float64).view(-1, 1, 1, 1)


def test_the_noise_schedule_equals_stable_diffusions():
    from diffusers import DDIMScheduler

    theirs = DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear").alphas_cumprod
    torch.testing.assert_close(stable_diffusion_schedule(), theirs, atol=1e-6, rtol=1e-5)


def test_noise_velocity_and_clean_latents_convert_into_each_other(drawn):
    z, noise, _, a = drawn
    noisy = guidance.add_noise(z, noise, a)
    velocity = a.sqrt() * noise - (1 - a).sqrt() * z
    torch.testing.assert_close(guidance.clean_from_noise(noisy, noise, a), z)
    torch.testing.assert_close(guidance.clean_from_velocity(noisy, velocity, a), z)
    torch.testing.assert_close(noise_from_clean(noisy, z, a), noise)


@pytest.mark.parametrize(
    "name, weight",
    [("sds", lambda a: 1 - a), ("uniform", lambda a: a**0)],
)
def test_sds_is_the_weighted_difference_of_noises(drawn, name, weight):
    z, noise, x0, a = drawn
    predicted = noise_from_clean(guidance.add_noise(z, noise, a), x0, a)
    torch.testing.assert_close(guidance.sds_gradient(z, x0, a, name), weight(a) * (predicted - noise))


def test_the_x0_form_is_the_derivative_of_mvdreams_loss(drawn):
    """0.5 |z - x0|^2 / B by central differences of one element at a time."""
    z, _, x0, a = drawn
    expected = torch.zeros_like(z)
    for index in [(0, 0, 0, 0), (1, 2, 3, 4), (2, 3, 4, 5)]:
        step = torch.zeros_like(z)
        step[index] = 1e-5
        up, down = (0.5 * ((z + s - x0) ** 2).sum() / len(z) for s in (step, -step))
        expected[index] = (up - down) / 2e-5
        found = guidance.sds_gradient(z, x0, a, "x0")[index] / len(z)
        assert found.item() == pytest.approx(expected[index].item(), rel=1e-6)


def test_weights_stay_finite_at_the_ends_of_the_schedule():
    a = torch.tensor([0.0, 1.0]).view(-1, 1, 1, 1)
    assert guidance.residual_weight(a, "sds").flatten().tolist() == [0, 0]
    assert guidance.residual_weight(a, "x0").flatten().tolist() == [1, 1]


def test_sjc_is_the_perturb_and_average_score(drawn, rng):
    """The average over perturbations of (D(z + sigma n) - (z + sigma n)) / sigma^2, whose noise averages to nothing;
    D is the exact denoiser of normally distributed data, whose smoothed score is known in closed form."""
    mean, deviation, sigma = 0.7, 0.5, 1.3
    z = torch.full((1, 1, 1, 1), -0.4, dtype=torch.float64)
    noise = torch.randn(20_000, 1, 1, 1, 1, generator=rng, dtype=torch.float64)
    x = z + sigma * torch.cat([noise, -noise])
    denoised = (mean * sigma**2 + x * deviation**2) / (sigma**2 + deviation**2)
    found = guidance.sjc_gradient(z, denoised, sigma).item()
    average = ((denoised - x) / sigma**2).mean().item()
    exact = (mean - z.item()) / (sigma**2 + deviation**2)  # of the normal distribution, smoothed by sigma
    assert found == pytest.approx(-sigma * exact, rel=1e-9) and average == pytest.approx(exact, rel=1e-9)


def test_sjc_and_unweighted_sds_agree(drawn):
    z, _, x0, a = drawn
    torch.testing.assert_close(
        guidance.sjc_gradient(z, x0, guidance.level(a)), guidance.sds_gradient(z, x0, a, "uniform")
    )
    assert guidance.level(torch.tensor(0.2)).item() == pytest.approx(2.0)


def test_the_surrogate_has_the_gradient_it_was_given(drawn):
    """Through a renderer: parameters' gradients equal the chain rule done by hand with the direct gradient."""
    z, _, x0, a = drawn
    parameters = torch.full((4,), 0.3, dtype=torch.float64, requires_grad=True)

    def render(p):
        return z * p.view(1, -1, 1, 1) ** 2

    gradient = guidance.sds_gradient(render(parameters), x0, a)
    guidance.surrogate_loss(render(parameters), gradient).backward()
    by_hand = (gradient.detach() * z * 2 * 0.3).sum((0, 2, 3)) / len(z)
    torch.testing.assert_close(parameters.grad, by_hand)
    (direct,) = torch.autograd.grad(render(parameters), parameters, gradient.detach() / len(z))
    torch.testing.assert_close(parameters.grad, direct)


def test_guidance_agrees_between_clean_latents_and_noise(drawn, rng):
    z, noise, x0, a = drawn
    noisy = guidance.add_noise(z, noise, a)
    others = [torch.randn(SHAPE, generator=rng, dtype=torch.float64) for _ in range(3)]
    weights = torch.tensor([[-1.0, -0.5, 0.0], [-0.2, -2.0, -1.0]], dtype=torch.float64)

    def noise_of(x):
        return noise_from_clean(noisy, x, a)

    torch.testing.assert_close(
        noise_of(guidance.guide(x0, others[0], 7.5)), guidance.guide(noise_of(x0), noise_of(others[0]), 7.5)
    )
    torch.testing.assert_close(
        noise_of(guidance.guide_perp_neg(x0, others[0], others[1:], weights, 7.5)),
        guidance.guide_perp_neg(noise_of(x0), noise_of(others[0]), [noise_of(o) for o in others[1:]], weights, 7.5),
    )


def test_guidance_extrapolates_from_unconditional_to_conditional():
    one, two = torch.tensor([[[[1.0]]]]), torch.tensor([[[[3.0]]]])
    assert guidance.guide(two, one, 1).item() == 3
    assert guidance.guide(two, one, 4).item() == 1 + 4 * 2


def test_perp_neg_keeps_only_the_perpendicular_part_of_a_negative():
    """In a plane: the prompt points along x, the negative up and along x; only its upward part may count."""
    prompt, nothing = torch.tensor([2.0, 0.0]).view(1, 2, 1, 1), torch.zeros(1, 2, 1, 1)
    negative = torch.tensor([5.0, 3.0]).view(1, 2, 1, 1)
    found = guidance.guide_perp_neg(prompt, nothing, [negative], torch.tensor([[-0.5]]), 10.0)
    assert found.flatten().tolist() == [20.0, -15.0]
    opposite = guidance.guide_perp_neg(prompt, nothing, [-3 * prompt], torch.tensor([[-0.5]]), 10.0)
    assert opposite.flatten().tolist() == [20.0, 0.0]


def test_rescaling_restores_the_contrast_of_a_set_of_views(rng):
    conditional = torch.randn(4, 3, 8, 8, generator=rng)
    guided = 5 * conditional + 0.3
    whole = guidance.rescale(guided, conditional, 1.0, views=2)
    for s in (slice(0, 2), slice(2, 4)):
        assert whole[s].std().item() == pytest.approx(conditional[s].std().item(), rel=1e-5)
    half = guidance.rescale(guided, conditional, 0.5, views=2)
    torch.testing.assert_close(half, (whole + guided) / 2)
    torch.testing.assert_close(guidance.rescale(guided, conditional, 0.0), guided)


def test_schedules_equal_threestudios():
    assert at(0.3, 999) == 0.3
    falling, later = Schedule((0, 0.85), (200, 0.5)), Schedule((50, 0.7), (200, 0.3))
    assert [at(falling, p) for p in (0, 100, 200, 500)] == [0.85, pytest.approx(0.675), 0.5, 0.5]
    assert [at(later, p) for p in (0, 50, 125, 200)] == [0.7, 0.7, pytest.approx(0.5), 0.3]
    reference = Schedule((100, 500.0), (400, 1000.0))
    assert [at(reference, p) for p in (50, 100, 250, 400)] == [500, 500, 750, 1000]
    smooth = Schedule((100, 7.0), (150, 5.0), (200, 10.0))
    assert [at(smooth, p) for p in (0, 125, 150, 175, 300)] == [7, 6, 5, 7.5, 10]
    assert [at(smooth.stretched(2), p) for p in (0, 250, 300, 350, 600)] == [7, 6, 5, 7.5, 10]


@pytest.mark.parametrize("corners", [(), ((1.0, 2.0),), ((0, 1), (0, 2)), ((5, 1), (3, 2))])
def test_schedules_without_a_course_are_refused(corners):
    with pytest.raises(ValueError, match="schedule"):
        Schedule(*corners)


def test_timesteps_fill_their_range_and_nothing_else(rng):
    drawn = draw_timesteps(4000, 100, Schedule((0, 0.4), (200, 0.2)), Schedule((0, 0.85), (200, 0.5)), 1000, rng)
    assert drawn.min() == 300 and drawn.max() == 675
    assert drawn.float().mean().item() == pytest.approx(487.5, abs=6)
    assert draw_timesteps(8, 0, 1.0, 1.0, 1000, rng).unique().tolist() == [999]
