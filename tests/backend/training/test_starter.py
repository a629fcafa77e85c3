# SPDX-License-Identifier: GPL-3.0-or-later
"""Training pairs of views, and a decoder whose training leaves the latents alone."""

import numpy as np
import pytest
import torch

pytest.importorskip("embreex")
pytest.importorskip("igl")

from diffusers import AutoencoderKL

from backend.training.novel_view import INPUT_ELEVATIONS, draw_pairs
from backend.training.vae import CONFIG, refine_decoder
from backend.training.views import FRAMED, NEIGHBOUR, PLAIN, SIZE, VIEWPOINTS, Views


def random_views(objects: int) -> Views:
    """Noise pictures; azimuth 30 k, elevations -70 to 70 in another order for each object."""
    rng = np.random.default_rng(0)
    poses = np.zeros((objects, 3, VIEWPOINTS, 3), np.float32)
    poses[..., 0] = 30 * np.arange(VIEWPOINTS)
    poses[..., 1] = np.stack([rng.permutation(np.linspace(-70, 70, VIEWPOINTS)) for _ in range(objects)])[:, None]
    images = rng.integers(0, 256, (objects, 3, VIEWPOINTS, SIZE, SIZE, 3), np.uint8)
    return Views(images, poses, np.ones(objects, np.uint8), [f"object-{i}" for i in range(objects)])


def test_training_pairs_cover_both_stages():
    views, n = random_views(4), 4000
    (i, source, k), (j, target, m) = draw_pairs(np.random.default_rng(1), views, np.array([0, 2]), n)
    assert (i == j).all() and set(i) == {0, 2}
    framed = source == FRAMED
    assert framed.mean() == pytest.approx(0.7, abs=0.03)
    low, high = INPUT_ELEVATIONS
    elevation = views.poses[i, FRAMED, k, 1][framed]
    assert (low < elevation).all() and (elevation < high).all()
    assert (target[framed] == PLAIN).all() and len(set(m[framed])) == VIEWPOINTS
    near = ~framed
    assert (k[near] == m[near]).all()
    assert (np.sort([source[near], target[near]], 0) == [[PLAIN], [NEIGHBOUR]]).all()


def test_refining_the_decoder_leaves_the_latents_and_lowers_the_error(tmp_path):
    torch.manual_seed(0)
    vae, views = AutoencoderKL(**CONFIG).eval(), random_views(8)
    views.images[:] = views.images[..., :1, :1, :]  # plain colours can be learnt in a few steps
    picture = torch.rand(2, 3, SIZE, SIZE) * 2 - 1
    plain = torch.from_numpy(views.images[:2, 0, 0]).permute(0, 3, 1, 2).float() / 127.5 - 1

    def error() -> float:
        with torch.no_grad():
            return float((vae.decode(vae.encode(plain).latent_dist.mode()).sample - plain).square().mean())

    with torch.no_grad():
        latents, before = vae.encode(picture).latent_dist.mode(), error()
    refine_decoder(vae, views, tmp_path, steps=12)
    with torch.no_grad():
        torch.testing.assert_close(vae.encode(picture).latent_dist.mode(), latents)
    assert error() < 0.99 * before  # twelve steps, averaged
