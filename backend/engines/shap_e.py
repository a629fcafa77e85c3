# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers annotates its models loosely.
# pyright: reportAttributeAccessIssue=false, reportCallIssue=false
"""Shap-E (Jun and Nichol 2023) through diffusers' own pipelines: a picture -> the weights of a small network that
knows a signed distance and a colour at every point -> mesh."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from diffusers import DiffusionPipeline
from torch import Tensor

from ..diffusion.zero123 import CLIP_MEAN, CLIP_STD
from ..interface.errors import ImageError
from ..meshing.clean import keep_components, remove_degenerate
from ..meshing.marching_cubes import extract
from ..meshing.texture import decimate_and_texture
from ..preprocess.background import remove_background
from ..preprocess.framing import frame
from ..rendering.cameras import Camera, orbit
from ..rendering.mesh import Mesh
from ..rendering.rasteriser import render_mesh
from ..runtime.devices import choose_device, choose_dtype
from ..runtime.images import on_white
from ..runtime.model_cache import ModelCache
from ..runtime.progress import Progress
from ..weights.loaders.shap_e import load_shap_e
from . import Request, Result
from .dreamfusion import read_prompt

STAGES: dict[str, float] = {"Preparing": 1, "Loading weights": 6, "Shape": 20, "Surface": 6}
STEPS = 64  # as released
GUIDANCE = {"image": 3.0, "prompt": 15.0}  # as released
POINTS = 1 << 15  # asked for at once
HALF_TURN = np.array([-1, -1, 1], np.float32)  # its front is +Y with Z up; ours -Y
SMALLEST_PIECE = 0.003  # of the largest one's volume


def run(request: Request, progress: Progress) -> Result:
    """Image float32 RGBA (H, W, 4) in inputs["image"], or a text in inputs["prompt"] -> mesh; four views of it.

    The model turns its objects as it likes: their front is the image's as far as it is the side that people call so.
    """
    begin, parameters = time.monotonic(), request.parameters
    progress.plan(STAGES)
    progress.update("Preparing", 0, 1)
    told, facts = read_input(request)
    progress.update("Loading weights", 0, 1)
    kind = "prompt" if isinstance(told, str) else "image"
    model = load(parameters["weights"], kind, choose_device(parameters["device"]))
    latents = imagine(model, told, parameters, request.seed, progress)
    mesh = to_mesh(model, latents, parameters["mesh_resolution"], progress)
    mesh = decimate_and_texture(mesh, parameters)
    facts |= {"vertices": len(mesh.vertices), "faces": len(mesh.faces)}
    return Result(mesh, look_at(mesh), facts | {"seconds": round(time.monotonic() - begin, 1)})


@ModelCache
def load(weights: str, kind: str, device: torch.device) -> DiffusionPipeline:
    """Raises WeightsError."""
    return load_shap_e(weights, kind, device, choose_dtype(device))


unload = load.drop


def read_input(request: Request) -> tuple[np.ndarray | str, dict[str, Any]]:
    """The cut out picture RGBA (H, W, 4), or the prompt; and what to say of it. ParameterError, ImageError."""
    if "image" not in request.inputs:
        prompt = read_prompt(request.inputs.get("prompt"))
        return prompt, {"prompt": prompt}
    cutout = remove_background(request.inputs["image"], request.parameters["remove_background"])
    return cutout.image, {"background": cutout.note}


def imagine(
    model: DiffusionPipeline, told: np.ndarray | str, parameters: dict[str, Any], seed: int, progress: Progress
) -> Tensor:
    """The object's latents (1, K, D): K rows of the small network's weights. Raises Cancelled."""

    def reported(timesteps: Tensor) -> Iterator[Tensor]:
        for i, t in enumerate(timesteps):
            progress.update("Shape", i, len(timesteps))
            yield t

    model.progress_bar = reported  # the one place where the pipeline lets others look in
    kind = "prompt" if isinstance(told, str) else "image"
    return model(
        told if isinstance(told, str) else see(told, model.image_encoder.config.image_size),
        num_inference_steps=parameters["steps"] or STEPS,
        guidance_scale=parameters["guidance_scale"] or GUIDANCE[kind],
        generator=torch.Generator().manual_seed(seed),
        output_type="latent",
    ).images.float()


def see(rgba: np.ndarray, size: int) -> Tensor:
    """A picture RGBA (H, W, 4) as CLIP wants it: framed on white, normalised, (1, 3, size, size)."""
    picture = on_white(frame(rgba, size)[0])
    return torch.from_numpy(((picture - CLIP_MEAN) / CLIP_STD).astype(np.float32)).permute(2, 0, 1)[None]


def to_mesh(model: DiffusionPipeline, latents: Tensor, resolution: int, progress: Progress) -> Mesh:
    """The clean coloured mesh in the cube [-0.5, 0.5]^3, Blender's front in front. Raises ImageError."""
    renderer, device, asked = model.shap_e_renderer, latents.device, 0
    dress(renderer, latents)

    @torch.no_grad()
    def look(points: Tensor):
        nonlocal asked
        asked += len(points)
        progress.update("Surface", asked, asked + 4 * POINTS)
        found = [
            renderer.mlp(position=part[None], direction=None, ts=None, nerf_level="fine", rendering_mode="stf")
            for part in points.split(POINTS)
        ]
        return (torch.cat([getattr(f, name)[0] for f in found]) for name in ("signed_distance", "channels"))

    def distance(points: Tensor) -> Tensor:
        if not len(points):
            return points[:, 0]
        value = next(look(points))[:, 0]
        return value.where(points.abs().amax(1) < 1, -1)  # nothing outside: what touches the border gets a wall

    half = 1 + 1 / resolution
    vertices, faces = extract(distance, resolution, (-half, half), inside="positive", device=device)
    if not len(faces):
        raise ImageError("The model made no solid object of it.", "Try another seed, picture or prompt.")
    _, rgb = look(torch.from_numpy(vertices).to(device))
    colors = np.full((len(vertices), 4), 255, np.uint8)
    colors[:, :3] = (rgb.cpu().numpy() * 255 + 0.5).astype(np.uint8)
    return remove_degenerate(keep_components(Mesh(vertices * HALF_TURN / 2, faces, colors), SMALLEST_PIECE))


@torch.no_grad()
def dress(renderer: Any, latents: Tensor) -> None:
    """Give the small network the layers that the latents stand for; the others are the same for all objects."""
    layers = dict(renderer.mlp.named_parameters())
    for name, weight in renderer.params_proj(latents).items():
        layers[name.removeprefix("nerstf.")].copy_(weight[0])


def look_at(mesh: Mesh) -> np.ndarray:
    """Four views around, uint8 (4, 128, 128, 4)."""
    views = [render_mesh(mesh, Camera(orbit(a, 20, 2.5), 35.0, 128, 128)).cpu().numpy() for a in (0, 90, 180, 270)]
    return (np.stack(views) * 255 + 0.5).astype(np.uint8)
