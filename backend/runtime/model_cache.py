# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps loaded models between jobs."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar

import torch

from .memory import give_back

Model = TypeVar("Model")
P = ParamSpec("P")

_caches: weakref.WeakSet[ModelCache[Any, Any]] = weakref.WeakSet()


class ModelCache(Generic[P, Model]):
    """A one-entry cache of `load`, whose arguments must be hashable: new arguments drop the previous model first."""

    def __init__(self, load: Callable[P, Model]):
        self.load, self.models = load, {}
        _caches.add(self)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Model:
        if (key := (*args, *kwargs.items())) not in self.models:
            self.drop()
            self.models[key] = self.load(*args, **kwargs)
        return self.models[key]

    def reporting(self, report: Callable[..., None], *key: Any) -> Model:
        """As a call with the arguments `key`; a `load` that has to be called gets `report` besides."""
        if key not in self.models:
            self.drop()
            self.models[key] = self.load(*key, report=report)  # pyright: ignore[reportCallIssue]
        return self.models[key]

    def __contains__(self, key: tuple) -> bool:
        return key in self.models

    def drop(self) -> None:
        """Forget the model and return its memory to the system."""
        self.models.clear()
        give_back_everywhere()


def drop_models() -> None:
    """Forget the models of all caches and return their memory to the system."""
    for cache in list(_caches):
        cache.models.clear()
    give_back_everywhere()


def give_back_everywhere() -> None:
    """Collect unused tensors and return the memory that PyTorch holds in reserve on every device."""
    gc.collect()
    for name in ("cpu", "cuda", "mps"):
        if getattr(torch, name).is_available():
            give_back(torch.device(name))
