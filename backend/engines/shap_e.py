# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers annotates its models loosely.
# pyright: reportAttributeAccessIssue=false, reportCallIssue=false
"""Shap-E (Jun and Nichol 2023) through diffusers' own pipelines: an image or a prompt -> the weights of a small network
that gives a signed distance and a colour at every point -> mesh."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from diffusers import DiffusionPipeline
from torch import Tensor

from ..diffusion.clip_similarity import normalise
from ..diffusion.prompt_words import unused_words
from ..interface.errors import ImageError
from ..interface.tasks import ShapEParameters
from ..meshing.clean import keep_components, remove_degenerate
from ..meshing.marching_cubes import extract
from ..meshing.texture import decimate_and_texture
from ..preprocess.background import remove_background
from ..preprocess.framing import frame
from ..rendering.cameras import turntable
from ..rendering.mesh import Mesh
from ..rendering.rasteriser import render_mesh
from ..runtime.devices import choose_device, choose_dtype
from ..runtime.images import on_white, to_bytes
from ..runtime.model_cache import ModelCache
from ..runtime.progress import Progress
from ..weights.loaders.shap_e import load_shap_e
from . import MeshResult, Request

STAGES: dict[str, float] = {"Preparing": 1, "Loading weights": 6, "Shape": 20, "Surface": 6}
STEPS = 64  # as released
GUIDANCE = {"image": 3.0, "prompt": 15.0}  # as released
POINTS = 1 << 15  # evaluated at once
HALF_TURN = np.array([-1, -1, 1], np.float32)  # its front is +Y with Z up; Blender's is -Y
PREVIEW_RESOLUTION = 32  # cells a side of the mesh that is shown first
MIN_PIECE = 0.003  # volume of a piece that is kept, as a share of the largest one's


def run(request: Request[ShapEParameters], progress: Progress) -> MeshResult:
    """Image float32 RGBA (H, W, 4) in inputs["image"], or a text in inputs["prompt"] -> mesh; four views of it.

    Shap-E chooses its own orientation: the front matches the image only when the image shows the object's usual front.
    """
    parameters = request.parameters
    progress.plan(STAGES)
    progress.update("Preparing", 0, 1)
    condition, facts = read_condition(request)
    progress.update("Loading weights", 0, 1)
    kind = "prompt" if isinstance(condition, str) else "image"
    model = load(parameters.weights, kind, choose_device(parameters.device))
    if isinstance(condition, str):
        progress.remarks += unused_words(model.tokenizer, [condition], model.tokenizer.model_max_length)
    latents = sample_latents(model, condition, parameters, request.seed, progress)
    mesh = decimate_and_texture(to_mesh(model, latents, parameters.mesh_resolution, progress), parameters)
    return MeshResult(mesh, render_views(mesh), facts)


@ModelCache
def load(weights: str, kind: str, device: torch.device) -> DiffusionPipeline:
    """Raises WeightsError."""
    return load_shap_e(weights, kind, device, choose_dtype(device))


def read_condition(request: Request[ShapEParameters]) -> tuple[np.ndarray | str, dict[str, Any]]:
    """The cut-out image RGBA (H, W, 4), or the prompt; and facts about it. Raises ImageError."""
    if "image" not in request.inputs:
        prompt = request.inputs["prompt"]
        return prompt, {"prompt": prompt}
    cutout = remove_background(request.inputs["image"], request.parameters.remove_background)
    return cutout.image, {"background": cutout.note}


def sample_latents(
    model: DiffusionPipeline, condition: np.ndarray | str, parameters: ShapEParameters, seed: int, progress: Progress
) -> Tensor:
    """The object's latents (1, K, D): K rows of the small network's weights. Raises Cancelled."""

    def reported(timesteps: Tensor) -> Iterator[Tensor]:
        for i, t in enumerate(timesteps):
            progress.update("Shape", i, len(timesteps))
            yield t

    model.progress_bar = reported  # the pipeline has no callback
    kind = "prompt" if isinstance(condition, str) else "image"
    return model(
        condition if isinstance(condition, str) else clip_input(condition, model.image_encoder.config.image_size),
        num_inference_steps=parameters.steps or STEPS,
        guidance_scale=parameters.guidance_scale or GUIDANCE[kind],
        generator=torch.Generator().manual_seed(seed),
        output_type="latent",
    ).images.float()


def clip_input(rgba: np.ndarray, size: int) -> Tensor:
    """A cut-out image RGBA (H, W, 4), framed on white and normalised for CLIP: (1, 3, size, size)."""
    rgb = on_white(frame(rgba, size)[0])
    return normalise(torch.from_numpy(rgb).permute(2, 0, 1)[None])


def to_mesh(model: DiffusionPipeline, latents: Tensor, resolution: int, progress: Progress) -> Mesh:
    """The clean coloured mesh in the cube [-0.5, 0.5]^3, turned to Blender's front. Shows a coarse one first.

    Raises ImageError.
    """
    renderer, device, evaluated = model.shap_e_renderer, latents.device, 0
    set_weights(renderer, latents)

    @torch.no_grad()
    def query(points: Tensor) -> Iterator[Tensor]:
        nonlocal evaluated
        evaluated += len(points)
        progress.update("Surface", evaluated, evaluated + 4 * POINTS)
        found = [
            renderer.mlp(position=part[None], direction=None, ts=None, nerf_level="fine", rendering_mode="stf")
            for part in points.split(POINTS)
        ]
        return (torch.cat([getattr(f, name)[0] for f in found]) for name in ("signed_distance", "channels"))

    def distance(points: Tensor) -> Tensor:
        if not len(points):
            return points[:, 0]
        value = next(query(points))[:, 0]
        return value.where(points.abs().amax(1) < 1, -1)  # nothing outside, so that the surface is closed at the border

    def build(resolution: int) -> Mesh:
        half = 1 + 1 / resolution
        vertices, faces = extract(distance, resolution, (-half, half), inside="positive", device=device)
        if not len(faces):
            raise ImageError("The model made no solid object.", "Try another seed, image or prompt.")
        _, rgb = query(torch.from_numpy(vertices).to(device))
        colors = np.full((len(vertices), 4), 255, np.uint8)
        colors[:, :3] = to_bytes(rgb)
        return keep_components(Mesh(vertices * HALF_TURN / 2, faces, colors), MIN_PIECE)

    if resolution > PREVIEW_RESOLUTION:
        with suppress(ImageError):  # too small for the large cells
            coarse = build(PREVIEW_RESOLUTION)
            progress.preview(render_views(coarse), coarse)
    return remove_degenerate(build(resolution))


@torch.no_grad()
def set_weights(renderer: Any, latents: Tensor) -> None:
    """Write the layers that the latents stand for into the small network; its other layers serve all objects."""
    layers = dict(renderer.mlp.named_parameters())
    for name, weight in renderer.params_proj(latents).items():
        layers[name.removeprefix("nerstf.")].copy_(weight[0])


def render_views(mesh: Mesh) -> np.ndarray:
    """Four views around the mesh, uint8 (4, 128, 128, 4)."""
    return to_bytes(np.stack([render_mesh(mesh, camera).cpu().numpy() for camera in turntable(4, 20, 2.5, 35.0, 128)]))
