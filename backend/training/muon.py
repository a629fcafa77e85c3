# SPDX-License-Identifier: GPL-3.0-or-later
"""The Muon optimiser (Jordan et al. 2024): orthogonalised momentum.

torch's own does not support convolutions and works in bfloat16, which CPUs without it emulate at 1 % of the speed.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from ..runtime.devices import choose_dtype

QUINTIC = (3.4445, -4.7750, 2.0315)  # Newton-Schulz coefficients: x -> a x + b x^3 + c x^5 on the singular values
ITERATIONS = 5
MIN_SIDE = 16  # rows and columns of a matrix that Muon trains


class Muon(torch.optim.Optimizer):
    """Muon for matrices, see `is_matrix`. Updates are scaled to AdamW's, to share its rate (Liu et al. 2025)."""

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
    """Whether a parameter is the weight of a linear layer or convolution of at least MIN_SIDE rows and columns."""
    return parameter.ndim in (2, 4, 5) and min(len(parameter), parameter[0].numel()) >= MIN_SIDE


def orthogonalise(matrix: Tensor) -> Tensor:
    """Approximate the nearest (semi-)orthogonal matrix to (M, N), with singular values between 0.7 and 1.2."""
    if matrix.shape[0] > matrix.shape[1]:
        return orthogonalise(matrix.T).T
    a, b, c = QUINTIC
    x = matrix / matrix.norm().clamp(min=1e-7)
    for _ in range(ITERATIONS):
        square = x @ x.T
        x = torch.addmm(x, torch.addmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x
