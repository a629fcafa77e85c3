# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers and transformers annotate their models loosely.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false, reportOptionalCall=false
"""Training of the multi-view starter from the text starter (MVDream, section 3.2).

Batches are sets of views with their cameras or, in 2D mode, single images without cameras.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import Tensor

from ..diffusion.mvdream import VIEWS, MultiView, camera_vectors
from ..rendering.cameras import Camera, orbit
from .loop import train
from .novel_view import Latents
from .render import FOV_DEG, RADIUS
from .text_to_image import TURNS, Recolored, describe_objects, draw_prompt
from .views import PLAIN, SIZE, VIEWPOINTS, Views

SINGLE = 0.3  # share of steps in 2D mode, the paper's
VIEW_SPACING = VIEWPOINTS // VIEWS  # viewpoints between the views of a set


def train_mvdream(
    model: MultiView,
    vae: AutoencoderKL,
    views: Views,
    names: dict[str, str],
    folder: Path,
    steps: int,
    objects: int = 8,
    lr: float = 1e-3,
) -> MultiView:
    """Train on sets of four views a quarter turn apart, `objects` per step, or as many single images.

    Returns the model with averaged weights.
    """
    torch.manual_seed(0)
    described = describe_objects(views, names)
    latents = Latents(vae.requires_grad_(False), Recolored(views), folder)
    known = np.array(sorted(described))
    scale = float(vae.config.scaling_factor)
    device = vae.device
    length = model.tokenizer.model_max_length

    def predict(index: tuple[np.ndarray, ...], prompts: list[str], t: np.ndarray, cameras: Tensor | None) -> Tensor:
        tokens = model.tokenizer(prompts, padding="max_length", truncation=True, max_length=length, return_tensors="pt")
        clean = latents(index) * scale
        timesteps = torch.from_numpy(t).to(device)
        noise = torch.randn_like(clean)
        embeddings = model.text_encoder(tokens.input_ids.to(device)).last_hidden_state
        output = model(model.scheduler.add_noise(clean, noise, timesteps), timesteps, embeddings, cameras)
        return F.mse_loss(output, model.scheduler.get_velocity(clean, noise, timesteps))

    def single(rng: np.random.Generator) -> Tensor:
        count = objects * VIEWS
        i, turn, k = rng.choice(known, count), rng.integers(TURNS, size=count), rng.integers(VIEWPOINTS, size=count)
        angles = views.poses[i, PLAIN, k]
        prompts = [draw_prompt(described[j][c], *a[:2], rng) for j, c, a in zip(i, turn, angles, strict=True)]
        return predict((i, turn, k), prompts, rng.integers(1000, size=count), None)

    def joint(rng: np.random.Generator) -> Tensor:
        i, turn, first = (
            rng.choice(known, objects),
            rng.integers(TURNS, size=objects),
            rng.integers(VIEWPOINTS, size=objects),
        )
        k = (first[:, None] + VIEW_SPACING * np.arange(VIEWS)) % VIEWPOINTS
        words = [draw_prompt(described[j][c], 0, 0, rng).partition(",")[0] for j, c in zip(i, turn, strict=True)]
        angles = views.poses[i[:, None], PLAIN, k].reshape(-1, 3)[:, :2].tolist()
        cameras = camera_vectors([Camera(orbit(a, e, RADIUS), FOV_DEG, SIZE, SIZE) for a, e in angles])
        i, turn, t = (np.repeat(v, VIEWS) for v in (i, turn, rng.integers(1000, size=objects)))
        prompts = [text for text in words for _ in range(VIEWS)]
        return predict((i, turn, k.ravel()), prompts, t, cameras.view(objects, VIEWS, -1))

    def loss(rng: np.random.Generator) -> dict[str, Tensor]:
        return {"v": single(rng) if rng.random() < SINGLE else joint(rng)}

    return train(model, loss, folder, steps, lr=lr, ema=0.998, muon=True)
