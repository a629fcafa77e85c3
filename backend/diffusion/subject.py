# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers and transformers annotate their models loosely.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportOptionalMemberAccess=false
# pyright: reportCallIssue=false, reportOptionalCall=false, reportOperatorIssue=false, reportIndexIssue=false
"""A subject that a multi-view model has learnt from a few photos (DreamBooth): a new word, and changes of the UNet's
weights, in full or as products of two low-rank matrices (LoRA, Hu et al. 2022)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from .stable_diffusion import TextToImage

NAME = re.compile(r"<[a-z0-9][a-z0-9_-]{0,39}>")
ATTENTION = re.compile(r".*\.attn[12]\.to_(q|k|v|out\.0)")  # what a LoRA changes
DOWN, UP = ".down", ".up"  # suffixes of a weight's name


class LowRank(nn.Module):
    """A weight (out, ...) plus up (out, rank) @ down (rank, in), which is zero at first."""

    def __init__(self, weight: Tensor, rank: int, generator: torch.Generator):
        super().__init__()
        inputs = weight[0].numel()
        rank = min(rank, inputs, len(weight))
        self.down = nn.Parameter(torch.randn(rank, inputs, generator=generator).to(weight.device) / inputs**0.5)
        self.up = nn.Parameter(torch.zeros(len(weight), rank, device=weight.device))

    def change(self) -> Tensor:
        return self.up @ self.down

    def forward(self, weight: Tensor) -> Tensor:
        return weight + self.change().to(weight.dtype).view_as(weight)


@dataclass
class Subject:
    """name: the new word, such as "<gnome>". kind: the kind of object in known words. word (D,): its embedding.

    changes: by names of the UNet's parameters, with the suffixes DOWN and UP for low-rank matrices.
    """

    name: str
    kind: str
    word: Tensor
    changes: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(f"{self.name[:60]!r} is not a name like <gnome> (small letters, digits, - and _)")

    def check(self, model: TextToImage) -> None:
        """ValueError unless it fits this model."""
        shapes = {name: parameter.shape for name, parameter in model.unet.named_parameters()}
        width = model.text_encoder.config.hidden_size
        if self.word.shape != (width,):
            raise ValueError(f"its word has {self.word.numel()} numbers, not {width}")
        for name, change in self.changes.items():
            own = name.removesuffix(DOWN).removesuffix(UP)
            if own not in shapes:
                raise ValueError(f"{name[:200]} is unknown")
            wide, fits = shapes[own], change.shape == shapes[own]
            if own != name:
                up, down = (self.changes.get(own + end, self.word) for end in (UP, DOWN))
                fits = up.ndim == down.ndim == 2 and up.shape[1] == down.shape[0]
                fits = fits and (up.shape[0], down.shape[1]) == (wide[0], wide[1:].numel())
            if not fits:
                raise ValueError(f"{name} is {list(change.shape)}, which does not fit {list(wide)}")

    @torch.no_grad()
    def give(self, model: TextToImage) -> None:
        """Add the subject to a model, so that prompts can name it. ValueError unless it fits."""
        self.check(model)
        add_word(model, self.name, self.word)
        parameters = dict(model.unet.named_parameters())
        for name, change in self.changes.items():
            if name.endswith(DOWN):
                own = name.removesuffix(DOWN)
                change = self.changes[own + UP].float() @ change.float()
                parameters[own] += change.to(parameters[own]).view_as(parameters[own])
            elif not name.endswith(UP):
                parameters[name] += change.to(parameters[name])


def add_word(model: TextToImage, name: str, word: Tensor | None = None, kind: str = "") -> int:
    """Add a word to the tokenizer and the text encoder, and return its number.

    Without an embedding `word` it gets the mean embedding of the words of `kind`, or of all words.
    """
    words = model.tokenizer(kind, add_special_tokens=False).input_ids if kind else []
    table = model.text_encoder.get_input_embeddings().weight
    if word is None:
        word = (table[words] if words else table).mean(0)
    model.tokenizer.add_tokens([name])
    number = model.tokenizer.convert_tokens_to_ids(name)
    model.text_encoder.resize_token_embeddings(max(number + 1, len(table)), mean_resizing=False)
    with torch.no_grad():
        model.text_encoder.get_input_embeddings().weight[number] = word.to(table)
    return number


def adapt(unet: nn.Module, rank: int, seed: int = 0) -> dict[str, LowRank]:
    """Add low-rank matrices to all attention layers; returns them by the names of the weights that they change."""
    generator, added = torch.Generator().manual_seed(seed), {}
    for name, module in list(unet.named_modules()):
        if ATTENTION.fullmatch(name):
            added[f"{name}.weight"] = LowRank(module.weight, rank, generator)
            parametrize.register_parametrization(module, "weight", added[f"{name}.weight"])
    return added


def drift(changes: list[Tensor]) -> Tensor:
    """Mean absolute change of all parameters (): MVDream's parameter preservation (section 3.4)."""
    return torch.stack([change.abs().sum() for change in changes]).sum() / sum(change.numel() for change in changes)
