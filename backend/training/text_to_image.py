# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers and transformers annotate their models loosely.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false
"""Training of the text starter, a small Stable Diffusion, on rendered views and prompts like "a red car, back view"."""

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

WIDTH = 96  # of the text encoder and the cross-attention
MAX_TOKENS = 16  # per prompt, start and end included
DROP_ALL, DROP_COLOR, DROP_VIEW = 0.1, 0.25, 0.15  # shares of prompts without any word, the colour, the side
TURNS = 3  # cyclic channel permutations, so that any object can have any colour
MIN_OBJECTS = 15  # per noun
WHITE = 250  # pixels brighter in all channels are background
NOUNS = {  # noun in prompts by word in a mesh's name; other words are not used
    word: noun
    for noun, words in {
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
    """The prompt noun of the last known word in a mesh's name: "simpleCarHigh" is a car."""
    words = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    return next((NOUNS[w] for w in re.sub("[^A-Za-z]+", " ", words).lower().split()[::-1] if w in NOUNS), None)


def color_name(rgb: np.ndarray) -> str:
    """Plain English name of a colour (3,), 0..255."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(float(v) / 255 for v in rgb))
    if value < 0.2:
        return "black"
    if saturation < 0.18:
        return "white" if value > 0.85 else "grey"
    name = next((name for limit, name in HUES if 360 * hue < limit), "red")
    dark = saturation * value < 0.45 if name in ("red", "yellow") else value < 0.68
    return "brown" if dark and name in ("red", "orange", "yellow") else name


def main_color(images: np.ndarray) -> str:
    """Most frequent colour name in images on white uint8 (N, H, W, 3), a chromatic one if it covers a third."""
    pixels = images.reshape(-1, 3)
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
    """The plain views with permuted channels as an array (N, TURNS, VIEWPOINTS, S, S, 3) for `Latents`."""

    def __init__(self, views: Views):
        self.images = self
        self.views = views.images
        self.shape = (len(views.images), TURNS, *views.images.shape[2:])

    def __getitem__(self, index: tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
        i, turn, k = index
        channels = (np.arange(3) + turn[:, None]) % 3
        return np.take_along_axis(self.views[i, PLAIN, k], channels[:, None, None], -1)


def read_names(meshes: Path) -> dict[str, str]:
    """Names of the meshes by id, from the index; {} without an index, as a file's name is its id."""
    index = meshes / "index.json"
    return {e["id"]: e.get("name", e["id"]) for e in json.loads(index.read_text())} if index.is_file() else {}


def describe_objects(views: Views, names: dict[str, str], least: int = MIN_OBJECTS) -> dict[int, list[str]]:
    """Descriptions like "red car" for each of TURNS, by training object whose noun at least `least` objects share."""
    nouns = {i: noun(names.get(views.names[i], views.names[i])) for i in views.select(validation=False)}
    recolored = Recolored(views)
    viewpoints = np.arange(0, VIEWPOINTS, 3)
    counts = Counter(nouns.values())

    def describe(i: int, turn: int) -> str:
        index = np.full(len(viewpoints), i), np.full(len(viewpoints), turn), viewpoints
        return f"{main_color(recolored[index])} {nouns[i]}"

    frequent = [i for i, name in nouns.items() if name and counts[name] >= least]
    return {i: [describe(i, turn) for turn in range(TURNS)] for i in frequent}


def draw_prompt(words: str, azimuth: float, elevation: float, rng: np.random.Generator) -> str:
    """A prompt for one view of "red car", with colour, side or all words dropped at random."""
    if rng.random() < DROP_ALL:
        return ""
    words = words.split()[-1] if rng.random() < DROP_COLOR else words
    prompt = f"{'an' if words[0] in 'aeiou' else 'a'} {words}"
    return prompt if rng.random() < DROP_VIEW else view_prompt(prompt, side(azimuth, elevation))


def make_tokenizer(words: list[str]) -> CLIPTokenizer:
    """A CLIP tokenizer with byte pair merges such that each of these words is one token."""
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
    return CLIPTokenizer(vocabulary, [tuple(pair) for pair in model["merges"]], model_max_length=MAX_TOKENS)


class TextToImage(nn.Module):
    """The trained networks: text encoder and UNet."""

    def __init__(self, tokens: int, start: int, end: int, channels: int, size: int):
        super().__init__()
        self.text_encoder = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=tokens,
                hidden_size=WIDTH,
                intermediate_size=2 * WIDTH,
                num_hidden_layers=2,
                num_attention_heads=4,
                max_position_embeddings=MAX_TOKENS,
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
    """Train with the v-prediction loss, as Stable Diffusion 2; returns the averaged weights and the tokenizer."""
    torch.manual_seed(0)
    described = describe_objects(views, names)
    vocabulary = [word for texts in described.values() for text in texts for word in text.split()]
    tokenizer = make_tokenizer([*vocabulary, *COLORS, *SIDES, "a", "an", "view", ","])
    latents = Latents(vae.requires_grad_(False), Recolored(views), folder)
    model = TextToImage(len(tokenizer), tokenizer.bos_token_id, tokenizer.eos_token_id, *latents.stored.shape[3:5]).to(
        device
    )
    model.unet.to(memory_format=torch.channels_last)
    scheduler: DDIMScheduler = make_scheduler("v_prediction")
    objects = np.array(sorted(described))
    scale = float(vae.config.scaling_factor)

    def loss(rng):
        i, turn = rng.choice(objects, batch), rng.integers(TURNS, size=batch)
        k = rng.integers(VIEWPOINTS, size=batch)
        k -= k % 2 * (turn > 0)  # half of the views suffice for the colours, and encoding takes time
        angles = views.poses[i, PLAIN, k]
        prompts = [draw_prompt(described[j][c], *a[:2], rng) for j, c, a in zip(i, turn, angles, strict=True)]
        tokens = tokenizer(prompts, padding="max_length", truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
        clean = latents((i, turn, k)) * scale
        t = torch.from_numpy(rng.integers(1000, size=batch)).to(device)
        noise = torch.randn_like(clean)
        output = model(scheduler.add_noise(clean, noise, t), t, tokens.input_ids.to(device))
        return {"v": F.mse_loss(output, scheduler.get_velocity(clean, noise, t))}

    return train(model, loss, folder, steps, lr=1e-3), tokenizer


def save(model: TextToImage, tokenizer: CLIPTokenizer, folder: Path) -> None:
    """Save in Stable Diffusion's layout, float16, without the auto-encoder, which is the image starter's."""
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
