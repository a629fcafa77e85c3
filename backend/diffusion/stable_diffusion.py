# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers and transformers annotate their models loosely.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false, reportIndexIssue=false
"""Text-conditioned diffusion models: Stable Diffusion (latents) and DeepFloyd IF's first stage (pixels).

Files are read in `weights.stable_diffusion`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn

from ..rendering.cameras import Camera
from ..runtime.batches import one_by_one
from .guidance import clean_from_noise, clean_from_velocity, guide
from .prior import Denoised, view_angles
from .prompt_words import unused_words
from .view_prompts import SIDES, Side, perp_neg_mixture, side, view_prompt

SMALLEST_LATENT_MODEL = 128  # pixels a side; no published latent diffusion model makes smaller images
T5_TOKENS = 77  # DeepFloyd IF's prompts; CLIP's tokenizer knows its own length


class TextToImage(nn.Module):
    """A UNet, a text encoder, and an auto-encoder unless the UNet works on pixels (then images in -1..1 are "latents").

    scheduler: defines the noise schedule of the training and the type of prediction.
    """

    def __init__(
        self,
        unet: UNet2DConditionModel,
        vae: AutoencoderKL | None,
        text_encoder: nn.Module | None,
        tokenizer: Any,
        scheduler: DDIMScheduler,
    ):
        super().__init__()
        self.unet, self.vae, self.text_encoder = unet, vae, text_encoder
        self.tokenizer, self.scheduler = tokenizer, scheduler
        self.register_buffer("alphas_cumprod", scheduler.alphas_cumprod.float(), persistent=False)

    @property
    def channels(self) -> int:
        return self.unet.config.in_channels

    @property
    def image_size(self) -> int:
        """Side of the images in pixels."""
        factor = 2 ** (len(self.vae.config.block_out_channels) - 1) if self.vae else 1
        return self.unet.config.sample_size * factor

    @property
    def is_starter(self) -> bool:
        """Whether its images are as small as the starter's, for which engines have recipes of their own.

        DeepFloyd IF's first stage makes such images, too; unlike the starter it has no auto-encoder.
        """
        return self.image_size < SMALLEST_LATENT_MODEL

    @property
    def dtype(self) -> torch.dtype:
        return self.unet.conv_in.weight.dtype

    @property
    def prompt_length(self) -> int:
        """Tokens of a prompt that the text encoder reads."""
        encoder = self.text_encoder
        assert encoder is not None, "the text encoder was dropped"
        if encoder.config.model_type == "t5":
            return T5_TOKENS
        return min(self.tokenizer.model_max_length, encoder.config.max_position_embeddings)

    def unused_words(self, *prompts: str) -> list[str]:
        """Sentences about the words of prompts that the model cannot use."""
        return unused_words(self.tokenizer, prompts, self.prompt_length)

    @torch.no_grad()
    def embed(self, prompts: Sequence[str]) -> Tensor:
        """Text embeddings (N, tokens, D). The UNet attends to CLIP's padding, as in training; T5's is masked."""
        encoder, length = self.text_encoder, self.prompt_length
        assert encoder is not None, "the text encoder was dropped"
        is_t5 = encoder.config.model_type == "t5"
        texts = [prompt.lower().strip() if is_t5 else prompt for prompt in prompts]
        tokens = self.tokenizer(texts, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
        place = next(encoder.parameters()).device
        masked = is_t5 or getattr(encoder.config, "use_attention_mask", False)
        mask = {"attention_mask": tokens.attention_mask.to(place)} if masked else {}
        return encoder(tokens.input_ids.to(place), **mask).last_hidden_state.to(self.dtype)

    def forget_text(self) -> None:
        """Drop the text encoder, which in DeepFloyd IF is larger than all other networks together."""
        self.text_encoder = None

    def encode(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W) in 0..1 -> scaled latents (B, C, h, w), differentiable; the posterior's mode."""
        side = self.image_size
        images = F.interpolate(images, (side, side), mode="bilinear", align_corners=False) * 2 - 1
        if self.vae is None:
            return images
        vae = self.vae
        latents = one_by_one(lambda part: vae.encode(part).latent_dist.mode(), images.to(self.dtype))
        return (latents * vae.config.scaling_factor).float()

    def decode(self, latents: Tensor) -> Tensor:
        """Scaled latents -> images (B, 3, S, S), about 0..1, differentiable."""
        if self.vae is None:
            return latents / 2 + 0.5
        return self.vae.decode(latents.to(self.dtype) / self.vae.config.scaling_factor).sample.float() / 2 + 0.5

    @torch.no_grad()
    def predict(self, noisy: Tensor, t: Tensor, embeddings: Tensor) -> Tensor:
        """The UNet's raw output without the variance that DeepFloyd IF adds: noisy (B, C, h, w), t (B,), float32."""
        return self.unet(noisy.to(self.dtype), t, embeddings).sample[:, : self.channels].float()

    def clean(self, noisy: Tensor, t: Tensor, output: Tensor) -> Tensor:
        """x0 from an output of `predict`."""
        known = self.alphas_cumprod[t].view(-1, 1, 1, 1)
        is_velocity = self.scheduler.config.prediction_type == "v_prediction"
        return (clean_from_velocity if is_velocity else clean_from_noise)(noisy, output, known)

    @torch.no_grad()
    def sample(
        self,
        prompt: str,
        negative: str,
        steps: int,
        guidance_scale: float,
        generator: torch.Generator,
        step_done: Callable[[int, int], None] = lambda i, n: None,
    ) -> Tensor:
        """An image (1, 3, S, S) in 0..1 by DDIM, from noise of a CPU generator."""
        embeddings, device = self.embed([negative, prompt]), self.alphas_cumprod.device
        scheduler = DDIMScheduler.from_config(self.scheduler.config)
        scheduler.set_timesteps(steps)
        side = self.unet.config.sample_size
        latents = torch.randn((1, self.channels, side, side), generator=generator).to(device)
        for i, t in enumerate(scheduler.timesteps):
            output = self.predict(latents.repeat(2, 1, 1, 1), t.to(device).expand(2), embeddings)
            guided = guide(output[1:], output[:1], guidance_scale)
            latents = scheduler.step(guided, t, latents).prev_sample
            step_done(i + 1, len(scheduler.timesteps))
        return self.decode(latents).clamp(0, 1)


