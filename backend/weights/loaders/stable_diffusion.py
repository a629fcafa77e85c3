# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers and transformers annotate their models loosely.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportAssignmentType=false, reportOperatorIssue=false
"""Loads text-conditioned diffusion models from diffusers' folders, safetensors alone: Stable Diffusion 1 and 2, and
DeepFloyd IF's first stage.

The networks are built from their configs, without memory; then names and shapes are compared, then numbers are read.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer, T5Config, T5EncoderModel, T5Tokenizer

from ...diffusion.mvdream import MultiView
from ...diffusion.stable_diffusion import TextToImage
from ...interface import catalog
from ...interface.catalog import WeightsError
from ..formats.checkpoint import StoredTensor, read_file
from ..formats.sentence_pieces import read_sentence_pieces
from ..store import store

REMEDY = "Choose a folder of Stable Diffusion in diffusers' layout, or set Weights to: starter-text."
STEMS = {"text_encoder": "model", "unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model"}
LARGEST_CONFIG = 1 << 24  # bytes; tokenizers take a few million of them
MOST_TIMESTEPS = 10_000
SCHEDULE = (
    "num_train_timesteps beta_start beta_end beta_schedule trained_betas prediction_type rescale_betas_zero_snr "
    "timestep_spacing steps_offset set_alpha_to_one thresholding dynamic_thresholding_ratio sample_max_value "
    "clip_sample clip_sample_range"
).split()
TIED = {"encoder.embed_tokens.weight", "shared.weight"}  # T5's names for one tensor: files hold one of them, or both
IGNORED = "position_ids"  # a buffer that old versions of transformers wrote
VOCABULARIES: tuple[set[str], ...] = ({"tokenizer.json"}, {"vocab.json", "merges.txt"}, {"spiece.model"})
NAMED = 3  # differences told


def load_text_to_image(weights: str, device: torch.device, dtype: torch.dtype) -> TextToImage:
    """Of a set's id in the catalog, or a folder; on the device, in `dtype`. Raises WeightsError."""
    folder = find_text_weights(weights)
    networks = empty_networks(folder)
    stored = {name: read_part(folder_of(folder, name), name, dtype != torch.float32) for name in networks}
    for name, network in networks.items():
        stored[name] = compare(folder, name, network, stored[name])
    tokenizer, scheduler = read_tokenizer(folder, networks["text_encoder"]), read_scheduler(folder)
    for name, network in networks.items():
        fill(folder, name, network, stored[name], dtype)
    kind = MultiView if networks["unet"].class_embedding is not None else TextToImage
    model = (
        kind(networks["unet"], networks.get("vae"), networks["text_encoder"], tokenizer, scheduler)
        .eval()
        .requires_grad_(False)
    )
    model.unet.to(memory_format=torch.channels_last)
    return model.to(device)


def check_text_weights(weights: str) -> None:
    """Refuse weights that do not fit, without reading a number. Raises WeightsError."""
    folder = find_text_weights(weights)
    for name, network in empty_networks(folder).items():
        compare(folder, name, network, read_part(folder_of(folder, name), name, False))


def find_text_weights(weights: str) -> Path:
    """Where a set lies. Raises WeightsError."""
    known = [w.id for w in catalog.WEIGHTS if w.part == "text"]
    folder = store.find(weights, known, REMEDY)
    if not (folder / "unet" / "config.json").is_file():
        raise WeightsError(f"{folder} holds no Stable Diffusion: there is no unet/config.json in it.", REMEDY)
    return folder


def folder_of(folder: Path, part: str) -> Path:
    """The text starter's auto-encoder is the image starter's."""
    return store.STARTER / part if folder == store.STARTER_TEXT and part == "vae" else folder / part


def empty_networks(folder: Path) -> dict[str, nn.Module]:
    """The networks as their configs describe them, without memory. Raises WeightsError."""
    configs = {name: read_json(folder_of(folder, name) / "config.json") for name in STEMS}
    wanted = configs["unet"].get("encoder_hid_dim") or configs["unet"].get("cross_attention_dim")
    is_t5 = configs["text_encoder"].get("model_type") == "t5"
    try:
        with init_empty_weights(include_buffers=False):
            networks: dict[str, nn.Module] = {
                "unet": UNet2DConditionModel.from_config(configs["unet"]),
                "text_encoder": T5EncoderModel(T5Config(**configs["text_encoder"]))
                if is_t5
                else CLIPTextModel(CLIPTextConfig(**configs["text_encoder"])),
            }
            if configs["vae"]:
                networks["vae"] = AutoencoderKL.from_config(configs["vae"])
    except Exception as error:  # whatever diffusers and transformers make of a strange config
        text = f"{folder} describes no model that this version knows: {first_line(error)}"
        raise WeightsError(text, REMEDY) from error
    unet, width = networks["unet"].config, networks["text_encoder"].config.hidden_size
    if width != wanted:
        raise WeightsError(f"{folder} does not fit together: the text has {width} numbers, not {wanted}.", REMEDY)
    channels = networks["vae"].config.latent_channels if "vae" in networks else 3
    if unet.in_channels != channels or unet.out_channels not in (channels, 2 * channels):
        text = f"{folder} makes no picture from a prompt alone: its UNet takes {unet.in_channels} channels"
        raise WeightsError(f"{text}, not {channels}.", REMEDY)
    return networks


