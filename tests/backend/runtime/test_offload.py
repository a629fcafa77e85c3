# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks that compute the same wherever their weights wait."""

import pytest
import torch
from torch import nn

from backend.runtime.offload import choose_placement, keep_half, place, size_of, take_turn
from tests.support.small_networks import clip_vision

CPU = torch.device("cpu")


def parts() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    return {"wide": nn.Linear(1000, 500), "narrow": nn.Sequential(nn.Conv2d(3, 8, 3), nn.Linear(30, 30))}


@pytest.mark.parametrize(
    ("free", "placement"), [(4_000_000, "resident"), (2_863_000, "turns"), (2_859_000, "layers"), (0, "layers")]
)
def test_weights_may_take_a_share_of_the_free_memory(free, placement):
    """2,002,000 and 4,616 bytes of weights; 70 of 100 bytes may be taken."""
    assert [size_of(p) for p in parts().values()] == [2_002_000, 4616]
    assert choose_placement(parts(), free) == placement


def test_offloaded_layers_compute_the_same():
    network = clip_vision(layers=2).eval().requires_grad_(False)
    image = torch.randn(2, 3, 16, 16)
    known = network(image).image_embeds
    place({"network": network}, CPU, "layers")
    assert all(p.device.type == "meta" for p in network.parameters())  # nothing lies on the device
    torch.testing.assert_close(network(image).image_embeds, known)


def test_one_network_at_a_time_is_on_the_device():
    networks = parts()
    take_turn(networks, "wide", torch.device("meta"))
    assert networks["wide"].weight.is_meta and not next(networks["narrow"].parameters()).is_meta


def test_half_precision_weights_compute_in_the_inputs_precision():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.GroupNorm(2, 8), nn.Linear(30, 30)).requires_grad_(False)
    x = torch.randn(2, 3, 32, 32)
    known, before = network(x), size_of(network)
    keep_half(network)
    assert network(x).dtype == torch.float32
    assert size_of(network) == before - 2 * (8 * 27 + 900)
    torch.testing.assert_close(network(x), known, atol=2e-3, rtol=2e-3)
