# SPDX-License-Identifier: GPL-3.0-or-later
# transformers annotates its models loosely.
# pyright: reportArgumentType=false
"""Loads what judges how alike pictures are: a published CLIP, or the starter's own picture encoder."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import CLIPTextModelWithProjection, CLIPTokenizer, CLIPVisionModelWithProjection

from ...diffusion.clip_similarity import Likeness
from ...interface import catalog
from ...interface.catalog import WeightsError
from ...interface.errors import one_line
from ..formats.transformers_folder import load_network
from ..store import store

SET = "clip-vit-base-patch16"
REMEDY = "Download the weights again, or remove them: the starter's picture encoder then takes their place."
STARTER = "Pictures were compared by the starter's own small encoder, which knows no words, in the place of CLIP."


def load_likeness(device: torch.device) -> tuple[Likeness, str]:
    """The judge that is here, and a note for the report. Raises WeightsError."""
    folder = store.locate(SET)
    if folder is not None:
        return read_likeness(folder).to(device), ""
    return starter_likeness().to(device), f"{STARTER} {store.get(catalog.weights(SET))}"


def starter_likeness() -> Likeness:
    return Likeness(load_network(store.STARTER / "image_encoder", CLIPVisionModelWithProjection, REMEDY))


def read_likeness(folder: Path) -> Likeness:
    """A folder of CLIP with both halves. Raises WeightsError."""
    vision, text = (
        load_network(folder, half, REMEDY) for half in (CLIPVisionModelWithProjection, CLIPTextModelWithProjection)
    )
    try:
        tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # the tokenizers library has exceptions of its own
        raise WeightsError(f"{folder} has no tokenizer that can be read: {one_line(error)}.", REMEDY) from error
    return Likeness(vision, text, tokenizer)
