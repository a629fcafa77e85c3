# SPDX-License-Identifier: GPL-3.0-or-later
"""Mean scores of all objects, and how often one method is better than another."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from .image_features import frechet_distance
from .scoring import Evaluated
from .view_metrics import AZIMUTHS

BASELINES = ("slab", "box", "scaled box")
HIGHER_IS_BETTER = {
    "f_score_0.05": True,
    "f_score_0.02": True,
    "chamfer": False,
    "f_aligned": True,  # F-score at 0.05 after alignment by a similarity
    "volume_iou": True,
    "psnr": True,
    "psnr_input": True,
    "psnr_novel": True,
    "ssim": True,
    "psnr_picture": True,  # at 512 pixels, seen as the picture shows it; the others: the mesh at its true place
    **{f"psnr_{azimuth}": True for azimuth in AZIMUTHS},
    **{f"ssim_{side}": True for side in (*AZIMUTHS, "sides")},
    **{f"lpips_{side}": False for side in (*AZIMUTHS, "sides")},
    "clip_sides": True,
}
NETWORKS = ("alexnet", "inception", "clip")
FRECHET = tuple(f"frechet_{network}" for network in NETWORKS)  # over the eight sides of all objects
ROWS = (*HIGHER_IS_BETTER, *FRECHET)


def summarise(objects: list[Evaluated], runs: list[str]) -> dict[str, Any]:
    """Mean scores of every method, shares of objects for which each run beats each baseline and each run before it,
    and the scores of each object."""
    methods = objects[0].scores
    mean = {method: means(objects, method) | frechet(objects, method) for method in methods}
    pairs = [(run, baseline) for run in runs for baseline in BASELINES if baseline in methods]
    pairs += [(later, earlier) for earlier, later in combinations(runs, 2)]
    wins = {f"{method} than {other}": wins_shares(objects, method, other) for method, other in pairs}
    each = [{"name": one.name, **one.scores} for one in objects]
    return {"objects": len(objects), "mean": mean, "better_than": wins, "each": each}


def means(objects: list[Evaluated], method: str) -> dict[str, float]:
    """Mean of every score that all objects have."""
    values = {k: [o.scores[method][k] for o in objects if k in o.scores[method]] for k in HIGHER_IS_BETTER}
    return {key: float(np.mean(found)) for key, found in values.items() if len(found) == len(objects)}


def frechet(objects: list[Evaluated], method: str) -> dict[str, float]:
    """Fréchet distances between the sides of a method's meshes and of the true objects, by each network that has
    looked."""
    found = {}
    for network, name in zip(NETWORKS, FRECHET, strict=True):
        if all({f"{network} {method}", f"{network} truth"} <= one.features.keys() for one in objects):
            sides = (np.concatenate([one.features[f"{network} {m}"] for one in objects]) for m in (method, "truth"))
            found[name] = frechet_distance(*sides)
    return found


def wins_shares(objects: list[Evaluated], method: str, other: str) -> dict[str, float]:
    """Share of objects for which a method's score beats the other's, of every score that both have."""
    shares = {}
    for key, higher in HIGHER_IS_BETTER.items():
        pairs = [(o.scores[method].get(key), o.scores[other].get(key)) for o in objects]
        if all(None not in pair for pair in pairs):
            shares[key] = float(np.mean([a > b if higher else a < b for a, b in pairs]))  # pyright: ignore
    return shares
