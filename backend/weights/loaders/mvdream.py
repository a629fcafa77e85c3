# SPDX-License-Identifier: GPL-3.0-or-later
# accelerate, diffusers and transformers annotate their models loosely.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false
"""Loads MVDream in every published form: the authors' .pt files, and folders in diffusers' layout, whose UNet may have
the authors' names too. Sizes are inferred from the tensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from ...diffusion.mvdream import NUMBERS, MultiView
from ...diffusion.sampling import make_scheduler
from ...interface import catalog
from ...interface.catalog import WeightsError
from ...interface.errors import one_line
from ..formats.checkpoint import StoredTensor, read_file, tensors_in
from ..formats.compare import find_differences, refuse_differences, wanted_shapes
from ..formats.empty import empty_weights
from ..formats.fill import fill
from ..formats.names import Origin
from ..formats.transformers_folder import read_config
from ..store import store
from ..store.store import reading_weights
from .mvdream_names import StoredNetwork, find_network
from .stable_diffusion import check_text_weights, check_tokenizer, load_text_to_image, read_tokenizer
from .trial import try_out

REMEDY = "Choose the weights of MVDream, or set Weights to: starter-text."
PARTS = ("unet", "vae", "text_encoder")
STARTER, WORDS = "starter-text", "clip-words"
HEADS, HEAD_WIDTH = 8, 64  # of Stable Diffusion 1, at every level; of Stable Diffusion 2 and of CLIP
SIDE = 32  # of the latents: 256 pixels


@reading_weights()
def load_multi_view(weights: str, device: torch.device, dtype: torch.dtype) -> MultiView:
    """MVDream on a device, in `dtype`; weights: a set's id, a folder, or a .pt file. Raises WeightsError."""
    path = find_multi_view(weights)
    if is_multi_view(path):
        model = load_text_to_image(weights, device, dtype)
        assert isinstance(model, MultiView)
        return model
    stored = open_parts(path)
    networks = {name: empty_network(path, name, stored[name]) for name in PARTS}
    for name, network in networks.items():
        check(path, network, stored[name])
    tokenizer = find_tokenizer(path, networks["text_encoder"], stored["text_encoder"])
    for name, network in networks.items():
        fill(network, stored[name].tensors, path, REMEDY, dtype, origins(network, stored[name]))
    model = MultiView(networks["unet"], networks["vae"], networks["text_encoder"], tokenizer, make_scheduler("epsilon"))
    model.unet.to(memory_format=torch.channels_last)
    try_out(model.eval().requires_grad_(False).to(device), path, REMEDY)
    return model


@reading_weights()
def check_multi_view(weights: str) -> None:
    """Raise WeightsError for weights that do not fit, without reading numbers."""
    path = find_multi_view(weights)
    if is_multi_view(path):
        return check_text_weights(weights)
    stored = open_parts(path)
    for name in PARTS:
        check(path, empty_network(path, name, stored[name]), stored[name])
    return None


def find_multi_view(weights: str) -> Path:
    """The file or folder of a set. Raises WeightsError."""
    known = [w.id for w in catalog.WEIGHTS if w.part == "multi_view" or w.id == STARTER]
    return store.find(weights, known, REMEDY)


def is_multi_view(path: Path) -> bool:
    """Whether a folder's config, in diffusers' own layout, describes a UNet that takes cameras."""
    config = read_config(path / "unet" / "config.json", REMEDY) if path.is_dir() else {}
    return "block_out_channels" in config and config.get("projection_class_embeddings_input_dim") == NUMBERS


def open_parts(path: Path) -> dict[str, StoredNetwork]:
    """The stored tensors of each network; a missing part is empty. Raises WeightsError."""
    if path.is_dir() and not (path / "unet").is_dir():
        files = sorted(f for f in path.iterdir() if f.suffix in (".pt", ".ckpt", ".safetensors"))
        if len(files) != 1:
            raise WeightsError(f"{path} holds no MVDream: it needs the folder unet, or one .pt file.", REMEDY)
        path = files[0]
    if path.is_dir():
        return {name: find_network(name, read_folder(path, name)) for name in PARTS}
    tensors = tensors_in(read_file(path), "state_dict")
    return {name: find_network(name, tensors) for name in PARTS}


def read_folder(path: Path, part: str) -> dict[str, StoredTensor]:
    """The tensors of one network; for the UNet also those of a separate file for cameras. WeightsError."""
    stem = "model" if part == "text_encoder" else "diffusion_pytorch_model"
    endings = ("safetensors", "fp16.safetensors", "bin")
    file = next((f for end in endings if (f := path / part / f"{stem}.{end}").is_file()), None)
    file = file or next((f for f in sorted((path / part).glob("*.bin"))), None)
    if file is None:
        raise WeightsError(f"{path} holds no MVDream: there are no weights in its folder {part}.", REMEDY)
    tensors = tensors_in(read_file(file))
    camera = sorted((path / "camera_proj").glob("*.safetensors")) or sorted((path / "camera_proj").glob("*.bin"))
    if part == "unet" and camera:
        found = tensors_in(read_file(camera[0]))
        first = next((n for n, t in found.items() if t.shape[1:] == (NUMBERS,)), "").rpartition(".")[0]
        for name, tensor in found.items():
            layer, _, kind = name.rpartition(".")
            tensors[f"class_embedding.linear_{1 if layer == first else 2}.{kind}"] = tensor
    return tensors


