# SPDX-License-Identifier: GPL-3.0-or-later
# transformers annotates its models loosely.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false
"""Captions of images by BLIP (Li et al. 2022), if its weights are installed."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ..diffusion.clip_similarity import normalise
from ..interface import catalog
from ..interface.catalog import WeightsError
from ..interface.errors import one_line
from ..runtime.images import on_white, to_bytes
from ..weights.formats.transformers_folder import load_network
from ..weights.loaders.stable_diffusion import check_tokenizer
from ..weights.store import store

SET = "blip-base"
ANYTHING = "an object"  # the caption without BLIP
MAX_TOKENS = 20
REMEDY = "Download the weights again, or fill in Description."
PHRASES = (  # phrases that do not describe the object
    (r"^(there is|this is|here is)\s+", ""),
    (r"\b(an? )?close[- ]?up( (photo|picture|image|view))?( of)?\s*", ""),
    (
        r",?\s*\b(is |are )?((sitting|standing) )?(on|against|in front of|with) (a |an |the )?"
        r"(plain |solid )?(white|black|gr[ae]y) (background|surface|backdrop)\b",
        "",
    ),
)


def describe(rgba: np.ndarray, own: str, device: torch.device) -> tuple[str, str]:
    """RGBA float32 (H, W, 4), straight alpha -> a caption, and a note for the result's facts.

    own: the user's own caption, which is preferred. Raises WeightsError for damaged weights.
    """
    if own.strip():
        return own.strip(), ""
    folder = store.locate(SET)
    if folder is None:
        remedy = store.get(catalog.weights(SET))
        return ANYTHING, f'Without a description, "{ANYTHING}" was taken. Fill in Description, or: {remedy}'
    return tidy(caption(rgba, folder, device)) or ANYTHING, ""


@torch.no_grad()
def caption(rgba: np.ndarray, folder: Path, device: torch.device) -> str:
    """BLIP's caption of an image on white. Raises WeightsError."""
    from transformers import BertTokenizer, BlipForConditionalGeneration

    network = load_network(folder, BlipForConditionalGeneration, REMEDY).to(device)
    side = network.config.vision_config.image_size
    small = Image.fromarray(to_bytes(on_white(rgba))).resize((side, side), Image.Resampling.BICUBIC)
    pictures = normalise(torch.from_numpy(np.asarray(small, np.float32) / 255).permute(2, 0, 1)[None].to(device))
    words = network.generate(pixel_values=pictures, max_new_tokens=MAX_TOKENS)
    try:
        tokenizer = BertTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # the tokenizers library has exceptions of its own
        raise WeightsError(f"The tokenizer in {folder} cannot be read: {one_line(error)}.", REMEDY) from error
    check_tokenizer(tokenizer, network.config.text_config.vocab_size, folder, REMEDY)
    return tokenizer.decode(words[0], skip_special_tokens=True)


def tidy(sentence: str) -> str:
    """A caption as a prompt: without words about the photograph."""
    sentence = " ".join(sentence.lower().split())
    for pattern, replacement in PHRASES:
        sentence = re.sub(pattern, replacement, sentence)
    return sentence.strip(" .,")
