# SPDX-License-Identifier: GPL-3.0-or-later
# transformers annotates its models loosely.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false
"""Loads CLIP, or in its place the starter's own image encoder, to compare images."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import CLIPTextModelWithProjection, CLIPTokenizer, CLIPVisionModelWithProjection

from ...diffusion.clip_similarity import ClipSimilarity
from ...interface import catalog
from ...interface.catalog import WeightsError
from ...interface.errors import one_line
from ..formats.transformers_folder import load_network
from ..store import store
from .stable_diffusion import check_tokenizer

SET = "clip-vit-base-patch16"
REMEDY = "Download the weights again, or remove them to use the starter's image encoder instead."
STARTER_NOTE = "Without CLIP, images were compared by the starter's small encoder, and not with text."


def load_clip_similarity(device: torch.device) -> tuple[ClipSimilarity, str]:
    """CLIP if it is installed, else the starter's encoder, and a note for the result's facts. Raises WeightsError."""
    folder = store.locate(SET)
    if folder is not None:
        return read_clip_similarity(folder).to(device), ""
    return starter_clip_similarity().to(device), f"{STARTER_NOTE} {store.get(catalog.weights(SET))}"


def starter_clip_similarity() -> ClipSimilarity:
    return ClipSimilarity(load_network(store.STARTER / "image_encoder", CLIPVisionModelWithProjection, REMEDY))


def read_clip_similarity(folder: Path) -> ClipSimilarity:
    """CLIP with both encoders from a folder. Raises WeightsError."""
    vision, text = (
        load_network(folder, half, REMEDY) for half in (CLIPVisionModelWithProjection, CLIPTextModelWithProjection)
    )
    try:
        tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # the tokenizers library has exceptions of its own
        raise WeightsError(f"The tokenizer in {folder} cannot be read: {one_line(error)}.", REMEDY) from error
    return ClipSimilarity(vision, text, check_tokenizer(tokenizer, text.config.vocab_size, folder, REMEDY))