def empty_network(path: Path, part: str, names: StoredNetwork) -> nn.Module:
    """A network on the "meta" device, in the sizes of its stored tensors. Raises WeightsError."""
    config = read_config(path / part / "config.json", REMEDY) if path.is_dir() else {}
    make = {"unet": empty_unet, "vae": empty_vae, "text_encoder": empty_text_encoder}[part]
    try:
        with empty_weights(config):
            return make(names, config)
    except KeyError as error:
        raise WeightsError(f"{path} is no MVDream: {error.args[0]} is missing.", REMEDY) from error
    except Exception as error:  # diffusers and transformers raise many kinds for invalid configs
        raise WeightsError(f"{path} has sizes that no MVDream has: {one_line(error)}.", REMEDY) from error


def empty_unet(names: StoredNetwork, config: dict[str, Any]) -> UNet2DConditionModel:
    """config: the folder's, for the width of heads, which tensors do not reveal, under either name."""
    widths = names.count("down_blocks.{}.resnets.0.conv1.weight")
    attends = [names.has(f"down_blocks.{i}.attentions.0.proj_in.weight") for i in range(len(widths))]
    is_linear = len(names.shape("down_blocks.0.attentions.0.proj_in.weight")) == 2
    width = config.get("num_head_channels") or (HEAD_WIDTH if widths[0] % HEAD_WIDTH == 0 else widths[0])
    heads = tuple(w // width for w in widths) if is_linear else HEADS
    latent = names.shape("conv_out.weight")[0]
    return UNet2DConditionModel(
        sample_size=config.get("sample_size") or config.get("image_size") or SIDE,
        in_channels=latent,
        out_channels=latent,
        block_out_channels=tuple(widths),
        layers_per_block=len(names.count("down_blocks.0.resnets.{}.conv1.weight")),
        down_block_types=tuple("CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attends),
        up_block_types=tuple("CrossAttnUpBlock2D" if a else "UpBlock2D" for a in attends[::-1]),
        cross_attention_dim=names.shape("down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight")[1],
        attention_head_dim=config.get("attention_head_dim") or heads,
        use_linear_projection=is_linear,
        class_embed_type="projection",
        projection_class_embeddings_input_dim=names.shape("class_embedding.linear_1.weight")[1],
    )


def empty_vae(names: StoredNetwork, config: dict[str, Any]) -> AutoencoderKL:
    widths = names.count("encoder.down_blocks.{}.resnets.0.conv1.weight")
    return AutoencoderKL(
        block_out_channels=tuple(widths),
        layers_per_block=len(names.count("encoder.down_blocks.0.resnets.{}.conv1.weight")),
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        up_block_types=("UpDecoderBlock2D",) * len(widths),
        latent_channels=names.shape("post_quant_conv.weight")[0],
        scaling_factor=config.get("scaling_factor") or 0.18215,
    )


def empty_text_encoder(names: StoredNetwork, config: dict[str, Any]) -> CLIPTextModel:
    """OpenCLIP's last block is left out: Stable Diffusion 2 attends to the one before it."""
    words, width = names.shape("embeddings.token_embedding.weight")
    inner = names.count("encoder.layers.{}.mlp.fc1.weight")
    settings = CLIPTextConfig(
        vocab_size=words,
        hidden_size=width,
        intermediate_size=inner[0],
        num_hidden_layers=len(inner) - names.is_open_clip,
        num_attention_heads=config.get("num_attention_heads") or max(1, width // HEAD_WIDTH),
        max_position_embeddings=names.shape("embeddings.position_embedding.weight")[0],
        hidden_act=config.get("hidden_act") or ("gelu" if names.is_open_clip else "quick_gelu"),
        bos_token_id=words - 2,
        eos_token_id=words - 1,
        pad_token_id=0 if names.is_open_clip else words - 1,
    )
    return CLIPTextModel(settings)


def check(path: Path, network: nn.Module, names: StoredNetwork) -> None:
    """WeightsError with the first differences between the stored tensors and those that a network needs."""
    wanted = wanted_shapes(network, origins(network, names))
    differences = find_differences(names.tensors, wanted, names.is_unused)
    refuse_differences(differences, f"{path} does not fit MVDream", REMEDY)


def origins(network: nn.Module, names: StoredNetwork) -> dict[str, Origin]:
    return {name: names.origin(name) for name in network.state_dict()}


def find_tokenizer(path: Path, encoder: nn.Module, names: StoredNetwork) -> CLIPTokenizer:
    """CLIP's tokenizer, which .pt files lack: from beside the file, else from any installed set that has it.

    OpenCLIP pads with token 0, CLIP with the end token. Raises WeightsError.
    """
    if path.is_dir() and (path / "tokenizer").is_dir():
        return read_tokenizer(path, encoder)
    beside = path if path.is_dir() else path.parent
    sets = [store.locate(w.id) for w in catalog.WEIGHTS if w.id == WORDS or (w.part == "text" and w.repository)]
    places = [place for folder in [beside, *filter(None, sets)] for place in (folder / "tokenizer", folder)]
    place = next((p for p in places if all((p / f).is_file() for f in ("vocab.json", "merges.txt"))), None)
    if place is None:
        text = "The CLIP vocabulary (vocab.json, merges.txt) is missing."
        raise WeightsError(text, store.get(catalog.weights(WORDS)))
    try:
        padding = "!" if names.is_open_clip else "<|endoftext|>"
        tokenizer = CLIPTokenizer.from_pretrained(place, local_files_only=True, pad_token=padding)
    except Exception as error:  # the tokenizers library has exceptions of its own
        raise WeightsError(f"The tokenizer in {place} cannot be read: {one_line(error)}.", REMEDY) from error
    tokenizer.model_max_length = min(tokenizer.model_max_length, encoder.config.max_position_embeddings)
    return check_tokenizer(tokenizer, encoder.config.vocab_size, place, REMEDY)
