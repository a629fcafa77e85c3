# SPDX-License-Identifier: GPL-3.0-or-later
"""Muon against singular values, and against torch's own on a matrix."""

import pytest
import torch
from torch import nn

from backend.training.muon import Muon, is_matrix, orthogonalise


@pytest.mark.parametrize("shape", [(20, 50), (50, 20), (32, 32)])
def test_singular_values_come_near_one_and_directions_stay(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    found = u.T @ orthogonalise(matrix) @ v.T
    values = found.diagonal()
    assert ((values > 0.6) & (values < 1.3)).all()
    torch.testing.assert_close(found, torch.diag(values), atol=1e-4, rtol=0)


def test_muon_steps_equal_torchs_own():
    """It rounds to bfloat16 inside: 1 % of a step's size."""
    generator = torch.Generator().manual_seed(0)
    start, gradients = torch.randn(24, 40, generator=generator), torch.randn(3, 24, 40, generator=generator)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    pair = [
        (ours, Muon([ours], 0.01, weight_decay=0.1)),
        (theirs, torch.optim.Muon([theirs], 0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")),
    ]
    for gradient in gradients:
        for parameter, optimizer in pair:
            parameter.grad = gradient.clone()
            optimizer.step()
    moved = (theirs - start).norm()
    assert moved > 0.1 and (ours - theirs).norm() < 0.02 * moved


@pytest.mark.parametrize(
    ("shape", "layout"), [((16, 4, 3, 3), torch.channels_last), ((16, 2, 3, 3, 3), torch.channels_last_3d)]
)
def test_a_convolution_is_a_matrix_of_outputs_by_inputs(shape, layout):
    generator = torch.Generator().manual_seed(0)
    kernel = nn.Parameter(torch.randn(shape, generator=generator).to(memory_format=layout))
    matrix = nn.Parameter(kernel.detach().flatten(1).clone())
    gradient = torch.randn(matrix.shape, generator=generator)
    kernel.grad, matrix.grad = gradient.view(shape), gradient
    for parameter in (kernel, matrix):
        assert is_matrix(parameter)
        Muon([parameter], 0.1).step()
    torch.testing.assert_close(kernel.flatten(1), matrix)
    assert (
        not is_matrix(torch.zeros(64)) and not is_matrix(torch.zeros(4, 128)) and not is_matrix(torch.zeros(1, 9, 64))
    )
