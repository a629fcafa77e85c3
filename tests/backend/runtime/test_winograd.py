# SPDX-License-Identifier: GPL-3.0-or-later
"""Convolutions with fewer multiplications give what a direct one in double precision gives."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from backend.runtime import winograd
from backend.runtime.offload import keep_half
from backend.runtime.winograd import convolve, use_winograd


@pytest.mark.parametrize(("n", "c", "d", "height", "width"), [(3, 7, 5, 8, 12), (1, 40, 33, 4, 4), (5, 16, 24, 16, 8)])
@pytest.mark.parametrize("parts", [1 << 20, 20_000], ids=["whole", "in parts"])
def test_the_result_equals_a_direct_convolution(n, c, d, height, width, parts, monkeypatch):
    monkeypatch.setattr(winograd, "IMAGES_BYTES", parts)
    monkeypatch.setattr(winograd, "KERNELS_BYTES", parts)
    torch.manual_seed(0)
    x, weight, bias = torch.randn(n, c, height, width), torch.randn(d, c, 3, 3), torch.randn(d)
    for memory in (torch.contiguous_format, torch.channels_last):
        y = convolve(x.contiguous(memory_format=memory), weight.contiguous(memory_format=memory), bias)
        known = F.conv2d(x.double(), weight.double(), bias.double(), padding=1)
        assert ((y - known).norm() / known.norm()).item() < 5e-6
    torch.testing.assert_close(convolve(x, weight, None), y - bias[:, None, None], atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("shape", "used"), [((2, 256, 16, 16), True), ((1, 256, 16, 16), False), ((9, 256, 10, 16), False)]
)
def test_winograd_is_used_only_where_it_is_faster(shape, used, monkeypatch):
    """16 tiles of 4 x 4 an image: two images have enough of them; sides must be multiples of 4."""
    counted = []
    monkeypatch.setattr(winograd, "convolve", lambda *inputs: counted.append(inputs) or convolve(*inputs))
    torch.manual_seed(0)
    layers = [nn.Conv2d(256, 260, 3, padding=1), nn.Conv2d(260, 256, 3, stride=2, padding=1), nn.Conv2d(256, 64, 3)]
    network = nn.Sequential(*layers).eval().requires_grad_(False)
    x = torch.randn(shape)
    known = network(x)
    keep_half(network)
    use_winograd(network)
    torch.testing.assert_close(network(x), known, atol=2e-3, rtol=2e-3)
    assert len(counted) == used
    assert network.double()(x.double()).dtype == torch.float64 and len(counted) == used
