# SPDX-License-Identifier: GPL-3.0-or-later
"""Zero123 on weights made by a rule gives the numbers that the published implementation gives on them."""

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from backend.diffusion.sampling import Sampling
from backend.diffusion.zero123 import Condition, Zero123
from backend.weights.loaders.zero123 import load_zero123
from tests.support.zero123_rule import outputs, rule, state_dict

CPU = torch.device("cpu")
KNOWN = outputs()


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Iterator[Zero123]:
    path = tmp_path_factory.mktemp("zero123") / "any name"
    torch.save({"state_dict": state_dict(), "global_step": 165000}, path)
    yield load_zero123(path, CPU, torch.float32)


@pytest.fixture(scope="module")
def condition(model: Zero123) -> Condition:
    return model.encode(KNOWN["image"] * 2 - 1)


def assert_same(ours: Tensor, name: str) -> None:
    known = KNOWN[name]
    assert ours.shape == known.shape
    largest = ((ours - known).abs().max() / known.abs().max()).item()
    whole = ((ours - known).norm() / known.norm()).item()
    print(f"{name}: relative error {whole:.1e}, at most {largest:.1e} of the largest")
    assert max(largest, whole) < 1e-4


def test_the_clip_embedding_equals_the_published_one(condition):
    assert_same(condition.embedding[:, None], "clip_embedding")


def test_latent_of_the_input_is_not_scaled(condition):
    assert_same(condition.latent, "concat_latent")


def test_the_context_token_equals_the_published_one(model, condition):
    assert_same(model.context(condition, KNOWN["pose"]), "context")


def test_the_predicted_noise_equals_the_published_one(model, condition):
    with torch.no_grad():
        assert_same(model.denoise(KNOWN["noise"], KNOWN["t"], condition, KNOWN["pose"]), "eps_at_t")


def test_ten_guided_steps_equal_the_published_ones(model, condition):
    sampling = Sampling("ddim", 10, 3.0, skip_largest_timestep=True)
    assert_same(model.sample_latents(condition, KNOWN["pose"], sampling, KNOWN["noise"]), "ddim10_latent")


def test_the_decoded_image_equals_the_published_one(model):
    """At every fourth pixel, which is what we store of the published one."""
    step = 256 // KNOWN["decoded"].shape[-1]
    with torch.no_grad():
        assert_same(model.vae.decode(KNOWN["ddim10_latent"] / 0.18215).sample[..., ::step, ::step], "decoded")
    picture = model.decode(KNOWN["ddim10_latent"])[..., ::step, ::step]
    torch.testing.assert_close(picture, (KNOWN["decoded"] / 2 + 0.5).clamp(0, 1), atol=1e-4, rtol=0)


def test_batching_views_and_guidance_changes_nothing(model, condition):
    """The batch that the memory allows is the program's own affair."""
    sampling = Sampling("ddim", 3, 3.0, skip_largest_timestep=True)
    noise = torch.randn(2, 4, 32, 32, generator=torch.Generator().manual_seed(1))
    poses = torch.cat([KNOWN["pose"], KNOWN["pose"] + 0.3])
    together = model.sample_latents(condition, poses, sampling, noise)
    model.batches["unet"].item_bytes = dict.fromkeys(model.batches["unet"].item_bytes, 1 << 60)
    alone = torch.cat([model.sample_latents(condition, poses[i, None], sampling, noise[i, None]) for i in range(2)])
    model.batches["unet"].item_bytes.clear()
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_stable_zero123_takes_the_absolute_elevation(model, condition, tmp_path):
    """Without a training's state the fourth number is the input's polar angle, not a distance."""
    torch.save({"state_dict": state_dict()}, tmp_path / "weights.ckpt")
    stable = load_zero123(tmp_path / "weights.ckpt", CPU, torch.float32)
    assert (model.kind, stable.kind) == ("zero123", "stable-zero123")
    pose = stable.pose(torch.tensor([70.0]), torch.tensor([20.0]), 30.0, radius=0.1)
    turn = math.radians(70)
    torch.testing.assert_close(pose, torch.tensor([[-math.pi / 9, math.sin(turn), math.cos(turn), math.pi / 3]]))
    torch.testing.assert_close(  # the fixture's pose: 20 degrees higher, 70 degrees around, 0.1 further away
        model.pose(torch.tensor([70.0]), torch.tensor([20.0]), 30.0, radius=0.1), KNOWN["pose"]
    )
    shift = rule("cc_projection.weight", [768, 772])[:, 3 - 4] * (math.pi / 3 - 0.1)
    torch.testing.assert_close(stable.context(condition, pose), KNOWN["context"] + shift, atol=1e-4, rtol=0)
