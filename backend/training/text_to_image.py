# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers and transformers annotate their models loosely.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false
"""Trains the text starter: Stable Diffusion in small, on rendered views and such prompts as "a red car, back view"."""

from __future__ import annotations

import colorsys
import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from ..diffusion.sampling import make_scheduler
from ..diffusion.view_prompts import SIDES, side, view_prompt
from .loop import train
from .novel_view import Latents
from .views import PLAIN, VIEWPOINTS, Views

WIDTH = 96  # of the text encoder and of the cross-attention
LONGEST = 16  # tokens of a prompt, its start and end included
DROP_ALL, DROP_COLOR, DROP_VIEW = 0.1, 0.25, 0.15  # shares of prompts without
TURNS = 3  # red, green and blue take turns, so that any thing can have any colour
FEWEST = 15  # objects that share a noun
WHITE = 250  # pixels all of whose channels are brighter are background
NOUNS = {  # what a word in a mesh's name is called in prompts; words that are not here are no prompts
    word: said
    for said, words in {
        "alien": "alien",
        "apple": "apple",
        "axe": "axe",
        "barrel": "barrel",
        "bed": "bed",
        "bench": "bench",
        "book": "book",
        "bowl": "bowl",
        "box": "box cube crate",
        "bridge": "bridge",
        "bush": "bush",
        "cactus": "cactus",
        "candle": "candle",
        "car": "car",
        "carrot": "carrot",
        "chair": "chair",
        "character": "character chr cop female male mob",
        "chest": "chest",
        "coin": "coin",
        "column": "column pillar",
        "computer": "computer",
        "corn": "corn",
        "crystal": "crystal",
        "desk": "desk",
        "door": "door",
        "fence": "fence",
        "fish": "fish shark",
        "flag": "banner flag",
        "flower": "flower flowers",
        "fridge": "fridge",
        "gravestone": "grave gravestone",
        "gun": "gun pistol rifle smg sniper",
        "heart": "heart",
        "house": "barn house houses",
        "key": "key",
        "lamp": "lamp lantern",
        "lettuce": "lettuce",
        "mountain": "mountain",
        "mushroom": "mushroom",
        "plane": "airplane plane",
        "planet": "planet",
        "plant": "houseplant plant",
        "plate": "plate",
        "potion": "potion",
        "pumpkin": "pumpkin",
        "rock": "asteroid rock rocks",
        "shelf": "bookcase bookshelf shelf",
        "shield": "shield",
        "ship": "boat ship",
        "sign": "sign",
        "skeleton": "skeleton",
        "skull": "skull",
        "sofa": "couch sofa",
        "spaceship": "craft saucer spaceship",
        "stairs": "stairs",
        "star": "star",
        "stool": "stool",
        "stove": "stove",
        "sword": "claymore dagger sword",
        "table": "kitchentable table",
        "tank": "tank",
        "tomato": "tomato",
        "torch": "torch",
        "tower": "tower",
        "train": "train",
        "tree": "birch palm pine tree trees willow",
        "truck": "truck",
        "window": "window",
    }.items()
    for word in words.split()
}
HUES = ((15, "red"), (42, "orange"), (68, "yellow"), (165, "green"), (255, "blue"), (295, "purple"), (342, "pink"))
COLORS = (*(name for _, name in HUES), "brown", "black", "grey", "white")


def noun(name: str) -> str | None:
    """The last word of a mesh's name that prompts know: "simpleCarHigh" is a car."""
    words = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    return next((NOUNS[w] for w in re.sub("[^A-Za-z]+", " ", words).lower().split()[::-1] if w in NOUNS), None)


