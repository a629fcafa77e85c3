# SPDX-License-Identifier: GPL-3.0-or-later
# transformers annotates its models loosely.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false
"""How far away each part of a picture is, up to scale and offset: Depth Anything V2 (Yang et al. 2024) or DPT (Ranftl
et al. 2021), whichever is here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..interface import catalog
from ..runtime.files import read_json
from ..runtime.images import on_white
from ..weights.formats.transformers_folder import load_network
from ..weights.store import store

SETS = ("depth-anything-v2-large", "depth-anything-v2-base", "depth-anything-v2-small", "dpt-large")  # best first
REMEDY = "Download the weights again, or remove them: the depth is then not estimated."
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
MOST = 1024  # pixels a side that a network may ask for


def estimate_depth(rgba: np.ndarray, device: torch.device) -> tuple[Tensor | None, str]:
    """RGBA float32 (S, S, 4), straight alpha, of the object alone -> (S, S) or None, and a note for the report.

    Raises WeightsError for damaged weights.
    """
    folder = next(filter(None, map(store.locate, SETS)), None)
    if folder is None:
        remedy = store.get(catalog.weights("depth-anything-v2-small"))
        return None, f"The depth of the picture was not estimated, because no weights for it are here. {remedy}"
    return relative_depth(rgba, folder, device), ""


@torch.no_grad()
def relative_depth(rgba: np.ndarray, folder: Path, device: torch.device) -> Tensor:
    """Minus the network's disparity, at the picture's size (H, W).

    Within one object minus disparity runs nearly straight with depth, which the inverse of a disparity of unknown
    offset does not. Raises WeightsError.
    """
    import transformers

    is_dpt = (read_json(folder / "config.json") or {}).get("model_type") == "dpt"
    kind = transformers.DPTForDepthEstimation if is_dpt else transformers.DepthAnythingForDepthEstimation
    network = load_network(folder, kind, REMEDY).to(device)
    told = read_json(folder / "preprocessor_config.json") or {}
    picture = torch.from_numpy(on_white(rgba)).permute(2, 0, 1)[None].to(device)
    small = F.interpolate(picture, (side(told),) * 2, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
    mean, deviation = (
        small.new_tensor(told.get(name) or usual).view(3, 1, 1)
        for name, usual in zip(("image_mean", "image_std"), IMAGENET, strict=True)
    )
    disparity = network((small - mean) / deviation).predicted_depth
    return -F.interpolate(disparity[None].float(), picture.shape[2:], mode="bilinear", align_corners=False)[0, 0]


def side(told: dict[str, Any]) -> int:
    """Pixels a side that the network wants, a multiple of its patches."""
    size = told.get("size")
    size = size.get("height") if isinstance(size, dict) else size
    whole = told.get("ensure_multiple_of") or 1
    size, whole = (v if isinstance(v, int) and 1 <= v <= MOST else usual for v, usual in ((size, 384), (whole, 1)))
    return max(whole, size // whole * whole)
