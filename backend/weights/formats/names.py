# SPDX-License-Identifier: GPL-3.0-or-later
"""Where published files keep the tensors of our networks: under other names, transposed, or joined with others."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

Shape = tuple[int, ...]


class Origin(NamedTuple):
    """The source of one tensor: its published name, its shape there for a shape here, and how to take it out."""

    name: str
    shape: Callable[[Shape], Shape] = lambda shape: shape
    take: Callable[[Tensor], Tensor] = lambda tensor: tensor


def third(name: str, letter: str) -> Origin:
    """Query, key or value ("q", "k" or "v") of a tensor `name` that joins the three along its first axis."""
    index = "qkv".index(letter)
    return Origin(name, lambda shape: (3 * shape[0], *shape[1:]), lambda tensor: tensor.chunk(3)[index])


def swap(name: str, table: dict[str, str]) -> str:
    """Replace the first key of `table` that `name` contains by its value; keys match whole parts between dots."""
    for ours, theirs in table.items():
        if re.search(rf"(^|\.){re.escape(ours)}(\.|$)", name):
            return re.sub(rf"(^|(?<=\.)){re.escape(ours)}(?=\.|$)", theirs, name, count=1)
    return name
