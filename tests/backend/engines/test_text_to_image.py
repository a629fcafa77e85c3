# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers annotates its models loosely.
# pyright: reportArgumentType=false, reportCallIssue=false, reportAttributeAccessIssue=false
"""Pictures of prompts by the text starter, and prompts on their way to an engine."""

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from backend.__main__ import main
from backend.engines import text_to_image
from backend.interface.tasks import TEXT_TO_IMAGE
from backend.preprocess.image import read_image
from backend.runtime.progress import Cancelled, Progress
from backend.weights.store.store import STARTER, STARTER_TEXT


@pytest.fixture(autouse=True)
def forget():
    yield
    text_to_image.load.drop()


def imagine(prompt, seed=0, **settings):
    image = text_to_image.generate(prompt, TEXT_TO_IMAGE.check({"device": "cpu", **settings}), Progress(), seed)[0]
    return np.concatenate([image.permute(1, 2, 0).numpy(), np.ones((64, 64, 1), np.float32)], -1)


def test_the_starters_image_equals_diffusers_pipeline():
    """In 2D mode: as if its UNet had no cameras."""
    unet = UNet2DConditionModel.from_pretrained(STARTER_TEXT / "unet")
    unet.class_embedding = None
    pipeline = StableDiffusionPipeline(
        AutoencoderKL.from_pretrained(STARTER / "vae"),
        CLIPTextModel.from_pretrained(STARTER_TEXT / "text_encoder", dtype=torch.float32),
        CLIPTokenizer.from_pretrained(STARTER_TEXT / "tokenizer"),
        unet,
        DDIMScheduler.from_pretrained(STARTER_TEXT / "scheduler", steps_offset=1),
        None,
        None,
        requires_safety_checker=False,
    ).to(torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    noise = torch.randn(1, 8, 8, 8, generator=torch.Generator().manual_seed(5))
    told = {"num_inference_steps": 4, "guidance_scale": 2.5, "negative_prompt": "a tree", "output_type": "np"}
    expected = pipeline("a blue house", latents=noise, **told).images[0]
    found = imagine("a blue house", 5, steps=4, guidance_scale=2.5, negative="a tree")
    np.testing.assert_allclose(found[..., :3], expected, atol=1e-4)
    assert found.shape == (64, 64, 4) and (found[..., 3] == 1).all()


@pytest.mark.parametrize("word, channel", [("red", 0), ("green", 1), ("blue", 2)])
def test_the_starter_draws_the_named_colour(word, channel):
    """On average over what is not white, the named channel is the strongest."""
    picture = imagine(f"a {word} car, side view", steps=12)[..., :3]
    things = picture[picture.min(-1) < 0.8]
    assert 0.05 < len(things) / 64**2 < 0.8
    mean = things.mean(0)
    assert mean.argmax() == channel and mean[channel] > 1.3 * np.delete(mean, channel).max()


def test_a_seed_decides_the_image():
    first, again, other = (imagine("a grey rock", seed, steps=3) for seed in (1, 1, 2))
    assert np.array_equal(first, again) and np.abs(first - other).max() > 0.1


def test_sampling_can_be_cancelled_between_steps():
    seen = []
    progress = Progress(seen.append, is_cancelled=lambda: any(p.stage == "Picture" for p in seen))
    with pytest.raises(Cancelled):
        text_to_image.generate("a car", TEXT_TO_IMAGE.check({"device": "cpu"}), progress, 0)
    assert sum(p.stage == "Picture" for p in seen) == 1


def test_the_command_line_writes_the_image(tmp_path):
    values = ["--set", "steps=2", "--set", "device=cpu", "--seed", "3", "--json"]
    assert main(["picture", "--prompt", "a red car", "--output", str(tmp_path / "car.png"), *values]) == 0
    written = read_image(tmp_path / "car.png")
    np.testing.assert_allclose(written, imagine("a red car", 3, steps=2), atol=0.51 / 255)
