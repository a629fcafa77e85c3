# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers and transformers annotate their models loosely.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportAssignmentType=false, reportOperatorIssue=false
"""Loads text-conditioned diffusion models from diffusers' folders, safetensors alone: Stable Diffusion 1 and 2, and
DeepFloyd IF's first stage.

Networks are built from their configs without memory; names and shapes are compared before numbers are read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer, T5Config, T5EncoderModel, T5Tokenizer

from ...diffusion.mvdream import MultiView
from ...diffusion.stable_diffusion import TextToImage
from ...interface import catalog
from ...interface.catalog import WeightsError
from ...interface.errors import one_line
from ..formats.checkpoint import StoredTensor
from ..formats.compare import find_differences, refuse_differences, wanted_shapes
from ..formats.empty import empty_weights
from ..formats.fill import fill
from ..formats.sentence_pieces import read_sentence_pieces
from ..formats.transformers_folder import read_config, read_folder, require_config
from ..store import store
from ..store.store import reading_weights
from .noise_schedule import read_schedule
from .trial import try_out

REMEDY = "Choose a folder of Stable Diffusion in diffusers' layout, or set Weights to: starter-text."
STEMS = {"text_encoder": "model", "unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model"}
PIXEL_CHANNELS = 3  # of a UNet that needs no auto-encoder
LARGEST_SIDE = 512  # of a UNet's input: pictures of 4096 pixels
SPARE_WORDS = 128  # of a text encoder's embeddings, which some models fill up to a multiple of this
FEWEST_TOKENS = 3  # of a prompt: its beginning, one word and its end
SCHEDULE = (
    "num_train_timesteps beta_start beta_end beta_schedule trained_betas prediction_type rescale_betas_zero_snr "
    "timestep_spacing steps_offset set_alpha_to_one thresholding dynamic_thresholding_ratio sample_max_value "
    "clip_sample clip_sample_range"
).split()
TIED = {"encoder.embed_tokens.weight", "shared.weight"}  # T5's names for one tensor: files hold one of them, or both
VOCABULARIES: tuple[set[str], ...] = ({"tokenizer.json"}, {"vocab.json", "merges.txt"}, {"spiece.model"})


@reading_weights()
def load_text_to_image(weights: str, device: torch.device, dtype: torch.dtype) -> TextToImage:
    """A model on a device, in `dtype`; weights: a set's id or a folder. Raises WeightsError."""
    folder = find_text_weights(weights)
    networks = empty_networks(folder)
    half, stored = dtype != torch.float32, {}
    for name, network in networks.items():
        found = read_folder(folder_of(folder, name), STEMS[name], half, REMEDY)
        stored[name] = check(folder, name, network, found)
    tokenizer, scheduler = read_tokenizer(folder, networks["text_encoder"]), read_scheduler(folder)
    for name, network in networks.items():
        fill(network, stored[name], folder_of(folder, name), REMEDY, dtype)
    kind = MultiView if networks["unet"].class_embedding is not None else TextToImage
    model = (
        kind(networks["unet"], networks.get("vae"), networks["text_encoder"], tokenizer, scheduler)
        .eval()
        .requires_grad_(False)
    )
    model.unet.to(memory_format=torch.channels_last)
    try_out(model.to(device), folder, REMEDY)
    return model


@reading_weights()
def check_text_weights(weights: str) -> None:
    """Raise WeightsError for weights that do not fit, without reading numbers."""
    folder = find_text_weights(weights)
    networks = empty_networks(folder)
    for name, network in networks.items():
        check(folder, name, network, read_folder(folder_of(folder, name), STEMS[name], False, REMEDY))
    read_tokenizer(folder, networks["text_encoder"])
    read_scheduler(folder)


def find_text_weights(weights: str) -> Path:
    """The folder of a set. Raises WeightsError."""
    known = [w.id for w in catalog.WEIGHTS if w.part == "text"]
    folder = store.find(weights, known, REMEDY)
    if not (folder / "unet" / "config.json").is_file():
        raise WeightsError(f"{folder} holds no Stable Diffusion: there is no unet/config.json in it.", REMEDY)
    return folder


def folder_of(folder: Path, part: str) -> Path:
    """The folder of one network; the text starter shares the image starter's auto-encoder."""
    return store.STARTER / part if folder == store.STARTER_TEXT and part == "vae" else folder / part


