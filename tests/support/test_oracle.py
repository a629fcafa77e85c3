# SPDX-License-Identifier: GPL-3.0-or-later
"""The oracle's exactness, its latents, and each of its defects measured on a coloured box."""

import numpy as np
import pytest
import torch

from backend.diffusion import guidance
from backend.diffusion.prior import view_angles
from backend.rendering.cameras import Camera, orbit
from backend.rendering.mesh import Mesh
from tests.support.oracle import Defects, LinearLatents, OraclePrior

T = torch.tensor([500])


def box() -> Mesh:
    """Half a unit wide, red in front, green on the right, blue behind, yellow on the left, dark above and below."""
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32) / 4
    sides = {
        (0, 4, 5, 1): (255, 0, 0),
        (4, 6, 7, 5): (0, 255, 0),
        (6, 2, 3, 7): (0, 0, 255),
        (2, 0, 1, 3): (255, 255, 0),
        (1, 5, 7, 3): (60, 60, 60),
        (0, 2, 6, 4): (60, 60, 60),
    }
    quads = np.array(list(sides))
    colors = np.array([[*c, 255] for c in sides.values()], np.uint8).repeat(4, 0)
    faces = np.arange(24).reshape(6, 4)[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)
    return Mesh(corners[quads].reshape(-1, 3), faces, colors)


def camera(azimuth: float, elevation: float = 0.0) -> Camera:
    return Camera(orbit(azimuth, elevation, 2.0), 40, 16, 16)


def clean(oracle: OraclePrior, azimuth: float) -> torch.Tensor:
    """The oracle's denoised image."""
    side = oracle.image_size // getattr(oracle.codec, "factor", 1)
    noisy = torch.zeros(1, oracle.channels, side, side)
    return oracle.decode(oracle.denoise(noisy, T, [camera(azimuth)]).conditional)[0]


def test_every_side_has_its_colour():
    oracle = OraclePrior(box(), 32)
    for azimuth, color in ((0, (1, 0, 0)), (90, (0, 1, 0)), (180, (0, 0, 1)), (-90, (1, 1, 0))):
        picture = clean(oracle, azimuth)
        assert picture[:, 16, 16].tolist() == pytest.approx(color)
        assert picture[:, 0, 0].tolist() == [1, 1, 1]


def test_the_denoiser_is_exact_at_every_timestep_and_for_any_noise():
    oracle, generator = OraclePrior(box(), 16), torch.Generator().manual_seed(0)
    cameras = [camera(30, 20), camera(200, -10)]
    truth = oracle.encode(oracle.pictures(cameras))
    for t in (1, 500, 999):
        steps = torch.full((2,), t)
        a = oracle.alphas_cumprod[steps].view(-1, 1, 1, 1)
        noise = torch.randn(truth.shape, generator=generator)
        found = oracle.denoise(guidance.add_noise(truth, noise, a), steps, cameras)
        assert torch.equal(found.conditional, truth)
        assert guidance.sds_gradient(truth, found.conditional, a).abs().max() == 0
        assert found.unconditional is not None and (found.unconditional == 1).all()


def test_the_unconditional_answer_is_the_posterior_mean():
    """Against a sum over all values, weighted by how likely they are and how likely they leave this noisy one."""
    oracle = OraclePrior(box(), 8, variety=0.5)
    values = torch.linspace(-6, 6, 100_001, dtype=torch.float64)
    for t in (20, 400, 999):
        a = oracle.alphas_cumprod[t].double()
        for noisy in (-1.3, 0.2, 1.0):
            log = -((values - 1) ** 2) / (2 * 0.5**2) - (noisy - a.sqrt() * values) ** 2 / (2 * (1 - a))
            expected = (log - log.max()).exp()
            expected = (expected * values).sum() / expected.sum()
            picture = torch.full((1, 3, 8, 8), noisy, dtype=torch.float64)
            told = oracle.denoise(picture, torch.tensor([t]), [camera(0)])
            assert told.unconditional is not None
            torch.testing.assert_close(told.unconditional, expected.expand(1, 3, 8, 8), atol=1e-4, rtol=0)


def test_latents_keep_the_colours_of_blocks():
    codec = LinearLatents(8)
    colors = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    pictures = colors.repeat_interleave(8, 2).repeat_interleave(8, 3)
    latents = codec.encode(pictures)
    assert latents.shape == (1, 4, 4, 4)
    back = torch.einsum("cl,blhw->bchw", torch.linalg.pinv(codec.mixture), latents) / 2 + 0.5
    torch.testing.assert_close(back, colors, atol=1e-5, rtol=0)
    oracle = OraclePrior(box(), 64, codec)
    assert clean(oracle, 90)[:, 32, 32].tolist() == pytest.approx([0, 1, 0], abs=0.01)
    assert oracle.encode(torch.rand(2, 3, 20, 20)).shape == (2, 4, 8, 8)


def test_noise_has_the_deviation_that_was_asked_for():
    exact, noisy = OraclePrior(box(), 64), OraclePrior(box(), 64, defects=Defects(noise=0.3))
    blank = torch.zeros(1, 3, 64, 64)
    difference = noisy.denoise(blank, T, [camera(10)]).conditional - exact.denoise(blank, T, [camera(10)]).conditional
    assert difference.std().item() == pytest.approx(0.3, rel=0.05) and abs(difference.mean().item()) < 0.01
    again = noisy.denoise(blank, T, [camera(10)]).conditional - exact.denoise(blank, T, [camera(10)]).conditional
    assert not torch.equal(difference, again)


def test_turn_deg_rotates_the_object_by_random_angles():
    turning = OraclePrior(box(), 64, defects=Defects(turn_deg=10))
    angles = torch.stack([torch.stack(view_angles([turning.perturbed(camera(40))])) for _ in range(400)])[..., 0]
    assert angles[:, 0].std().item() == pytest.approx(10, rel=0.15)
    assert angles[:, 0].mean().item() == pytest.approx(40, abs=2)
    assert angles[:, 1].std().item() > 4 and angles[:, 2].std().item() < 1e-5
    exact = OraclePrior(box(), 64)
    assert (clean(turning, 40) - clean(exact, 40)).abs().mean() > 0.01


def test_janus_shows_the_front_from_behind_and_only_there():
    janus, exact = OraclePrior(box(), 32, defects=Defects(janus=1.0)), OraclePrior(box(), 32)
    torch.testing.assert_close(clean(janus, 180), clean(exact, 0))
    torch.testing.assert_close(clean(janus, 0), clean(exact, 0))
    half = clean(OraclePrior(box(), 32, defects=Defects(janus=0.5)), 180)
    torch.testing.assert_close(half, (clean(exact, 0) + clean(exact, 180)) / 2)


def test_contrast_is_a_factor_on_clean_latents():
    strong, exact = OraclePrior(box(), 32, defects=Defects(contrast=1.5)), OraclePrior(box(), 32)
    torch.testing.assert_close(clean(strong, 70) - 0.5, 1.5 * (clean(exact, 70) - 0.5))


def test_angles_of_cameras_are_those_of_the_orbit():
    angles = [(30.0, 20.0, 1.5), (-170.0, -45.0, 2.0), (90.0, 0.0, 3.0)]
    found = torch.stack(view_angles([Camera(orbit(*a), 40, 8, 8) for a in angles]), -1)
    torch.testing.assert_close(found, torch.tensor(angles), atol=1e-4, rtol=1e-5)
