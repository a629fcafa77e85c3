# SPDX-License-Identifier: GPL-3.0-or-later
# accelerate, diffusers and transformers annotate their models loosely.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportReturnType=false
"""Loads Shap-E (Jun and Nichol 2023) from diffusers' folders, safetensors alone, into diffusers' own pipelines."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import DiffusionPipeline, HeunDiscreteScheduler, PriorTransformer, ShapEImg2ImgPipeline, ShapEPipeline
from diffusers.pipelines.shap_e import ShapERenderer
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModelWithProjection, CLIPVisionConfig, CLIPVisionModel

from ...interface import catalog
from ...interface.catalog import WeightsError
from ...interface.errors import one_line
from ..formats.empty import empty_weights
from ..formats.fill import fill
from ..formats.transformers_folder import read_folder, require_config
from ..store import store
from ..store.store import reading_weights
from .noise_schedule import read_schedule
from .stable_diffusion import check, read_tokenizer

REMEDY = "Choose a folder of Shap-E in diffusers' layout, or one of its sets of weights."
RENDERERS = "renderer", "shap_e_renderer"  # published as safetensors, and as a pickle
USED = "params_proj.", "mlp."  # the renderer's networks; its other tensors are tables, and some files lack them
FILES = {"text_encoder": "model", "image_encoder": "model"}
SCHEDULE = (
    "num_train_timesteps beta_start beta_end beta_schedule trained_betas prediction_type use_karras_sigmas "
    "clip_sample clip_sample_range timestep_spacing steps_offset"
).split()


@reading_weights()
def load_shap_e(weights: str, kind: str, device: torch.device, dtype: torch.dtype) -> DiffusionPipeline:
    """The pipeline from `kind`, "image" or "prompt", on a device; weights: a set's id or a folder.

    Computes in `dtype`, its renderer in float32. Raises WeightsError.
    """
    folder = find_shap_e(weights, kind)
    encoder = "image_encoder" if kind == "image" else "text_encoder"
    networks = empty_networks(folder, encoder)
    drawn = nn.ModuleDict({name.rstrip("."): getattr(networks["renderer"], name.rstrip(".")) for name in USED})
    for name, network in ((encoder, networks[encoder]), ("prior", networks["prior"]), ("renderer", drawn)):
        part = folder_of(folder) if name == "renderer" else folder / name
        stored = read_folder(part, FILES.get(name, "diffusion_pytorch_model"), dtype != torch.float32, REMEDY)
        if name == "renderer":
            stored = {key: tensor for key, tensor in stored.items() if key.startswith(USED)}
        exact = torch.float32 if name == "renderer" else dtype
        fill(network, check(folder, name, network, stored), part, REMEDY, exact)
    ready = {name: network.eval().requires_grad_(False).to(device) for name, network in networks.items()}
    prior, seen, scheduler, renderer = ready["prior"], ready[encoder], read_scheduler(folder), ready["renderer"]
    if kind == "image":
        return ShapEImg2ImgPipeline(prior, seen, None, scheduler, renderer)  # the engine resizes images itself
    return ShapEPipeline(prior, seen, read_tokenizer(folder, seen), scheduler, renderer)


def find_shap_e(weights: str, kind: str) -> Path:
    """The folder of a set for `kind`. Raises WeightsError."""
    part = "shap_e" if kind == "image" else "shap_e_text"
    known = [w.id for w in catalog.WEIGHTS if w.part == part]
    folder = store.find(weights, known, REMEDY)
    if not (folder / "prior" / "config.json").is_file():
        raise WeightsError(f"{folder} holds no Shap-E: there is no prior/config.json in it.", REMEDY)
    wanted, other = ("image_encoder", "a prompt") if kind == "image" else ("text_encoder", "an image")
    if not (folder / wanted).is_dir():
        raise WeightsError(f"{folder} is a Shap-E that starts from {other}: it has no {wanted}.", REMEDY)
    return folder


def folder_of(folder: Path) -> Path:
    """The renderer's folder."""
    whole = [folder / name for name in RENDERERS if any((folder / name).glob("*.safetensors"))]
    return whole[0] if whole else folder / RENDERERS[0]


def empty_networks(folder: Path, encoder: str) -> dict[str, nn.Module]:
    """The networks on the "meta" device, by their configs. Raises WeightsError."""
    seen, prior = (require_config(folder, name, REMEDY) for name in (encoder, "prior"))
    renderer = require_config(folder, folder_of(folder).name, REMEDY)
    try:
        with empty_weights(seen, prior):
            return {
                encoder: CLIPVisionModel(CLIPVisionConfig(**seen))
                if encoder == "image_encoder"
                else CLIPTextModelWithProjection(CLIPTextConfig(**seen)),
                "prior": PriorTransformer.from_config(prior),
                "renderer": ShapERenderer.from_config(renderer),
            }
    except Exception as error:  # diffusers and transformers raise many kinds for invalid configs
        text = f"{folder} describes no Shap-E that this version knows: {one_line(error)}."
        raise WeightsError(text, REMEDY) from error


def read_scheduler(folder: Path) -> HeunDiscreteScheduler:
    """The noise schedule of the folder; the prior predicts latents, not noise. Raises WeightsError."""
    return read_schedule(folder, HeunDiscreteScheduler, SCHEDULE, ("sample",), REMEDY)
