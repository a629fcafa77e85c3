# SPDX-License-Identifier: GPL-3.0-or-later
"""Where TripoSG's networks are while they compute, and what happens when memory runs out."""

import pytest
import torch

from backend.preprocess.triposg_input import dinov2_input
from backend.reconstruction.triposg import model as module
from backend.reconstruction.triposg.model import TripoSG
from backend.weights.loaders.triposg import load_triposg
from tests.support.triposg_checkpoints import recorded, write


@pytest.fixture
def model(tmp_path) -> TripoSG:
    return load_triposg(write(tmp_path / "w"), torch.device("cpu"), exact=True)


def test_image_tokens_are_the_published_ones(model):
    numbers = recorded("image_cond")
    tokens = model.see(dinov2_input(numbers["rgb"].numpy()))
    first, last = numbers["tokens_first"], numbers["tokens_last"]
    torch.testing.assert_close(tokens[:, : first.shape[1]], first, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(tokens[:, -last.shape[1] :], last, rtol=1e-4, atol=1e-4)


def test_one_network_at_a_time_is_on_the_device(model, monkeypatch):
    """Turns are taken by name, before each network computes."""
    turns: list[str] = []
    monkeypatch.setattr(module, "take_turn", lambda networks, name, device: turns.append(name))
    model.placement = "turns"
    numbers = recorded("dit")
    list(model.sample(numbers["cond"][:1], numbers["noise"], 1, 7.0))
    model.decode(recorded("vae")["z"])
    assert turns == ["flow", "flow", "shape"]


def test_out_of_memory_brings_weights_layer_by_layer_and_the_same_numbers(model, monkeypatch):
    numbers, z = recorded("vae"), recorded("vae")["z"]
    failed: list[int] = []

    def fail_once(networks, name, device):
        if not failed:
            failed.append(1)
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB")

    monkeypatch.setattr(module, "take_turn", fail_once)
    model.placement = "turns"
    field = model.query(model.decode(z), numbers["points"][0])
    assert model.placement == "layers" and failed
    assert {p.device.type for p in model.decoder.parameters()} == {"meta"}  # they come for each layer
    torch.testing.assert_close(field, numbers["field"][0, :, 0], rtol=1e-4, atol=1e-4)


def test_out_of_memory_that_nothing_lowers_is_raised(model, monkeypatch):
    def fail(*_):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(model.decoder, "decode", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        model.decode(recorded("vae")["z"])
    assert model.placement is None
