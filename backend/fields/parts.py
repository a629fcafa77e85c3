# SPDX-License-Identifier: GPL-3.0-or-later
"""Many points asked a part at a time, and once more on the way back, so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

MOST = 1 << 17  # points at once: 16 levels of a hash grid keep 11 kB of each for the way back, normals included

Ask = Callable[[Tensor], tuple[Tensor, ...]]


def in_parts(ask: Ask, points: Tensor, parameters: Sequence[Tensor], most: int | None = None) -> tuple[Tensor, ...]:
    """ask(points), a tuple of tensors (P, ...) for points (P, 3), `most` (MOST) of them at a time.

    Where the parameters want gradients each part is forgotten and worked out once more on the way back, which takes a
    third more time. Points that want a gradient themselves, and those that fit in one part, are asked at once.
    """
    most = most or MOST
    if len(points) <= most or points.requires_grad:
        return ask(points)
    wanted = [p for p in parameters if p.requires_grad] if torch.is_grad_enabled() else []
    parts = [Again.apply(ask, part, *wanted) if wanted else ask(part) for part in points.split(most)]
    return tuple(torch.cat(answers) for answers in zip(*parts, strict=True))


class Again(torch.autograd.Function):
    """ask(points), keeping nothing but the points for the way back (Chen et al. 2016's checkpoints)."""

    @staticmethod
    def forward(ctx, ask: Ask, points: Tensor, *parameters: Tensor) -> tuple[Tensor, ...]:
        ctx.ask, ctx.points, ctx.parameters = ask, points, parameters
        return tuple(answer.detach() for answer in ask(points))

    @staticmethod
    @once_differentiable
    def backward(ctx, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        with torch.enable_grad():
            answers = ctx.ask(ctx.points)
        answers, gradients = zip(*[p for p in zip(answers, gradients, strict=True) if p[0].requires_grad], strict=True)
        return None, None, *torch.autograd.grad(answers, ctx.parameters, gradients, allow_unused=True)