def empty_networks(folder: Path) -> dict[str, nn.Module]:
    """The networks on the "meta" device, by their configs. Raises WeightsError."""
    configs = {name: require_config(folder, name, REMEDY) for name in STEMS if name != "vae"}
    configs["vae"] = read_config(folder_of(folder, "vae") / "config.json", REMEDY)
    if not configs["vae"] and (configs["unet"].get("in_channels") != PIXEL_CHANNELS or (folder / "vae").is_dir()):
        raise WeightsError(f"{folder} lacks its part vae: there is no vae/config.json in it.", REMEDY)
    wanted = configs["unet"].get("encoder_hid_dim") or configs["unet"].get("cross_attention_dim")
    is_t5 = configs["text_encoder"].get("model_type") == "t5"
    try:
        with empty_weights(*configs.values()):
            networks: dict[str, nn.Module] = {
                "unet": UNet2DConditionModel.from_config(configs["unet"]),
                "text_encoder": T5EncoderModel(T5Config(**configs["text_encoder"]))
                if is_t5
                else CLIPTextModel(CLIPTextConfig(**configs["text_encoder"])),
            }
            if configs["vae"]:
                networks["vae"] = AutoencoderKL.from_config(configs["vae"])
    except Exception as error:  # diffusers and transformers raise many kinds for invalid configs
        text = f"{folder} describes no model that this version knows: {one_line(error)}."
        raise WeightsError(text, REMEDY) from error
    unet, width = networks["unet"].config, networks["text_encoder"].config.hidden_size
    if width != wanted:
        raise WeightsError(
            f"{folder} does not fit together: text embeddings have {width} numbers, not {wanted}.", REMEDY
        )
    side = unet.sample_size
    if type(side) is not int or not 0 < side <= LARGEST_SIDE:
        raise WeightsError(f"{folder} has an unknown unet: its images have the side {side}.", REMEDY)
    channels = networks["vae"].config.latent_channels if "vae" in networks else PIXEL_CHANNELS
    if unet.in_channels != channels or unet.out_channels not in (channels, 2 * channels):
        text = f"{folder} is no text-to-image model: its UNet takes {unet.in_channels} channels"
        raise WeightsError(f"{text}, not {channels}.", REMEDY)
    return networks


def check(folder: Path, part: str, network: nn.Module, stored: dict[str, StoredTensor]) -> dict[str, StoredTensor]:
    """The stored tensors by the network's names. WeightsError with the first differences."""
    wanted = wanted_shapes(network)
    stored = {modern(name, wanted): tensor for name, tensor in stored.items()}
    if tied := next((stored[name] for name in TIED if name in stored), None):
        stored |= {name: tied for name in TIED & wanted.keys()}
        stored = {name: tensor for name, tensor in stored.items() if name not in TIED - wanted.keys()}
    refuse_differences(find_differences(stored, wanted), f"{folder} does not fit its {part}'s config", REMEDY)
    return stored


def modern(name: str, wanted: dict[str, Any]) -> str:
    """A tensor's name as diffusers and transformers write it today."""
    if name in wanted:
        return name
    for old, new in (
        ("text_model.", ""),
        (".query.", ".to_q."),
        (".key.", ".to_k."),
        (".value.", ".to_v."),
        (".proj_attn.", ".to_out.0."),
    ):
        if name.replace(old, new) in wanted:
            return name.replace(old, new)
    return name


def read_scheduler(folder: Path) -> DDIMScheduler:
    """The training's schedule with DDIM's steps. Raises WeightsError."""
    defaults = {"clip_sample": False}  # Stable Diffusion's own scheduler has no such setting and does not clip
    return read_schedule(folder, DDIMScheduler, SCHEDULE, ("epsilon", "v_prediction"), REMEDY, **defaults)


def read_tokenizer(folder: Path, encoder: nn.Module) -> Any:
    """The tokenizer of a folder, from files that hold no code. Raises WeightsError."""
    kind = T5Tokenizer if isinstance(encoder, T5EncoderModel) else CLIPTokenizer
    there = {file.name for file in (folder / "tokenizer").glob("*.*")}
    if not any(there >= needed for needed in VOCABULARIES):
        raise WeightsError(f"{folder} has no tokenizer: there is no tokenizer/tokenizer.json in it.", REMEDY)
    try:
        if "tokenizer.json" not in there and "spiece.model" in there:
            words, characters = read_sentence_pieces(folder / "tokenizer" / "spiece.model")
            tokenizer = T5Tokenizer(words, _spm_precompiled_charsmap=characters)
        else:
            tokenizer = kind.from_pretrained(folder / "tokenizer", local_files_only=True)
    except Exception as error:  # the tokenizers library has exceptions of its own
        raise WeightsError(f"The tokenizer in {folder} cannot be read: {one_line(error)}.", REMEDY) from error
    return check_tokenizer(tokenizer, encoder.config.vocab_size, folder, REMEDY)


def check_tokenizer(tokenizer: Any, known: int, folder: Path, remedy: str) -> Any:
    """The tokenizer, if it has the words that the text encoder knows. Raises WeightsError."""
    words = 1 + max(tokenizer.get_vocab().values(), default=-1)
    if not known - min(SPARE_WORDS, max(2, known // 16)) <= words <= known:
        than = "more" if words > known else "fewer"
        text = f"The tokenizer in {folder} has {than} tokens than its text_encoder: {words}, not {known}."
        raise WeightsError(f"{text} It belongs to another model.", remedy)
    longest = tokenizer.model_max_length
    if not isinstance(longest, (int, float)) or longest < FEWEST_TOKENS:
        count = f"{longest:g}" if isinstance(longest, (int, float)) else "an unknown number of"
        raise WeightsError(f"The tokenizer in {folder} takes {count} tokens.", remedy)
    return tokenizer