def color_name(rgb: np.ndarray) -> str:
    """A plain word for a colour, three numbers 0..255."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(float(v) / 255 for v in rgb))
    if value < 0.2:
        return "black"
    if saturation < 0.18:
        return "white" if value > 0.85 else "grey"
    said = next((name for limit, name in HUES if 360 * hue < limit), "red")
    dark = saturation * value < 0.45 if said in ("red", "yellow") else value < 0.68
    return "brown" if dark and said in ("red", "orange", "yellow") else said


def main_color(pictures: np.ndarray) -> str:
    """The colour word of most pixels on white pictures uint8 (N, H, W, 3); one of a true colour, where a third is."""
    pixels = pictures.reshape(-1, 3)
    pixels = pixels[(pixels <= WHITE).any(-1)]
    if not len(pixels):
        return "white"
    counts = np.bincount((pixels // 16).astype(int) @ (256, 16, 1))
    votes: Counter[str] = Counter()
    for cell in np.flatnonzero(counts):
        votes[color_name(np.array([cell >> 8, cell >> 4 & 15, cell & 15]) * 16.0 + 8)] += int(counts[cell])
    colorful = [(v, c) for c, v in votes.items() if c not in ("black", "grey", "white")]
    best = max(colorful, default=(0, ""))
    return best[1] if best[0] >= len(pixels) / 3 else max((v, c) for c, v in votes.items())[1]


class Recolored:
    """The plain views with their channels turned: (N, TURNS, VIEWPOINTS, S, S, 3), as Latents asks for them."""

    def __init__(self, views: Views):
        self.images = self
        self.pictures = views.images
        self.shape = (len(views.images), TURNS, *views.images.shape[2:])

    def __getitem__(self, index: tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
        i, turn, k = index
        channels = (np.arange(3) + turn[:, None]) % 3
        return np.take_along_axis(self.pictures[i, PLAIN, k], channels[:, None, None], -1)


def read_names(meshes: Path) -> dict[str, str]:
    """The meshes' names by their ids, from the index; {} without one: a file's own name is its id."""
    index = meshes / "index.json"
    return {e["id"]: e.get("name", e["id"]) for e in json.loads(index.read_text())} if index.is_file() else {}


def describe_objects(views: Views, names: dict[str, str], least: int = FEWEST) -> dict[int, list[str]]:
    """By object of the training split whose noun at least so many have: "red car" for each of TURNS."""
    found = {i: noun(names.get(views.names[i], views.names[i])) for i in views.select(validation=False)}
    recolored = Recolored(views)
    some = np.arange(0, VIEWPOINTS, 3)
    counts = Counter(found.values())
    return {
        i: [f"{main_color(recolored[np.full(len(some), i), np.full(len(some), t), some])} {n}" for t in range(TURNS)]
        for i, n in found.items()
        if n and counts[n] >= least
    }


def draw_prompt(words: str, azimuth: float, elevation: float, rng: np.random.Generator) -> str:
    """A prompt for one view of "red car": sometimes without its colour, its side, or any word at all."""
    if rng.random() < DROP_ALL:
        return ""
    words = words.split()[-1] if rng.random() < DROP_COLOR else words
    prompt = f"{'an' if words[0] in 'aeiou' else 'a'} {words}"
    return prompt if rng.random() < DROP_VIEW else view_prompt(prompt, side(azimuth, elevation))


def make_tokenizer(words: list[str]) -> CLIPTokenizer:
    """CLIP's byte pairs, so many of them that each of these words is one token."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pairs = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    pairs.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(
        vocab_size=1 << 16, min_frequency=1, end_of_word_suffix="</w>", initial_alphabet=alphabet, show_progress=False
    )
    pairs.train_from_iterator(sorted(set(words)), trainer)
    model = json.loads(pairs.to_str())["model"]
    tokens = list(model["vocab"]) + alphabet + [letter + "</w>" for letter in alphabet]
    vocabulary = {token: i for i, token in enumerate(dict.fromkeys([*tokens, "<|startoftext|>", "<|endoftext|>"]))}
    return CLIPTokenizer(vocabulary, [tuple(pair) for pair in model["merges"]], model_max_length=LONGEST)


