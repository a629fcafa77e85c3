# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks without numbers, built from sizes that a foreign file states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from accelerate import init_empty_weights
from torch.nn.modules import module

MOST_PARTS = 10_000  # modules of a network; the largest that is loaded, Stable Diffusion's UNet, has about a thousand
LARGEST = 1 << 20  # whole number in a config; vocabularies have up to 250,000 words


@contextmanager
def empty_weights(*configs: Mapping[str, Any]) -> Iterator[None]:
    """Parameters of networks built inside take no memory; buffers, which hold tables, do.

    ValueError if one of the configs has a whole number above LARGEST, or as `few_parts`.
    """
    for config in configs:
        for name, value in config.items():
            numbers = value if isinstance(value, (list, tuple)) else [value]
            if any(isinstance(number, int) and abs(number) > LARGEST for number in numbers):
                raise ValueError(f"{name} is larger than {LARGEST}")
    with few_parts(), init_empty_weights(include_buffers=False):
        yield


@contextmanager
def few_parts() -> Iterator[None]:
    """ValueError as soon as the networks built inside have more than MOST_PARTS modules: a config of a hundred bytes
    can ask for a million layers."""
    count = 0

    def count_part(*_: Any) -> None:
        nonlocal count
        count += 1
        if count > MOST_PARTS:
            raise ValueError(f"it describes a network of more than {MOST_PARTS} parts")

    hook = module.register_module_module_registration_hook(count_part)
    try:
        yield
    finally:
        hook.remove()
