# SPDX-License-Identifier: GPL-3.0-or-later
"""The model that an engine keeps between jobs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Generic, ParamSpec, TypeVar

import torch

from ..diffusion.stable_diffusion import TextToImage
from ..weights.loaders.one2345 import choose_dtype, release
from ..weights.loaders.subjects import give_subjects

Model = TypeVar("Model")
Painter = TypeVar("Painter", bound=TextToImage)
P = ParamSpec("P")


class Kept(Generic[P, Model]):
    """What `load` made last, for hashable arguments: it stays until others are asked for, or until it is dropped."""

    def __init__(self, load: Callable[P, Model]):
        self.load, self.models = load, {}

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Model:
        if (key := (*args, *kwargs.items())) not in self.models:
            self.drop()
            self.models[key] = self.load(*args, **kwargs)
        return self.models[key]

    def __contains__(self, key: tuple) -> bool:
        return key in self.models

    def drop(self) -> None:
        """Forget it, and give its memory back."""
        self.models.clear()
        release()


def keep_with_subjects(
    load: Callable[[str, torch.device, torch.dtype], Painter],
) -> Kept[[str, torch.device, tuple[Path, ...]], Painter]:
    """A model of weights, on a device, that knows what it has learnt of these subjects' files."""

    def load_with_subjects(weights: str, device: torch.device, subjects: tuple[Path, ...]) -> Painter:
        model = load(weights, device, torch.float32 if device.type == "cpu" else choose_dtype(device))
        give_subjects(model, list(subjects))
        return model

    return Kept(load_with_subjects)
