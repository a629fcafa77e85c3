# SPDX-License-Identifier: GPL-3.0-or-later
# transformers annotates its models loosely.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false
"""What a picture shows, in words, by BLIP (Li et al. 2022) where its weights are here."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ..interface import catalog
from ..runtime.images import on_white, to_bytes
from ..weights.formats.transformers_folder import load_network
from ..weights.store import store

SET = "blip-base"
ANYTHING = "an object"  # what is said of a picture where nobody can tell
LONGEST = 20  # words, or parts of them
MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)  # CLIP's
REMEDY = "Download the weights again, or write what the picture shows yourself, as Description."
PHRASES = (  # what says nothing of the object
    (r"^(there is|this is|here is)\s+", ""),
    (r"\b(an? )?close[- ]?up( (photo|picture|image|view))?( of)?\s*", ""),
    (
        r",?\s*\b(is |are )?((sitting|standing) )?(on|against|in front of|with) (a |an |the )?"
        r"(plain |solid )?(white|black|gr[ae]y) (background|surface|backdrop)\b",
        "",
    ),
)


def describe(rgba: np.ndarray, told: str, device: torch.device) -> tuple[str, str]:
    """RGBA float32 (H, W, 4), straight alpha -> a caption, and a note for the report; `told`, the user's own words,
    wins. Raises WeightsError for damaged weights.
    """
    if told.strip():
        return told.strip(), ""
    folder = store.locate(SET)
    if folder is None:
        remedy = store.get(catalog.weights(SET))
        return ANYTHING, f'Nobody said what the picture shows, so "{ANYTHING}" had to do. Write it, or: {remedy}'
    return tidy(caption(rgba, folder, device)) or ANYTHING, ""


@torch.no_grad()
def caption(rgba: np.ndarray, folder: Path, device: torch.device) -> str:
    """BLIP's sentence about a picture on white. Raises WeightsError."""
    from transformers import BertTokenizer, BlipForConditionalGeneration

    network = load_network(folder, BlipForConditionalGeneration, REMEDY).to(device)
    side = network.config.vision_config.image_size
    small = Image.fromarray(to_bytes(on_white(rgba))).resize((side, side), Image.Resampling.BICUBIC)
    pixels = (np.asarray(small, np.float32) / 255 - MEAN) / DEVIATION
    pictures = torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None].to(device)
    words = network.generate(pixel_values=pictures, max_new_tokens=LONGEST)
    return BertTokenizer.from_pretrained(folder, local_files_only=True).decode(words[0], skip_special_tokens=True)


def tidy(sentence: str) -> str:
    """A caption as a prompt: without what tells of the photograph and not of the object."""
    sentence = " ".join(sentence.lower().split())
    for pattern, replacement in PHRASES:
        sentence = re.sub(pattern, replacement, sentence)
    return sentence.strip(" .,")
