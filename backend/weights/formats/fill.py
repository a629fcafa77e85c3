# SPDX-License-Identifier: GPL-3.0-or-later
# transformers annotates its models loosely.
# pyright: reportAttributeAccessIssue=false
"""Networks of transformers from their published folders, under the names of any version of transformers. No code of a
folder is run, and nothing is looked for on a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers.utils import logging

from ...interface.catalog import WeightsError
from ..loaders.stable_diffusion import first_line, read_json

ELSEWHERE = ("use_pretrained_backbone", "auto_map")  # would look for a part of the network, or for code, elsewhere
NAMED = 3  # differences told


def load_network(folder: Path, kind: Any, remedy: str) -> nn.Module:
    """The network of a class of transformers in a folder, float32, for use, without gradients to its parameters.

    Raises WeightsError where a tensor is missing or has another shape; tensors that it does not need are left out.
    """
    config = read_json(folder / "config.json")
    if any(config.get(name) for name in ELSEWHERE):
        raise WeightsError(f"{folder} names a part of its network that lies elsewhere.", remedy)
    logging.disable_progress_bar()  # it would be drawn between the lines of a log
    try:
        network, told = kind.from_pretrained(
            folder, local_files_only=True, output_loading_info=True, dtype=torch.float32, trust_remote_code=False
        )
    except Exception as error:  # whatever a damaged or foreign file may raise
        raise WeightsError(f"{folder} cannot be read as {kind.__name__}: {first_line(error)}", remedy) from error
    wrong = [f"{name} is missing" for name in sorted(told["missing_keys"])]
    wrong += [f"{name[0] if isinstance(name, tuple) else name} has another shape" for name in told["mismatched_keys"]]
    if wrong:
        more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        raise WeightsError(f"{folder} does not fit {kind.__name__}: {'; '.join(wrong[:NAMED])}{more}.", remedy)
    return network.eval().requires_grad_(False)
