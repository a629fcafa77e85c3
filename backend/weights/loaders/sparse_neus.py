# SPDX-License-Identifier: GPL-3.0-or-later
"""One-2-3-45's published reconstruction weights, ckpt_215000.pth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...interface.catalog import WeightsError
from ...reconstruction.sparse_neus.model import PUBLISHED_RESOLUTION, SparseNeuS, Widths
from ..formats.compare import differences, fill, read_checkpoint

NETWORKS = ("pyramid_feature_network", "sdf_network_lod0", "rendering_network_lod0", "variance_network_lod0")
BOOKKEEPING = ("optimizer", "iter_step", "val_step")  # of the training; not needed
REMEDY = "Download the weights one2345-sparseneus again, or choose the file ckpt_215000.pth of One-2-3-45."


def load_published_sparse_neus(path: Path, resolution: int = PUBLISHED_RESOLUTION) -> SparseNeuS:
    """The four networks in a file of that layout, float32, every tensor in its place; else WeightsError.

    Widths are the file's own. `resolution`: voxels a side of the volume; the file does not say it.
    """
    content = read_checkpoint(path, REMEDY)
    others = [f"{k} is unknown" for k, v in content.items() if k not in NETWORKS + BOOKKEEPING and v is not None]
    missing = [f"{k} is missing" for k in NETWORKS if not isinstance(content.get(k), Mapping)]
    if others or missing:
        raise WeightsError(f"{path} is no SparseNeuS of One-2-3-45: {'; '.join((missing + others)[:3])}.", REMEDY)
    state = {f"{network}.{name}": tensor for network in NETWORKS for name, tensor in content[network].items()}
    models = [blank(resolution, widths) for widths in (Widths(), find_widths(state))]
    model = min(models, key=lambda m: len(differences(state, m.state_dict())))
    fill(model, state, path, REMEDY)
    return model.eval().requires_grad_(False)


def blank(resolution: int, widths: Widths) -> SparseNeuS:
    """A model without memory, to be filled."""
    with torch.device("meta"):
        return SparseNeuS(resolution, widths, "published")


def find_widths(state: Mapping[str, Any]) -> Widths:
    """The widths that a few tensors show; the published ones where those are not what they should be."""

    def size(name: str, axis: int) -> int:
        tensor = state[name]
        if not isinstance(tensor, Tensor):
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
