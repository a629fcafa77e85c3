# SPDX-License-Identifier: GPL-3.0-or-later
"""The model that an engine keeps between jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

from ..weights.models import release

Model = TypeVar("Model")
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
