# SPDX-License-Identifier: GPL-3.0-or-later
"""The diffusion model's own view sets of training objects, which SparseNeuS learns to reconstruct from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ..diffusion.zero123 import Zero123
from ..engines.one2345 import generate_views
from ..engines.report import Report
from .meshes import list_meshes, load_mesh
from .render import Light, Renderer, orbit
from .vae import to_tensor
from .views import apparent_distance, on_white

SETTINGS = {"quality": "fast", "num_inference_steps": 1, "guidance_scale": 1.0}  # the starter's defaults


@torch.no_grad()
def predict_view_sets(meshes: Path, model: Zero123, folder: Path, count: int, split: str, progress) -> None:
    """One file an object: views uint8 (32, S, S, 3), the camera (turn, elevation) of the input and the light."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = list_meshes(meshes, split)
    for i in progress(np.random.default_rng(7).permutation(len(entries))[:count]):
        file = folder / f"{entries[i][0]}.npz"
        if file.exists():
            continue
        rng = np.random.default_rng([int(i), 7])
        light, turn, elevation = Light.random(rng), rng.uniform(0, 360), rng.uniform(-5, 40)
        renderer = Renderer(load_mesh(*entries[i]), light)
        camera = orbit(turn, elevation)
        window = renderer.framing(camera)
        image, _ = renderer.render(camera, model.image_size, window)
        condition = model.encode(to_tensor(on_white(image)[None]))
        views, _ = generate_views(model, condition, elevation, apparent_distance(window), SETTINGS, int(i), Report())
        pictures = (views.permute(0, 2, 3, 1).numpy() * 255 + 0.5).astype(np.uint8)
        part = file.with_suffix(".part")
        with part.open("wb") as stream:
            np.savez(
                stream, name=entries[i][0],
                turn=turn, elevation=elevation, light=light.direction, ambient=light.ambient,
                views=pictures, image=image, distance=apparent_distance(window),
            )  # fmt: skip
        part.replace(file)
