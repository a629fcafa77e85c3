# SPDX-License-Identifier: GPL-3.0-or-later
# transformers annotates its models loosely.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false
"""Depth of an image, up to scale and offset, by Depth Anything V2 (Yang et al. 2024) or DPT (Ranftl et al. 2021)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..interface import catalog
from ..interface.catalog import WeightsError
from ..interface.files import read_json
from ..runtime.images import on_white
from ..weights.formats.transformers_folder import load_network, read_config
from ..weights.store import store

SETS = ("depth-anything-v2-large", "depth-anything-v2-base", "depth-anything-v2-small", "dpt-large")  # best first
REMEDY = "Download the weights again, or remove them to go on without depth."
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
LARGEST_SIDE = 1024  # pixels that a network's config may ask for


def estimate_depth(rgba: np.ndarray, device: torch.device) -> tuple[Tensor | None, str]:
    """RGBA float32 (S, S, 4), straight alpha, of the object alone -> (S, S) or None, and a note for the result's facts.

    Raises WeightsError for damaged weights.
    """
    folder = next(filter(None, map(store.locate, SETS)), None)
    if folder is None:
        remedy = store.get(catalog.weights("depth-anything-v2-small"))
        return None, f"Depth was not estimated: its weights are not installed. {remedy}"
    return relative_depth(rgba, folder, device), ""


@torch.no_grad()
def relative_depth(rgba: np.ndarray, folder: Path, device: torch.device) -> Tensor:
    """The network's negative disparity, at the image's size (H, W). Raises WeightsError.

    Within one object it is nearly linear in depth; the inverse of a disparity with an unknown offset is not.
    """
    import transformers

    is_dpt = (read_json(folder / "config.json") or {}).get("model_type") == "dpt"
    kind = transformers.DPTForDepthEstimation if is_dpt else transformers.DepthAnythingForDepthEstimation
    network = load_network(folder, kind, REMEDY).to(device)
    config = read_config(folder / "preprocessor_config.json", REMEDY)
    picture = torch.from_numpy(on_white(rgba)).permute(2, 0, 1)[None].to(device)
    small = F.interpolate(picture, (side(config),) * 2, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
    mean, deviation = (
        small.new_tensor(three(config, name, usual, folder)).view(3, 1, 1)
        for name, usual in zip(("image_mean", "image_std"), IMAGENET, strict=True)
    )
    disparity = network((small - mean) / deviation).predicted_depth
    return -F.interpolate(disparity[None].float(), picture.shape[2:], mode="bilinear", align_corners=False)[0, 0]


def three(config: dict[str, Any], name: str, usual: tuple[float, ...], folder: Path) -> list[float]:
    """The numbers for red, green and blue under `name`, the usual ones where it is missing. WeightsError."""
    numbers = config.get(name, list(usual))
    sound = isinstance(numbers, list) and len(numbers) == 3 and all(type(n) in (int, float) for n in numbers)
    if not sound or not all(0 <= n < 256 for n in numbers) or (name == "image_std" and 0 in numbers):
        raise WeightsError(f"{folder}/preprocessor_config.json has an unusable {name}.", REMEDY)
    return numbers


def side(config: dict[str, Any]) -> int:
    """The network's input size in pixels, a multiple of its patch size."""
    size = config.get("size")
    size = size.get("height") if isinstance(size, dict) else size
    whole = config.get("ensure_multiple_of") or 1
    size, whole = (
        v if isinstance(v, int) and 1 <= v <= LARGEST_SIDE else usual for v, usual in ((size, 384), (whole, 1))
    )
    return max(whole, size // whole * whole)