class PromptPrior:
    """A text-conditioned model without its text encoder: the base of priors, which embed their prompt before."""

    def __init__(self, model: TextToImage):
        model.forget_text()
        self.model = model.requires_grad_(False)
        self.alphas_cumprod: Tensor = model.alphas_cumprod
        self.image_size, self.channels, self.is_starter = model.image_size, model.channels, model.is_starter

    def encode(self, images: Tensor) -> Tensor:
        return self.model.encode(images)

    def decode(self, latents: Tensor) -> Tensor:
        return self.model.decode(latents)


class TextPrior(PromptPrior):
    """The prior of a text-conditioned model for a prompt, which names the side that a camera sees.

    negative: the negative prompt, in place of the empty one. perp_neg: the other sides are negative prompts too. All
    prompts are embedded once, here, and the text encoder is dropped.
    """

    def __init__(self, model: TextToImage, prompt: str, negative: str = "", perp_neg: bool = False):
        texts = [negative, *(view_prompt(prompt, seen) for seen in SIDES)]
        unconditional, *sides = model.embed(texts).split(1)
        self.unconditional, self.sides = unconditional, dict(zip(SIDES, sides, strict=True))
        self.perp_neg = perp_neg
        super().__init__(model)

    def denoise(self, noisy: Tensor, t: Tensor, cameras: Sequence[Camera], unconditional: bool = True) -> Denoised:
        azimuth, elevation, _ = (v.tolist() for v in view_angles(cameras))
        angles = list(zip(azimuth, elevation, strict=True))
        if self.perp_neg:
            positive, negatives, weights = self.mix(angles)
        else:
            positive, negatives, weights = torch.cat([self.sides[side(*a)] for a in angles]), [], None
        embeddings = [positive, *([self.unconditional.expand_as(positive)] if unconditional else []), *negatives]
        copies = len(embeddings)
        noisy, t = noisy.repeat(copies, 1, 1, 1), t.repeat(copies)
        clean = self.model.clean(noisy, t, self.model.predict(noisy, t, torch.cat(embeddings))).chunk(copies)
        rest = list(clean[1 + unconditional :])
        return Denoised(clean[0], clean[1] if unconditional else None, rest, weights)

    def mix(self, angles: list[tuple[float, float]]) -> tuple[Tensor, list[Tensor], Tensor]:
        """Perp-Neg's prompts: positive (B, L, D), two negatives (B, L, D) each, and their weights (2, B)."""
        mixtures = [perp_neg_mixture(*a) for a in angles]
        positive = [m.share * self.sides[m.sides[0]] + (1 - m.share) * self.sides[m.sides[1]] for m in mixtures]
        none: tuple[Side, float] = ("front", 0.0)
        avoided = [(*m.negatives, none, none)[:2] for m in mixtures]
        negatives = [torch.cat([self.sides[pair[i][0]] for pair in avoided]) for i in range(2)]
        weights = torch.tensor([[pair[i][1] for pair in avoided] for i in range(2)])
        return torch.cat(positive), negatives, weights.to(self.alphas_cumprod)
