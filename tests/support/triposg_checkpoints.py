# SPDX-License-Identifier: GPL-3.0-or-later
"""TripoSG in its published layout at small widths, every tensor made by a rule from its name; and what the published
code computes with it.

TRIPOSG_PARITY names a folder with other specifications and numbers to test against in place of ours.
"""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.support import DATA

FOLDER = Path(os.environ.get("TRIPOSG_PARITY") or DATA / "triposg")
PARTS = {  # folder of the release -> specification, stem of the file, where the specification has its config
    "transformer": ("dit", "diffusion_pytorch_model", "args"),
    "vae": ("vae", "diffusion_pytorch_model", "args"),
    "image_encoder_dinov2": ("image_cond", "model", "config"),
}
# The body that `shaped` makes is where f = cos 2x + cos 4y + cos 2z + 0.3 sin z > 2, in TripoSG's own frame: its front
# (+z) is longer than its back. The decoder's inputs are [x, y, z, sines, cosines], eight of each axis.
WAVES = {27 + 1: 1.0, 27 + 8 + 2: 1.0, 27 + 16 + 1: 1.0, 3 + 16: 0.3}
LEVEL = 2.0


def spec(name: str) -> dict[str, Any]:
    """The specification of "dit", "vae" or "image_cond"."""
    return json.loads((FOLDER / f"{name}.spec.json").read_text())


def recorded(name: str) -> dict[str, Tensor]:
    """Inputs and outputs of the published code."""
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
        return {key: torch.from_numpy(file[key]) for key in file.files}


def tensors(name: str) -> dict[str, Tensor]:
    """The tensors of a specification: normal numbers of the given mean and deviation, by generators that their names
    seed."""
    found = spec(name)
    made = {}
    for key, shape, _, mean, deviation in found["tensors"]:
        draw = np.random.default_rng(zlib.crc32(f"{found['seed']}:{key}".encode()))
        made[key] = torch.from_numpy(np.asarray(mean + deviation * draw.standard_normal(shape), np.float32))
    return made


def write(folder: Path, **changed: dict[str, Tensor]) -> Path:
    """The release's folder; changed: tensors of parts by their specifications' names."""
    for part, (name, stem, config) in PARTS.items():
        (folder / part).mkdir(parents=True)
        (folder / part / "config.json").write_text(json.dumps(spec(name)[config]))
        save_file(changed.get(name) or tensors(name), folder / part / f"{stem}.safetensors")
    return folder


def shaped() -> dict[str, Tensor]:
    """The VAE with a field that is the body's, whatever the latents.

    1. Its query hands [f, -f, 1, -1, 0 ...] on: what the block's layers add to it is multiplied by zero.
    2. Their mean is 0, so that the last norm divides by the deviation, sqrt((2 f^2 + 2) / width), and keeps the sign.
    3. The output is the first of them, negated twice.
    """
    state, depth = tensors("vae"), spec("vae")["args"]["num_layers_decoder"]
    silent = (f"decoder.blocks.{depth}.attn2.to_out.", f"decoder.blocks.{depth}.ff.net.2.", "decoder.norm_out.bias")
    emptied = (*silent, "decoder.proj_query.", "decoder.proj_out.")
    state |= {key: torch.zeros_like(value) for key, value in state.items() if key.startswith(emptied)}
    state["decoder.norm_out.weight"] = torch.ones_like(state["decoder.norm_out.weight"])
    weight, bias = state["decoder.proj_query.weight"], state["decoder.proj_query.bias"]
    for wave, factor in WAVES.items():
        weight[0, wave], weight[1, wave] = factor, -factor
    bias[:4] = torch.tensor([-LEVEL, LEVEL, 1, -1])
    state["decoder.proj_out.weight"][0, 0] = -1
    return state


def body(points: Tensor) -> Tensor:
    """f - LEVEL at points (..., 3) of TripoSG's own frame, positive inside the body."""
    x, y, z = points.unbind(-1)
    return (2 * x).cos() + (4 * y).cos() + (2 * z).cos() + 0.3 * z.sin() - LEVEL
