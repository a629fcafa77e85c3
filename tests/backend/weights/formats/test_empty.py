# SPDX-License-Identifier: GPL-3.0-or-later
"""Configs of a few bytes that ask for networks that no machine holds."""

import json

import pytest
import torch
from torch import nn

from backend.interface.catalog import WeightsError
from backend.weights.formats.empty import LARGEST, MOST_PARTS, empty_weights, few_parts
from backend.weights.loaders.stable_diffusion import check_text_weights
from tests.support.text_to_image_folders import write_stable_diffusion


def test_parameters_take_no_memory_and_buffers_are_real():
    with empty_weights({"width": LARGEST}):
        network = nn.BatchNorm1d(LARGEST)
    assert network.weight.is_meta and network.running_mean is not None and not network.running_mean.is_meta


@pytest.mark.parametrize("config", [{"a": LARGEST + 1}, {"a": [1, -LARGEST - 1]}, {"b": 1, "a": (2**70,)}])
def test_a_size_that_no_network_has_is_refused_before_anything_is_built(config):
    with pytest.raises(ValueError, match=f"a is larger than {LARGEST}"), empty_weights(config):
        pytest.fail("it was built")


def test_a_network_of_too_many_parts_is_refused_as_soon_as_it_has_them():
    made = []
    with pytest.raises(ValueError, match=f"more than {MOST_PARTS} parts"), few_parts():
        parts = nn.ModuleList()
        while True:
            parts.append(nn.Identity())
            made.append(1)
    assert len(made) == MOST_PARTS
    nn.ModuleList(nn.Identity() for _ in range(2))  # outside nothing is counted


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("text_encoder", {"num_hidden_layers": 10**6}),
        ("text_encoder", {"max_position_embeddings": 10**12}),  # a table: 8 terabytes
        ("unet", {"layers_per_block": 10**6}),
        ("unet", {"transformer_layers_per_block": 10**6}),
        ("unet", {"block_out_channels": [2**40]}),
        ("vae", {"layers_per_block": 10**6}),
    ],
)
def test_a_config_that_asks_for_too_much_is_refused_with_a_sentence(name, changes, tmp_path, monkeypatch):
    monkeypatch.setattr("backend.weights.formats.empty.MOST_PARTS", 2000)  # sooner
    torch.manual_seed(0)
    write_stable_diffusion(tmp_path)
    file = tmp_path / name / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    told = r"that this version knows: .*(parts|larger than)|a size that no network has"
    with pytest.raises(WeightsError, match=told):
        check_text_weights(str(tmp_path))
