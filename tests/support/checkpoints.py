# SPDX-License-Identifier: GPL-3.0-or-later
"""Small checkpoints in the layouts of published ones.

MVDREAM_PARITY names a folder with another spec.json and outputs.npz to test MVDream against in place of ours.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tests.support import DATA
from tests.support.zero123_rule import SPEC, read_spec, rule

SPARSE_NEUS = json.loads((DATA / "one2345_spec.json").read_text())  # {network: {tensor's name: shape}}
MVDREAM_OTHER = os.environ.get("MVDREAM_PARITY")
MVDREAM = read_spec("mvdream", MVDREAM_OTHER)
LETTERS, TOKENS = [*"abcdefghijklmnopqrstuvwxyz!"], 12  # CLIP's vocabulary, and the longest prompt

# The box that `boxed_lrm` builds, in tokens: 8 x 8 x 8 of them fill the cube [-1/2, 1/2]^3 of an LRM's own world.
BOX = {"x": slice(5, 7), "y": slice(2, 4), "z": slice(1, 7)}
SLOPE, BIAS = 40.0, -30.0  # density is SLOPE n + 2.4 BIAS where n planes hold 1
NORMED_0, NORMED_1 = -0.126, 7.937  # a layer norm of one 1 among 64 channels: (x - 1 / 64) / 0.124 for x = 0 and 1


def sparse_neus_checkpoint(networks: dict[str, dict[str, Tensor]] | None = None) -> dict:
    """ckpt_215000.pth of One-2-3-45 with tensors made by a rule from their names, or with the given networks."""
    made = {n: {k: rule(f"{n}.{k}", shape, 0) for k, shape in spec.items()} for n, spec in SPARSE_NEUS.items()}
    return {"optimizer": {"state": {}, "param_groups": []}, "iter_step": 215000, "val_step": 0} | (networks or made)


def recorded_lrm(name: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """A small "triposr", "openlrm" or "openlrm10" checkpoint, and what the published code computes with it."""
    with np.load(DATA / f"lrm_{name}.npz", allow_pickle=False) as file:
        tensors = {key: torch.from_numpy(file[key]) for key in file.files}
    return {k: v for k, v in tensors.items() if k[0] != "_"}, {k[1:]: v for k, v in tensors.items() if k[0] == "_"}


def boxed_lrm(name: str, slope: float = SLOPE, bias: float = BIAS) -> dict[str, Tensor]:
    """A recorded "triposr" or "openlrm" checkpoint, changed so that whatever image it is shown becomes a red box.

    1. Channel 0 of the three planes holds the box's shadows: 1 inside, 0 outside.
    2. The transformer passes the tokens on: what its layers add is multiplied by zero.
    3. The upsampling copies channel 0 and zeroes the seven others.
    4. The decoder's hidden unit 0 adds the planes up and multiplies: h = slope n. Inside the box n is 3. Outside it is
       at most 1, because two shadows imply the third; across a face n falls from 3 to 1.
    5. The decoder's outputs are density h + 2.4 bias, red h - 50, green and blue 50 - h before their activations.
       With the defaults density is 120 - 72 = 48 inside, 40 - 72 = -32 or -72 outside, and 0 where n = 1.8, near the
       middle of a face's slope.
    """
    state, _ = recorded_lrm(name)
    is_triposr = name == "triposr"
    planes = torch.zeros(3, 8, 8)
    for plane, axes in zip(planes, ("xy", "xz", "yz" if is_triposr else "zy"), strict=True):
        plane[BOX[axes[1]], BOX[axes[0]]] = 1  # rows run along the second axis
    if is_triposr:
        state |= pass_triposr_tokens(state, planes)
        up, decoder, width, low, high = "post_processor.upsample", "decoder.layers", 16, 0.0, 1.0
    else:
        state |= pass_openlrm_tokens(state, planes)
        up, decoder, width, low, high = "upsampler", "synthesizer.decoder.net", 64, NORMED_0, NORMED_1
    state |= map_channel_0(up, low, high)
    state = {key: value for key, value in state.items() if not key.startswith(decoder)}
    return state | box_decoder(decoder, width, slope, bias)


def pass_triposr_tokens(state: dict[str, Tensor], planes: Tensor) -> dict[str, Tensor]:
    """TripoSR's transformer adds proj_out(...) to its input, so with proj_out = 0 the input is the output."""
    tokens = torch.zeros(3, 64, 8, 8)
    tokens[:, 0] = planes
    silent = {key: torch.zeros_like(value) for key, value in state.items() if key.startswith("backbone.proj_out")}
    return silent | {"tokenizer.embeddings": tokens}


