# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers and transformers annotate their models loosely.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false
"""Stable Diffusion and DeepFloyd IF behind the interface of all priors: tiny random folders, against diffusers' own
pipelines on the same folders."""

import json

import pytest
import torch
from diffusers import DDIMScheduler, IFPipeline, StableDiffusionPipeline
from diffusers import UNet2DConditionModel as UNet

from backend.diffusion import guidance
from backend.diffusion.stable_diffusion import TextPrior
from backend.interface.catalog import WeightsError
from backend.rendering.cameras import Camera, orbit
from backend.weights.loaders.stable_diffusion import check_text_weights, load_text_to_image
from tests.support.text_to_image_folders import write_deep_floyd, write_stable_diffusion

CPU = torch.device("cpu")
CAMERAS = [Camera(orbit(a, e, 1.5), 50, 16, 16) for a, e in ((0, 10), (80, 10), (200, 0), (0, 70))]
SIDES = ["a red car, front view", "a red car, side view", "a red car, back view", "a red car, overhead view"]


@pytest.fixture(scope="module")
def stable_diffusion(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sd")
    write_stable_diffusion(folder)
    return folder


@pytest.fixture(scope="module")
def deep_floyd(tmp_path_factory):
    folder = tmp_path_factory.mktemp("if")
    write_deep_floyd(folder)
    return folder


def load(folder):
    return load_text_to_image(str(folder), CPU, torch.float32)


def test_embeddings_equal_the_pipelines(stable_diffusion):
    pipeline = StableDiffusionPipeline.from_pretrained(stable_diffusion)
    told, empty = pipeline.encode_prompt(SIDES[0], CPU, 1, True, "ugly, blurry")
    torch.testing.assert_close(load(stable_diffusion).embed([SIDES[0], "ugly, blurry"]), torch.cat([told, empty]))


def test_if_embeddings_equal_the_pipelines_and_ignore_padding(deep_floyd):
    pipeline = IFPipeline.from_pretrained(deep_floyd)
    told, empty = pipeline.encode_prompt(SIDES[0].upper(), device=CPU, negative_prompt="")
    torch.testing.assert_close(load(deep_floyd).embed([SIDES[0].upper(), ""]), torch.cat([told, empty]))


def test_if_vocabulary_is_read_from_the_sentencepiece_file_alone(tmp_path):
    """In SentencePiece's file, and nothing else of the tokenizer."""
    pytest.importorskip("google.protobuf")
    from transformers.utils.sentencepiece_model_pb2_new import ModelProto  # pyright: ignore

    write_deep_floyd(tmp_path)
    expected, model = load(tmp_path).embed([SIDES[0]]), ModelProto()
    for text, score in json.loads((tmp_path / "tokenizer/tokenizer.json").read_text())["model"]["vocab"]:
        model.pieces.add(piece=text, score=score)
    for file in (tmp_path / "tokenizer").iterdir():
        file.unlink()
    (tmp_path / "tokenizer/spiece.model").write_bytes(model.SerializeToString())
    torch.testing.assert_close(load(tmp_path).embed([SIDES[0]]), expected)


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_sampled_images_equal_the_pipelines(tmp_path, prediction_type):
    """From equal noise, five steps of DDIM with guidance 7.5 give equal latents and images."""
    write_stable_diffusion(tmp_path, prediction_type)
    pipeline = StableDiffusionPipeline.from_pretrained(tmp_path)
    pipeline.set_progress_bar_config(disable=True)
    noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
    expected = pipeline(SIDES[0], latents=noise, num_inference_steps=5, output_type="pt", negative_prompt="ugly").images
    found = load(tmp_path).sample(SIDES[0], "ugly", 5, 7.5, torch.Generator().manual_seed(3))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", ["stable_diffusion", "deep_floyd"])
def test_denoised_images_equal_diffusers_estimates_for_each_cameras_prompt(kind, request):
    """Front, side, back and overhead in one batch, against the raw UNet and the scheduler's own conversion."""
    folder = request.getfixturevalue(kind)
    model, noisy = load(folder), torch.randn(4, 4 if kind == "stable_diffusion" else 3, 8, 8)
    embeddings, empty = model.embed(SIDES), model.embed(["ugly"])
    told = TextPrior(model, "a red car", "ugly").denoise(noisy, torch.full((4,), 300), CAMERAS)
    unet = UNet.from_pretrained(folder / "unet")
    scheduler = DDIMScheduler.from_pretrained(folder / "scheduler", clip_sample=False, thresholding=False)
    scheduler.set_timesteps(1000)
    for expected_of, found in ((embeddings, told.conditional), (empty.expand(4, -1, -1), told.unconditional)):
        with torch.no_grad():
            output = unet(noisy, 300, expected_of).sample[:, : noisy.shape[1]]
        expected = scheduler.step(output, 300, noisy).pred_original_sample
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    assert model.text_encoder is None  # it was needed once


def test_perp_neg_mixes_prompts_and_adds_negatives_for_the_other_sides(stable_diffusion):
    """At 45 degrees the prompt is half front, half side; from above nothing is avoided."""
    prior = TextPrior(load(stable_diffusion), "a red car", perp_neg=True)
    cameras = [Camera(orbit(45, 0, 1.5), 50, 16, 16), CAMERAS[3]]
    noisy, t = torch.randn(2, 4, 8, 8), torch.full((2,), 500)
    told = prior.denoise(noisy, t, cameras)
    assert told.negative_weights is not None and told.unconditional is not None and len(told.negatives) == 2
    torch.testing.assert_close(told.negative_weights[:, 1], torch.zeros(2))
    assert (told.negative_weights[:, 0] < 0).all()
    half = (prior.sides["front"] + prior.sides["side"]) / 2
    expected = prior.model.clean(noisy[:1], t[:1], prior.model.predict(noisy[:1], t[:1], half))
    torch.testing.assert_close(told.conditional[:1], expected, atol=1e-4, rtol=1e-4)
    both = guidance.guide_perp_neg(told.conditional, told.unconditional, told.negatives, told.negative_weights, 7.5)
    plain = guidance.guide(told.conditional, told.unconditional, 7.5)
    torch.testing.assert_close(both[1], plain[1])
    assert (both[0] - plain[0]).abs().max() > 1e-4


def test_encoding_is_differentiable_and_scaled(stable_diffusion):
    model = load(stable_diffusion)
    pictures = torch.rand(1, 3, 16, 16, requires_grad=True)
    latents = model.encode(pictures)
    assert model.vae is not None
    mean = model.vae.encode(pictures * 2 - 1).latent_dist.mean
    torch.testing.assert_close(latents, mean * 0.18215)
    toward = torch.randn_like(latents)
    (gradient,) = torch.autograd.grad((latents * toward).sum(), pictures)
    step = torch.zeros_like(pictures)
    step[0, 1, 7, 9] = 1e-2
    with torch.no_grad():
        quotient = ((model.encode(pictures + step) - model.encode(pictures - step)) * toward).sum().item() / 2e-2
    assert gradient[0, 1, 7, 9].item() == pytest.approx(quotient, rel=0.05, abs=1e-4)
    assert model.decode(torch.zeros(1, 4, 8, 8)).shape == (1, 3, model.image_size, model.image_size)


def test_deepfloyd_if_uses_pixels_as_latents(deep_floyd):
    model, pictures = load(deep_floyd), torch.rand(2, 3, 16, 16)
    torch.testing.assert_close(model.encode(pictures), pictures * 2 - 1)
    torch.testing.assert_close(model.decode(model.encode(pictures)), pictures)


def test_half_precision_files_are_found_and_read(stable_diffusion, tmp_path):
    StableDiffusionPipeline.from_pretrained(stable_diffusion).to(torch.float16).save_pretrained(
        tmp_path, variant="fp16"
    )
    model = load_text_to_image(str(tmp_path), CPU, torch.float16)
    assert model.dtype == torch.float16 and {p.dtype for p in model.parameters()} == {torch.float16}
    torch.testing.assert_close(
        load(tmp_path).unet.conv_in.weight, load(stable_diffusion).unet.conv_in.weight.half().float()
    )


def remove(folder, name):
    (folder / name).unlink()


def rewrite(folder, name, **changes):
    config = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps(config | changes))


