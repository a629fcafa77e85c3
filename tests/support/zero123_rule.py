# SPDX-License-Identifier: GPL-3.0-or-later
"""A checkpoint in Zero123's published layout at small widths, every tensor made by a rule from its name.

ZERO123_PARITY names a folder with another spec.json and outputs.npz to test against in place of ours.
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tests.support import DATA

OTHER = os.environ.get("ZERO123_PARITY")


def read_spec(name: str, other: str | None) -> dict:
    """The recorded spec of the weights `name`, or the one in the folder `other`."""
    record = DATA / f"{name}_spec.json.gz"
    return json.loads((Path(other) / "spec.json").read_bytes() if other else gzip.decompress(record.read_bytes()))


SPEC = read_spec("zero123", OTHER)


def rule(key: str, shape: list[int], seed: int = SPEC["seed"]) -> Tensor:
    """Normal numbers of deviation 0.05, by a generator that the key seeds; around 1 for the scale of a norm."""
    values = 0.05 * np.random.default_rng(zlib.crc32(f"{seed}:{key}".encode())).standard_normal(shape)
    return torch.from_numpy(np.asarray(values + (len(shape) == 1 and key.endswith("weight")), np.float32))


def state_dict() -> dict[str, Tensor]:
    return {key: rule(key, shape) for key, shape in SPEC["tensors"]}


def outputs() -> dict[str, Tensor]:
    """The outputs of the published implementation with these weights."""
    file = Path(OTHER) / "outputs.npz" if OTHER else DATA / "zero123.npz"
    with np.load(file, allow_pickle=False) as stored:
        return {key: torch.from_numpy(stored[key]) for key in stored}
