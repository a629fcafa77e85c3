# SPDX-License-Identifier: GPL-3.0-or-later
"""Work shared among processor cores item by item, instead of all cores sharing each operation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_on_cores(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Results of a function of tensors for each item, in order, each on one core.

    Small operations on all cores wait for the slowest core each time, which costs much beside other programs.
    """
    count, with_gradients = torch.get_num_threads(), torch.is_grad_enabled()

    def run(item: Item) -> Result:
        with torch.set_grad_enabled(with_gradients):  # each thread has its own mode
            return function(item)

    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(run, items))
    finally:
        torch.set_num_threads(count)