class TextToImage(nn.Module):
    """The two networks that are trained."""

    def __init__(self, tokens: int, start: int, end: int, channels: int, size: int):
        super().__init__()
        self.text_encoder = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=tokens,
                hidden_size=WIDTH,
                intermediate_size=2 * WIDTH,
                num_hidden_layers=2,
                num_attention_heads=4,
                max_position_embeddings=LONGEST,
                hidden_act="quick_gelu",
                bos_token_id=start,
                eos_token_id=end,
                pad_token_id=end,
            )
        )
        self.unet = UNet2DConditionModel(
            sample_size=size,
            in_channels=channels,
            out_channels=channels,
            block_out_channels=(48, 64, 96),
            layers_per_block=1,
            down_block_types=("CrossAttnDownBlock2D",) * 3,
            up_block_types=("CrossAttnUpBlock2D",) * 3,
            cross_attention_dim=WIDTH,
            attention_head_dim=4,
            norm_num_groups=16,
        )

    def forward(self, noisy: Tensor, t: Tensor, tokens: Tensor) -> Tensor:
        return self.unet(noisy, t, self.text_encoder(tokens).last_hidden_state).sample


def train_text_to_image(
    vae: AutoencoderKL,
    views: Views,
    names: dict[str, str],
    folder: Path,
    steps: int,
    batch: int = 32,
    device: str = "cpu",
) -> tuple[TextToImage, CLIPTokenizer]:
    """v-prediction loss on views' latents, as Stable Diffusion 2 is trained; returns averaged weights."""
    torch.manual_seed(0)
    described = describe_objects(views, names)
    said = [word for words in described.values() for text in words for word in text.split()]
    tokenizer = make_tokenizer([*said, *COLORS, *SIDES, "a", "an", "view", ","])
    latents = Latents(vae.requires_grad_(False), Recolored(views), folder)
    model = TextToImage(len(tokenizer), tokenizer.bos_token_id, tokenizer.eos_token_id, *latents.stored.shape[3:5]).to(
        device
    )
    model.unet.to(memory_format=torch.channels_last)
    scheduler: DDIMScheduler = make_scheduler("v_prediction")
    objects, scale = np.array(sorted(described)), float(vae.config.scaling_factor)

    def loss(rng):
        i, turn = rng.choice(objects, batch), rng.integers(TURNS, size=batch)
        k = rng.integers(VIEWPOINTS, size=batch)
        k -= k % 2 * (turn > 0)  # half of the views are enough for the colours, and encoding them takes time
        angles = views.poses[i, PLAIN, k]
        prompts = [draw_prompt(described[j][c], *a[:2], rng) for j, c, a in zip(i, turn, angles, strict=True)]
        tokens = tokenizer(prompts, padding="max_length", truncation=True, max_length=LONGEST, return_tensors="pt")
        clean = latents((i, turn, k)) * scale
        t, noise = torch.from_numpy(rng.integers(1000, size=batch)).to(device), torch.randn_like(clean)
        output = model(scheduler.add_noise(clean, noise, t), t, tokens.input_ids.to(device))
        return {"v": F.mse_loss(output, scheduler.get_velocity(clean, noise, t))}

    return train(model, loss, folder, steps, lr=1e-3), tokenizer


def save(model: TextToImage, tokenizer: CLIPTokenizer, folder: Path) -> None:
    """Stable Diffusion's layout, float16; the auto-encoder, which the image starter has, is not repeated."""
    model.half()
    model.unet.save_pretrained(folder / "unet")
    model.text_encoder.save_pretrained(folder / "text_encoder")
    tokenizer.save_pretrained(folder / "tokenizer")
    make_scheduler("v_prediction").save_pretrained(folder / "scheduler")
    parts = {"scheduler": "DDIMScheduler", "unet": "UNet2DConditionModel", "vae": "AutoencoderKL"}
    texts = {"text_encoder": "CLIPTextModel", "tokenizer": "CLIPTokenizer"}
    index: dict[str, object] = {"_class_name": "StableDiffusionPipeline"}
    index |= {name: ["diffusers", kind] for name, kind in parts.items()}
    index |= {name: ["transformers", kind] for name, kind in texts.items()}
    (folder / "model_index.json").write_text(json.dumps(index, indent=2))