def pass_openlrm_tokens(state: dict[str, Tensor], planes: Tensor) -> dict[str, Tensor]:
    """OpenLRM's layers add to their input, too, but a layer norm follows. So that it treats all tokens alike, channel 1
    holds 1 - plane: each token is a single 1 among 64 channels, with mean 1/64 and deviation 0.124."""
    silenced = ("out_proj.weight", "mlp.3.weight", "mlp.3.bias")  # out_proj has no bias
    silent = {k: torch.zeros_like(v) for k, v in state.items() if ".layers." in k and k.endswith(silenced)}
    tokens = torch.zeros(1, 192, 64)
    tokens[0, :, 0], tokens[0, :, 1] = planes.flatten(), 1 - planes.flatten()
    norm = {"transformer.norm.weight": torch.ones(64), "transformer.norm.bias": torch.zeros(64)}
    return silent | norm | {"pos_embed": tokens}


def map_channel_0(up: str, low: float, high: float) -> dict[str, Tensor]:
    """An upsampling of 64 to 8 channels whose channel 0 is channel 0 of its input, mapped from low..high to 0..1."""
    weight, bias = torch.zeros(64, 8, 2, 2), torch.zeros(8)
    weight[0, 0], bias[0] = 1 / (high - low), -low / (high - low)
    return {f"{up}.weight": weight, f"{up}.bias": bias}


def box_decoder(decoder: str, width: int, slope: float, bias: float) -> dict[str, Tensor]:
    """Two layers: 24 inputs, 8 channels of each plane -> `width` hidden units, all but one 0 -> density and colour."""
    first, last = torch.zeros(width, 24), torch.zeros(4, width)
    first[0, [0, 8, 16]] = slope
    last[:, 0] = torch.tensor([1.0, 1.0, -1.0, -1.0])
    return {
        f"{decoder}.0.weight": first,
        f"{decoder}.0.bias": torch.zeros(width),
        f"{decoder}.2.weight": last,
        f"{decoder}.2.bias": torch.tensor([2.4 * bias, -50.0, 50.0, 50.0]),
    }


@cache
def mvdream_checkpoint(seed: int = MVDREAM["seed"]) -> dict[str, Tensor]:
    """All tensors of a .pt file: the recorded UNet, Zero123's auto-encoder, OpenCLIP's text encoder of three blocks."""
    state = {key: rule(key, shape, seed) for key, shape in MVDREAM["tensors"]}
    state |= {key: rule(key, shape, seed) for key, shape in SPEC["tensors"] if key.startswith("first_stage_model.")}
    width, words = MVDREAM["reduced"]["context_dim"], 2 * len(LETTERS) + 2
    texts = {"cond_stage_model.model." + key: shape for key, shape in open_clip_shapes(width, words, 3)}
    state |= {key: rule(key, shape, seed) for key, shape in texts.items()}
    return state | {"betas": torch.ones(1000), "alphas_cumprod": torch.ones(1000)}


def open_clip_shapes(width: int, words: int, blocks: int) -> Iterator[tuple[str, list[int]]]:
    """Names and shapes of OpenCLIP's text encoder, including the tensors that Stable Diffusion does not read."""
    yield from (("token_embedding.weight", [words, width]), ("positional_embedding", [TOKENS, width]))
    yield from (("text_projection", [width, width]), ("logit_scale", []), ("attn_mask", [TOKENS, TOKENS]))
    yield from ((f"ln_final.{kind}", [width]) for kind in ("weight", "bias"))
    for i in range(blocks):
        for name, shape in (
            ("attn.in_proj_", [3 * width, width]),
            ("attn.out_proj.", [width, width]),
            ("mlp.c_fc.", [4 * width, width]),
            ("mlp.c_proj.", [width, 4 * width]),
            ("ln_1.", [width]),
            ("ln_2.", [width]),
        ):
            yield f"transformer.resblocks.{i}.{name}weight", shape
            yield f"transformer.resblocks.{i}.{name}bias", shape[:1]


def write_clip_words(folder: Path) -> None:
    """CLIP's vocabulary files with single letters alone, "!" being number 0."""
    words = [*LETTERS, *(letter + "</w>" for letter in LETTERS)]
    words = [*sorted(words, key=lambda word: word != "!"), "<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
