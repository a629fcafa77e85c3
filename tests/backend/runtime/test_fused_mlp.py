# SPDX-License-Identifier: GPL-3.0-or-later
"""The fused layers against the modules themselves, and where the modules must be taken."""

import pytest
import torch
from torch import nn

from backend.runtime.fused_mlp import apply_mlp, is_fusible


def layers(activation: type[nn.Module]) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(7, 24), activation(), nn.Linear(24, 24), activation(), nn.Linear(24, 4))


@pytest.mark.parametrize("activation", [nn.SiLU, nn.ReLU, nn.Tanh])
@pytest.mark.parametrize("shape", [(1, 1, 7), (2, 50, 7), (33, 7)])
def test_the_layers_give_what_the_modules_give(activation, shape):
    mlp, x = layers(activation), torch.randn(shape)
    with torch.no_grad():
        torch.testing.assert_close(apply_mlp(mlp, x), mlp(x), atol=1e-6, rtol=1e-5)


def test_gradients_still_reach_the_weights():
    mlp = layers(nn.SiLU)
    assert not is_fusible(mlp, torch.randn(3, 7))
    apply_mlp(mlp, torch.randn(3, 7)).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in mlp.parameters())


def test_other_types_of_numbers_are_left_to_the_modules():
    with torch.no_grad():
        assert not is_fusible(layers(nn.SiLU).double(), torch.randn(3, 7, dtype=torch.float64))
