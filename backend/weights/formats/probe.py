# SPDX-License-Identifier: GPL-3.0-or-later
"""Infers a network's sizes from the tensors that are stored for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .checkpoint import StoredTensor
from .names import Origin, Shape


class Probe:
    """Asks for stored tensors by the network's own names; `origin` tells where each of them lies."""

    def __init__(self, tensors: Mapping[str, StoredTensor], origin: Callable[[str], Origin] = Origin) -> None:
        self.tensors, self.origin = tensors, origin

    def has(self, name: str) -> bool:
        return self.origin(name).name in self.tensors

    def shape(self, name: str) -> Shape:
        """The shape as stored. KeyError with the stored name if there is no such tensor."""
        return self.tensors[self.origin(name).name].shape

    def count(self, pattern: str) -> list[int]:
        """First sizes of the tensors that the pattern names with 0, 1, 2 and so on. KeyError if there is no 0."""
        found = [self.shape(pattern.format(0))[0]]
        while self.has(pattern.format(len(found))):
            found.append(self.shape(pattern.format(len(found)))[0])
        return found
