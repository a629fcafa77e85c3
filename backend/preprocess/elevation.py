# SPDX-License-Identifier: GPL-3.0-or-later
"""The input camera's elevation from four generated neighbours of its view (One-2-3-45, section 3.2; after ID-Pose).

LoFTR matches the four images. Their cameras are known except for one angle, for which the matches agree best.
Angles here are polar, from +Z downwards: 90 degrees minus the elevation.
"""

from __future__ import annotations

from copy import deepcopy
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from scipy.spatial import KDTree
from torch import Tensor, nn

from ..interface import catalog
from ..rendering.cameras import orbit
from ..weights.formats.checkpoint import read_file, tensors_in
from ..weights.formats.compare import find_differences, refuse_differences, wanted_shapes
from ..weights.formats.fill import fill
from ..weights.store import store

SIDE, FOCAL, DISTANCE = 256, 280.0, 1.2  # pixels, pixels, world units
LOFTR_SIDE = 480
NEIGHBOURS = ((-10, 0), (10, 0), (0, -10), (0, 10))  # (polar, azimuth) from the view in their middle
WHITE = 245  # pixels are background if all of their channels are brighter
NEAR = 1.0  # pixels; matches that start closer together start at one point
LOFTR = catalog.weights("one2345-elevation")
REMEDY = "Download the weights one2345-elevation again, or switch Find Elevation off and set Elevation."

Matches = dict[tuple[int, int], np.ndarray]  # (i, j) -> x_i, y_i, x_j, y_j, confidence (M, 5), in pixels of SIDE


class Track(NamedTuple):
    """The matches (M, 5) of images i and j; for each other image, which of them continue there, and where."""

    i: int
    j: int
    pair: np.ndarray
    seen: list[tuple[int, np.ndarray, np.ndarray]]


def find_loftr() -> Path | None:
    """The file of LoFTR's weights, None if it is not installed."""
    folder = store.locate(LOFTR.id)
    return folder / LOFTR.files[0].path if folder else None


def load_loftr(path: Path, device: torch.device) -> nn.Module:
    """kornia's LoFTR with the weights of indoor_ds_new.ckpt. WeightsError."""
    from kornia.feature import LoFTR
    from kornia.feature.loftr.loftr import default_cfg

    config = deepcopy(default_cfg)
    config["coarse"]["temp_bug_fix"] = True
    stored = tensors_in(read_file(path, REMEDY), "state_dict")
    stored = {name.removeprefix("matcher."): tensor for name, tensor in stored.items()}
    model = LoFTR(pretrained=None, config=config)
    refuse_differences(find_differences(stored, wanted_shapes(model)), f"{path} does not fit LoFTR", REMEDY)
    fill(model, stored, path, REMEDY)
    return model.to(device).eval().requires_grad_(False)


@torch.no_grad()
def match(model: nn.Module, views: np.ndarray, device: torch.device) -> Matches:
    """uint8 RGB (4, S, S, 3) on white, in the order of NEIGHBOURS -> the matches of every pair on the object."""
    features = [model.extract_features(g) for g in to_gray(views).to(device).split(1)]  # pyright: ignore[reportCallIssue]
    masks: np.ndarray = np.any(views <= WHITE, axis=-1)
    matches = {}
    for i, j in combinations(range(len(views)), 2):
        found = model({"features0": features[i], "features1": features[j]})
        starts, ends = (found[f"keypoints{k}"].cpu().numpy() * (SIDE / LOFTR_SIDE) for k in (0, 1))
        keep = lies_in(masks[i], starts) & lies_in(masks[j], ends)
        confidence = found["confidence"].cpu().numpy()
        matches[i, j] = np.concatenate([starts, ends, confidence[:, None]], 1)[keep].astype(np.float64)
    return matches


def to_gray(views: np.ndarray) -> Tensor:
    """uint8 RGB (N, S, S, 3) -> grey (N, 1, 480, 480) in 0..1; 8 bits at every step, as OpenCV has it."""
    gray = torch.from_numpy(np.rint(views @ np.array([0.299, 0.587, 0.114]))).float()[:, None]
    gray = F.interpolate(gray, (LOFTR_SIDE, LOFTR_SIDE), mode="bilinear", align_corners=False)
    return gray.round() / 255


def lies_in(mask: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Whether points (M, 2), x and y in pixels of SIDE, lie on the object: mask (S, S) -> bool (M,)."""
    x, y = np.clip(points * (len(mask) / SIDE), 0, len(mask) - 1).astype(int).T
    return mask[y, x]


def estimate_polar(matches: Matches) -> int | None:
    """The polar angle of the view in the middle, in whole degrees from 20 to 149; None where a pair has no matches."""
    if any(not len(found) for found in matches.values()):
        return None
    tracks = follow(matches)
    best = min(range(30, 150, 10), key=lambda polar: disagreement(tracks, polar))
    return min(range(best - 10, best + 10), key=lambda polar: disagreement(tracks, polar))


def follow(matches: Matches) -> list[Track]:
    """Matches of two pictures and, in the other two, those that start at the same place."""
    both = matches | {(j, i): found[:, [2, 3, 0, 1, 4]] for (i, j), found in matches.items()}
    tracks = []
    for start in range(3):  # as released: the fourth picture is never the first
        i, j, *others = ((start + k) % 4 for k in range(4))
        pair, seen = both[i, j], []
        for k in others:
            gap, nearest = map(np.asarray, KDTree(both[i, k][:, :2]).query(pair[:, :2]))
            seen.append((k, gap < NEAR, both[i, k][nearest[gap < NEAR]]))
        tracks.append(Track(i, j, pair, seen))
    return tracks


def disagreement(tracks: list[Track], polar: float) -> float:
    """By how many pixels points that two pictures agree upon miss their matches in the other two."""
    cameras = [projection(polar + p, azimuth) for p, azimuth in NEIGHBOURS]
    total = 0.0
    for track in tracks:
        points = triangulate(cameras[track.i], cameras[track.j], track.pair[:, :2], track.pair[:, 2:4])
        for k, same, rows in track.seen:
            if len(rows):
                miss = np.linalg.norm(rows[:, 2:4] - project(cameras[k], points[same]), axis=1)
                total += float((miss * rows[:, 4]).sum() / rows[:, 4].sum())
    return total


def projection(polar: float, azimuth: float) -> np.ndarray:
    """World to pixels (3, 4)."""
    world_to_camera = np.diag([1.0, -1, -1, 1]) @ np.linalg.inv(orbit(azimuth, 90 - polar, DISTANCE).double().numpy())
    return np.array([[FOCAL, 0, SIDE / 2], [0, FOCAL, SIDE / 2], [0, 0, 1]]) @ world_to_camera[:3]


def project(camera: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (M, 3) -> pixels (M, 2)."""
    x = points @ camera[:, :3].T + camera[:, 3]
    return x[:, :2] / x[:, 2:]


def triangulate(first: np.ndarray, second: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The points (M, 3) seen at pixels a and b (M, 2): the direct linear transform (Hartley and Zisserman, 12.2)."""
    rows = [p[:, k, None] * camera[2] - camera[k] for camera, p in ((first, a), (second, b)) for k in (0, 1)]
    point = np.linalg.svd(np.stack(rows, 1))[2][:, -1]
    return point[:, :3] / point[:, 3:]
