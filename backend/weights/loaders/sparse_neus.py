# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads SparseNeuS: the starter's, and One-2-3-45's published ckpt_215000.pth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from ...interface.catalog import WeightsError
from ...interface.files import read_json
from ...reconstruction.sparse_neus.model import PUBLISHED_RESOLUTION, SparseNeuS, Widths
from ..formats.checkpoint import StoredTensor, read_file
from ..formats.compare import find_differences, refuse_differences, wanted_shapes
from ..formats.fill import fill

NETWORKS = ("pyramid_feature_network", "sdf_network_lod0", "rendering_network_lod0", "variance_network_lod0")
BOOKKEEPING = ("optimizer", "iter_step", "val_step")  # the training's state, not read
SPARSE_NEUS = "sparse_neus.safetensors"  # the starter's file; the resolution lies beside it as JSON
LARGEST_RESOLUTION = 512  # voxels a side
STARTER_REMEDY = "Choose another folder with weights, or set Weights to: starter."
REMEDY = "Download the weights one2345-sparseneus again, or choose the file ckpt_215000.pth of One-2-3-45."


def save_sparse_neus(model: SparseNeuS, folder: Path) -> None:
    """Write the starter: float16 under the published names, the resolution beside it."""
    state = {k: v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()}
    save_file(state, folder / SPARSE_NEUS)
    (folder / SPARSE_NEUS).with_suffix(".json").write_text(json.dumps({"resolution": model.resolution}))


def load_sparse_neus(file: Path) -> SparseNeuS:
    """The starter in float32. Raises WeightsError."""
    stored = read_file(file, STARTER_REMEDY)
    resolution = (read_json(file.with_suffix(".json")) or {}).get("resolution")
    if type(resolution) is not int or not 0 < resolution <= LARGEST_RESOLUTION:
        raise WeightsError(f"{file.with_suffix('.json')} names no resolution.", STARTER_REMEDY)
    model = SparseNeuS(resolution)
    differences = find_differences(stored, wanted_shapes(model))
    refuse_differences(differences, f"{file} does not fit SparseNeuS", STARTER_REMEDY)
    fill(model, stored, file, STARTER_REMEDY)
    return model


def load_published_sparse_neus(path: Path, resolution: int = PUBLISHED_RESOLUTION) -> SparseNeuS:
    """One-2-3-45's four networks in float32. WeightsError unless all tensors fit.

    Widths are inferred. resolution: voxels along a side of the volume, which the file does not hold.
    """
    content = read_file(path, REMEDY)
    others = [f"{k} is unknown" for k, v in content.items() if k not in NETWORKS + BOOKKEEPING and v is not None]
    missing = [f"{k} is missing" for k in NETWORKS if not isinstance(content.get(k), dict)]
    refuse_differences(missing + others, f"{path} is no SparseNeuS of One-2-3-45", REMEDY)
    state = {f"{network}.{name}": tensor for network in NETWORKS for name, tensor in content[network].items()}
    models = [blank(resolution, widths) for widths in (Widths(), find_widths(state))]
    differences = [find_differences(state, wanted_shapes(model)) for model in models]
    least = min(differences, key=len)
    model = models[differences.index(least)]
    refuse_differences(least, f"{path} does not fit SparseNeuS", REMEDY)
    fill(model, state, path, REMEDY)
    return model.eval().requires_grad_(False)


def blank(resolution: int, widths: Widths) -> SparseNeuS:
    """A model on the "meta" device, to be filled."""
    with torch.device("meta"):
        return SparseNeuS(resolution, widths, "published")


def find_widths(state: Mapping[str, Any]) -> Widths:
    """The widths inferred from a few tensors; the published ones if these are missing or invalid."""

    def size(name: str, axis: int) -> int:
        tensor = state[name]
        if not isinstance(tensor, StoredTensor):
            raise KeyError(name)
        return tensor.shape[axis]

    sdf = "sdf_network_lod0."
    try:
        a, b, c, d = (size(f"{sdf}sparse_costreg_net.conv{i}.net.0.kernel", -1) for i in (0, 1, 3, 5))
        return Widths(
            size("pyramid_feature_network.conv0.0.conv.weight", 0),
            size(f"{sdf}compress_layer.conv.weight", 0),
            (a, b, c, d),
            size(f"{sdf}sdf_layer.lin0.bias", 0),
            (size(f"{sdf}sdf_layer.lin0.weight_v", 1) - 3) // 6,
        )
    except (KeyError, IndexError):
        return Widths()
