# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads One-2-3-45's networks: Zero123 and the SparseNeuS that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from ...diffusion.zero123 import Kind, Zero123
from ...interface import catalog
from ...interface.catalog import WeightsError
from ...reconstruction.sparse_neus.model import SparseNeuS
from ...runtime.devices import choose_dtype
from ...runtime.memory import free_bytes, give_back
from ...runtime.model_cache import ModelCache
from ..store import store
from ..store.store import reading_weights
from .sparse_neus import SPARSE_NEUS, load_published_sparse_neus, load_sparse_neus
from .zero123 import check_zero123, load_zero123
from .zero123_layout import find_note

STARTER = store.STARTER
RECONSTRUCTION = "one2345-sparseneus"
ROOM = 2 << 30  # bytes for the reconstruction from 32 views
REMEDY = "Choose another folder with weights, or set Weights to: starter."


@dataclass
class One2345Networks:
    """One-2-3-45's networks on one device."""

    zero123: Zero123
    sparse_neus: SparseNeuS
    device: torch.device


@ModelCache
def load_models(weights: str, device: torch.device) -> One2345Networks:
    """Load "starter", a set by its id in the catalog, or a folder or checkpoint. Raises WeightsError."""
    path, kind = find_weights(weights)
    sparse_neus = load_reconstruction(path, kind == "starter")  # first: it is small, and may be missing
    zero123 = load_novel_view(weights, device)
    return One2345Networks(zero123, sparse_neus.to(device).eval().requires_grad_(False), device)


def load_novel_view(weights: str, device: torch.device) -> Zero123:
    """Zero123 alone of a set of weights, not cached. Raises WeightsError."""
    path, kind = find_weights(weights)
    dtype = choose_dtype(device, allow_bfloat16=kind != "starter")
    return load_zero123(path, device, dtype, kind)


def check_weights(weights: str, device: torch.device) -> None:
    """Raise WeightsError for weights that do not fit, without reading numbers."""
    if weights != "starter" and (weights, device) not in load_models:
        path, kind = find_weights(weights)
        check_zero123(path, kind)


def find_weights(weights: str) -> tuple[Path, Kind | None]:
    """The file or folder of a set of weights, and its kind if the catalog or a note names it. Raises WeightsError."""
    if weights == "starter":
        return STARTER, "starter"
    known = [w.id for w in catalog.WEIGHTS]
    path = store.find(weights, known, REMEDY)
    if weights not in known:
        return path, find_note(path)
    return path, "stable-zero123" if weights.startswith("stable-zero123") else "zero123"


@reading_weights()
def load_reconstruction(path: Path, is_starter: bool) -> SparseNeuS:
    """The SparseNeuS beside the weights at `path`, else One-2-3-45's. Raises WeightsError."""
    folder = path if path.is_dir() else path.parent
    file = folder / SPARSE_NEUS
    if is_starter or file.is_file():
        return load_sparse_neus(file)
    published = catalog.weights(RECONSTRUCTION)
    beside = folder / Path(published.files[0].path).name
    if beside.is_file():
        return load_published_sparse_neus(beside)
    found = store.locate(RECONSTRUCTION)
    if found is None:
        raise WeightsError("Zero123 needs One-2-3-45's reconstruction weights.", store.get(published))
    return load_published_sparse_neus(found / published.files[0].path)


def make_room(models: One2345Networks, needed: int = ROOM) -> None:
    """Drop Zero123 after its last use in a job if fewer bytes than `needed` are free."""
    give_back(models.device)
    if free_bytes(models.device) < needed:
        models.zero123.to("meta")
        load_models.drop()