def read_part(folder: Path, part: str, half: bool) -> dict[str, StoredTensor]:
    """The tensors of one network, of one file or of several. Raises WeightsError."""
    for variant in (".fp16", "") if half else ("", ".fp16"):
        whole = folder / f"{STEMS[part]}{variant}.safetensors"
        pieces = [whole] if whole.is_file() else sorted(folder.glob(f"{STEMS[part]}{variant}-*-of-*.safetensors"))
        pieces += [] if pieces else sorted(folder.glob(f"{STEMS[part]}-*-of-*{variant}.safetensors"))
        if pieces:
            return {str(name): tensor for piece in pieces for name, tensor in read_file(piece).items()}
    what = "only pickles, which are not read" if any(folder.glob("*.bin")) else "no weights"
    raise WeightsError(f"{folder} holds {what}: it needs {STEMS[part]}.safetensors.", REMEDY)


def compare(folder: Path, part: str, network: nn.Module, stored: dict[str, StoredTensor]) -> dict[str, StoredTensor]:
    """The stored tensors by the network's names. WeightsError with the first differences."""
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    stored = {modern(name, wanted): tensor for name, tensor in stored.items() if not name.endswith(IGNORED)}
    if tied := next((stored[name] for name in TIED if name in stored), None):
        stored |= {name: tied for name in TIED & wanted.keys()}
        stored = {name: tensor for name, tensor in stored.items() if name not in TIED - wanted.keys()}
    told = [f"{name} is missing" for name in sorted(wanted.keys() - stored.keys())]
    told += [f"{name[:200]} is unknown" for name in sorted(stored.keys() - wanted.keys())]
    told += [
        f"{name} is {list(stored[name].shape)}, not {list(shape)}"
        for name, shape in wanted.items()
        if name in stored and stored[name].shape != shape
    ]
    if told:
        more = f" and {len(told) - NAMED} more" if len(told) > NAMED else ""
        raise WeightsError(f"{folder} does not fit its {part}'s config: {'; '.join(told[:NAMED])}{more}.", REMEDY)
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


def fill(folder: Path, part: str, network: nn.Module, stored: dict[str, StoredTensor], dtype: torch.dtype) -> None:
    """Read the numbers, one tensor in memory at a time. WeightsError if one is none."""
    state = {}
    for name, tensor in stored.items():
        state[name] = tensor.read().to(dtype, copy=True).reshape(tensor.shape)
        if not state[name].isfinite().all():
            raise WeightsError(f"{folder} is damaged: {part}'s {name} holds values that are not numbers.", REMEDY)
    network.load_state_dict(state, assign=True)


def read_scheduler(folder: Path) -> DDIMScheduler:
    """The training's schedule with DDIM's steps. Raises WeightsError."""
    config = read_json(folder / "scheduler" / "scheduler_config.json")
    told = {name: config[name] for name in SCHEDULE if name in config}
    told.setdefault("clip_sample", False)  # Stable Diffusion's own scheduler, which has no such setting, does not
    steps = told.get("num_train_timesteps", 1000)
    try:
        if type(steps) is not int or not 10 <= steps <= MOST_TIMESTEPS:
            raise ValueError(f"{steps} training steps")
        if told.get("prediction_type", "epsilon") not in ("epsilon", "v_prediction"):
            raise ValueError(f"it predicts {told['prediction_type']}")
        scheduler = DDIMScheduler(**told)
        if not (scheduler.alphas_cumprod.isfinite() & (scheduler.alphas_cumprod >= 0)).all():
            raise ValueError("its noise is no number")
        return scheduler
    except Exception as error:  # whatever diffusers makes of a strange config
        raise WeightsError(f"{folder} has a noise schedule that is not known: {first_line(error)}", REMEDY) from error


def read_tokenizer(folder: Path, encoder: nn.Module) -> Any:
    """From files that run nothing. Raises WeightsError."""
    kind = T5Tokenizer if isinstance(encoder, T5EncoderModel) else CLIPTokenizer
    there = {file.name for file in (folder / "tokenizer").glob("*.*")}
    if not any(there >= needed for needed in VOCABULARIES):
        raise WeightsError(f"{folder} has no tokenizer: its folder tokenizer lacks tokenizer.json.", REMEDY)
    try:
        if "tokenizer.json" not in there and "spiece.model" in there:
            words, characters = read_sentence_pieces(folder / "tokenizer" / "spiece.model")
            tokenizer = T5Tokenizer(words, _spm_precompiled_charsmap=characters)
        else:
            tokenizer = kind.from_pretrained(folder / "tokenizer", local_files_only=True)
    except Exception as error:  # the tokenizers library has exceptions of its own
        raise WeightsError(f"{folder} has no tokenizer that can be read: {first_line(error)}", REMEDY) from error
    if len(tokenizer) > encoder.config.vocab_size:
        raise WeightsError(f"{folder} has a tokenizer of more words than its text encoder knows.", REMEDY)
    return tokenizer


def read_json(file: Path) -> dict[str, Any]:
    """{} where there is none. Raises WeightsError."""
    try:
        with file.open("rb") as stream:
            content = json.loads(stream.read(LARGEST_CONFIG))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(f"{file} cannot be read: {first_line(error)}", REMEDY) from error
    if not isinstance(content, dict):
        raise WeightsError(f"{file} is no description of a network.", REMEDY)
    return content


def first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
