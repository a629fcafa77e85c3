# SPDX-License-Identifier: GPL-3.0-or-later
"""Muon (Jordan et al. 2024): momentum, made orthogonal before it is a step. torch's own takes no convolutions, and
works in bfloat16, which a processor without it emulates at a hundredth of the speed."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from ..runtime.devices import choose_dtype

QUINTIC = (3.4445, -4.7750, 2.0315)  # of the Newton-Schulz iteration: x -> a x + b x^3 + c x^5 on singular values
ITERATIONS = 5
SMALLEST = 16  # rows and columns of a matrix that this is for


class Muon(torch.optim.Optimizer):
    """For matrices, see `is_matrix`; steps as large as AdamW's, so that both share a rate (Liu et al. 2025)."""

    def __init__(self, params: Iterable[nn.Parameter], lr: float, momentum: float = 0.95, weight_decay: float = 1e-3):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        for group in self.param_groups:
            for p in (p for p in group["params"] if p.grad is not None):
                gradient = p.grad.flatten(1)
                mean = self.state[p].setdefault("mean", torch.zeros_like(gradient))
                mean.lerp_(gradient, 1 - group["momentum"])
                ahead = gradient.lerp(mean, group["momentum"])  # Nesterov
                is_exact = choose_dtype(p.device, allow_bfloat16=True) is torch.float32
                update = orthogonalise(ahead if is_exact else ahead.bfloat16())  # float16 would lose small gradients
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update.view(p.shape), alpha=-0.2 * max(update.shape) ** 0.5 * group["lr"])


def is_matrix(parameter: Tensor) -> bool:
    """Linear layers and convolutions (outputs, inputs x kernel), unless they are small."""
    return parameter.ndim in (2, 4, 5) and min(len(parameter), parameter[0].numel()) >= SMALLEST


def orthogonalise(matrix: Tensor) -> Tensor:
    """(M, N) -> about the nearest (semi-)orthogonal one: its singular values come to lie between 0.7 and 1.2."""
    if matrix.shape[0] > matrix.shape[1]:
        return orthogonalise(matrix.T).T
    a, b, c = QUINTIC
    x = matrix / matrix.norm().clamp(min=1e-7)
    for _ in range(ITERATIONS):
        square = x @ x.T
        x = torch.addmm(x, torch.addmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x