FAULTS = {
    "no unet/config.json": lambda f: remove(f, "unet/config.json"),
    "only pickles": lambda f: (f / "unet/diffusion_pytorch_model.safetensors").rename(f / "unet/model.bin"),
    "incomplete or damaged": lambda f: (f / "vae/diffusion_pytorch_model.safetensors").write_bytes(b"\1" * 8 + b"{"),
    "does not fit its unet": lambda f: rewrite(f, "unet/config.json", block_out_channels=[32]),
    "no model that this version knows": lambda f: rewrite(f, "unet/config.json", down_block_types=["Strange"]),
    "does not fit together": lambda f: rewrite(f, "unet/config.json", cross_attention_dim=16),
    "UNet takes 8 channels": lambda f: rewrite(f, "unet/config.json", in_channels=8),
    "predicts sample": lambda f: rewrite(f, "scheduler/scheduler_config.json", prediction_type="sample"),
    "noise schedule": lambda f: rewrite(f, "scheduler/scheduler_config.json", num_train_timesteps=10**12),
    "no tokenizer": lambda f: [remove(f, f"tokenizer/{file.name}") for file in (f / "tokenizer").iterdir()],
    "cannot be read": lambda f: (f / "unet/config.json").write_text("{" * 100_000),
}


@pytest.mark.parametrize("words", FAULTS)
def test_broken_folders_are_refused_with_a_reason(words, tmp_path):
    write_stable_diffusion(tmp_path)
    FAULTS[words](tmp_path)
    with pytest.raises(WeightsError, match=words) as caught:
        load(tmp_path)
    assert caught.value.remedy


def test_nan_weights_are_refused(tmp_path):
    write_stable_diffusion(tmp_path)
    unet = UNet.from_pretrained(tmp_path / "unet")
    with torch.no_grad():
        unet.conv_in.bias[0] = float("nan")
    unet.save_pretrained(tmp_path / "unet")
    check_text_weights(str(tmp_path))  # only names and shapes
    with pytest.raises(WeightsError, match="not numbers"):
        load(tmp_path)


def test_an_unknown_name_is_answered_with_a_hint():
    with pytest.raises(WeightsError, match="There are no weights nowhere"):
        load("nowhere")
