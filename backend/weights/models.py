# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads the networks of a set of weights and keeps them between jobs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ..diffusion.zero123 import Zero123
from ..interface.catalog import WeightsError
from ..interface.parameters import ParameterError
from ..reconstruction.sparse_neus import SparseNeuS

STARTER = Path(__file__).parent / "starter"
REMEDY = "Choose another folder with weights, or set Weights to: starter."


@dataclass
class Models:
    """The networks of image to mesh on one device."""

    zero123: Zero123
    sparse_neus: SparseNeuS
    device: torch.device


def choose_device(name: str = "auto") -> torch.device:
    """ "auto" is the first of CUDA (or ROCm), Apple's MPS and the CPU that is there."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, is_there in there.items() if is_there)
    if not there[name]:
        raise ParameterError(f"This computer has no {name.upper()} device that PyTorch can use. Set Device to: auto.")
    return torch.device(name)


@lru_cache(maxsize=1)
def load_models(weights: str, device: torch.device) -> Models:
    """Load "starter" or a folder of the same layout; the last set stays in memory until `release`.

    Raises WeightsError. Half precision on GPUs; float32 on CPUs, most of which compute bfloat16 a hundred times slower.
    """
    folder = STARTER if weights == "starter" else Path(weights).expanduser()
    if not (folder / "unet").is_dir() or not (folder / "sparse_neus.safetensors").is_file():
        raise WeightsError(
            f"{folder} holds no weights: it needs the folder unet and the file sparse_neus.safetensors.", REMEDY
        )
    dtype = torch.float32 if device.type == "cpu" else torch.float16
    try:
        zero123 = Zero123.load(folder, device, dtype)
        resolution = json.loads((folder / "sparse_neus.json").read_text())["resolution"]
        sparse_neus = load_sparse_neus(folder / "sparse_neus.safetensors", int(resolution))
    except (OSError, KeyError, ValueError, RuntimeError, SafetensorError) as error:
        raise WeightsError(
            f"The weights in {folder} are damaged or of the wrong shape ({_first_line(error)}).", REMEDY
        ) from error
    return Models(zero123, sparse_neus.to(device).eval().requires_grad_(False), device)


def release() -> None:
    """Drop the loaded networks and give their memory back."""
    load_models.cache_clear()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def save_sparse_neus(model: SparseNeuS, folder: Path) -> None:
    """Float16 under the published names, the resolution beside it."""
    save_file(
        {k: v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()},
        folder / "sparse_neus.safetensors",
    )
    (folder / "sparse_neus.json").write_text(json.dumps({"resolution": model.resolution}))


def load_sparse_neus(file: Path, resolution: int) -> SparseNeuS:
    """Every tensor must be there in its shape, except torchsparse's counters."""
    model = SparseNeuS(resolution)
    missing, unexpected = model.load_state_dict(
        {k: v.float() if v.is_floating_point() else v for k, v in load_file(file).items()}, strict=False
    )
    wrong = [k for k in missing if not k.endswith("num_batches_tracked")] + unexpected
    if wrong:
        raise ValueError(f"{file.name}: tensor {wrong[0]} is missing or unknown")
    return model


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
