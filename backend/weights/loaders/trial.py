# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers annotates its models loosely.
# pyright: reportAttributeAccessIssue=false
"""One evaluation of a model that was just loaded, because a folder's config can be wrong where no tensor shows it."""

from __future__ import annotations

from pathlib import Path

import torch

from ...diffusion.guidance import add_noise
from ...diffusion.stable_diffusion import TextToImage
from ...interface.catalog import WeightsError
from ...interface.errors import one_line
from ...runtime.memory import is_memory

LARGEST_LATENT = 100.0  # Stable Diffusion's are a few units
SIDE = 256  # pixels of the image, at most: enough for Stable Diffusion, and seconds less than its own size
CLEAR = 0.5  # how much smaller the other type's error has to be
TYPES = {"epsilon": "noise", "v_prediction": "velocity"}


def try_out(model: TextToImage, folder: Path, remedy: str) -> None:
    """Denoise a white image once. WeightsError where a network fails, gives no numbers, or was plainly trained to
    predict the other of noise and velocity (Salimans and Ho 2022) than the schedule says."""
    try:
        errors = prediction_errors(model)
    except Exception as error:  # networks raise many kinds for invalid configs
        if is_memory(error):
            raise
        raise WeightsError(f"{folder} does not work: {one_line(error)}.", remedy) from error
    said = model.scheduler.config.prediction_type
    other = next(name for name in TYPES if name != said)
    if errors[other] < CLEAR * errors[said]:
        text = f"{folder} does not fit together: its unet predicts {TYPES[other]}, its scheduler says {TYPES[said]}."
        raise WeightsError(text, remedy)


@torch.no_grad()
def prediction_errors(model: TextToImage) -> dict[str, float]:
    """Relative squared errors of the prediction, taken for noise and for velocity, halfway between image and noise.

    Raises ValueError where it is no number, and whatever the networks do.
    """
    signal, side = model.scheduler.alphas_cumprod.float().to(model.unet.device), min(model.image_size, SIDE)
    white = torch.ones(1, 3, side, side, device=signal.device)
    if model.vae is not None:
        latents = model.vae.encode(white.to(model.dtype)).latent_dist.mode()
        white = (latents * model.vae.config.scaling_factor).float()
    if not white.isfinite().all() or white.abs().max() > LARGEST_LATENT:
        raise ValueError("its vae gives no usable numbers")
    t = (signal - 0.5).abs().argmin()[None]
    noise = torch.randn(white.shape, generator=torch.Generator().manual_seed(0)).to(white)
    a = signal[t].view(-1, 1, 1, 1)
    output = model.predict(add_noise(white, noise, a), t, model.embed([""]))
    if not output.isfinite().all():
        raise ValueError("its unet or text_encoder gives no usable numbers")
    targets = {"epsilon": noise, "v_prediction": a.sqrt() * noise - (1 - a).sqrt() * white}
    return {name: float(((output - x) ** 2).mean() / (x**2).mean()) for name, x in targets.items()}
