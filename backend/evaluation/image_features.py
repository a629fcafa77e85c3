# SPDX-License-Identifier: GPL-3.0-or-later
"""Scores of sets of images by a network's features: Fréchet distances and CLIP scores, where weights are there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..interface import catalog
from ..interface.catalog import WeightsError
from ..training.lpips import weights as lpips_weights
from ..weights.loaders.clip import SET as CLIP
from ..weights.loaders.clip import read_clip_similarity
from ..weights.store import store

INCEPTION = "inception-2015-12-05.pt"  # TorchScript, as StyleGAN's authors publish it for FID
Extract = Callable[[Tensor], Tensor]
"""Images (B, 3, H, W) in 0..1 -> features (B, D)."""


def load_extractors() -> tuple[dict[str, Extract], list[str]]:
    """The networks whose weights are there, by name; and a sentence on each that is missing, and how to get it."""
    found: dict[str, Extract] = {}
    missing = []
    if lpips_weights.is_there("alexnet"):
        model = lpips_weights.load("alexnet")
        found["alexnet"] = lambda images: model.features(images)[-1].mean((2, 3))
    else:
        missing.append(f"LPIPS and the Fréchet distance of AlexNet's features: {lpips_weights.REMEDY}")
    inception = store.weights_folder() / INCEPTION
    if inception.is_file():
        found["inception"] = load_inception(inception)
    else:
        missing.append(f"FID: put {INCEPTION} (StyleGAN's metrics) into the folder of weights.")
    if (clip := store.locate(CLIP)) is not None:
        found["clip"] = read_clip_similarity(clip).see
    else:
        missing.append(f"CLIP scores: {store.get(catalog.weights(CLIP))}")
    return found, missing


def load_inception(path: Path) -> Extract:
    """The features of FID (Heusel et al. 2017), 2048 of each image. Raises WeightsError."""
    try:
        network = torch.jit.load(str(path), "cpu").eval()
    except (RuntimeError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read: {error}.", "Get the file again, or delete it.") from error
    return lambda images: network((images * 255).round().to(torch.uint8), return_features=True)


@torch.no_grad()
def extract_all(extractors: dict[str, Extract], images: list[np.ndarray]) -> dict[str, np.ndarray]:
    """The features float32 (N, D) of N images (H, W, 3) in 0..1, by each network."""
    batch = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float()
    return {name: extract(batch).float().numpy() for name, extract in extractors.items()}


def mean_cosine(features: np.ndarray, wanted: np.ndarray) -> float:
    """Mean cosine of the angles between features (N, D) and one other (D,)."""
    lengths = np.linalg.norm(features, axis=1) * np.linalg.norm(wanted)
    return float((features @ wanted / lengths).mean())


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Fréchet distance of normal distributions fitted to features (N, D) and (M, D), two of each at least.

    |mean - mean|^2 + trace(S + T - 2 sqrt(S T)), with the covariances S and T (Heusel et al. 2017, equation 6). With
    S = A'A and T = B'B, of the centred features A and B, the root's trace is the sum of the singular values of AB'.
    """
    a, b = a.astype(np.float64), b.astype(np.float64)
    apart = a.mean(0) - b.mean(0)
    a, b = ((x - x.mean(0)) / np.sqrt(len(x) - 1) for x in (a, b))
    common = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    return float((apart**2).sum() + (a**2).sum() + (b**2).sum() - 2 * common)
