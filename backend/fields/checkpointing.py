# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluation in chunks with gradient checkpointing, so that memory does not grow with the number of points."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

CHUNK = 1 << 17  # points; a 16-level hash grid keeps 11 kB of each for the backward pass, normals included

Evaluate = Callable[[Tensor], tuple[Tensor, ...]]


def evaluate_in_chunks(
    evaluate: Evaluate, points: Tensor, parameters: Sequence[Tensor], size: int | None = None
) -> tuple[Tensor, ...]:
    """evaluate(points (P, 3)) -> tuple of tensors (P, ...), `size` (CHUNK) points at a time.

    If the parameters need gradients, each chunk is recomputed in the backward pass (checkpointing), which takes a third
    more time. Points that need a gradient themselves, and those that fit in one chunk, are evaluated at once.
    """
    size = size or CHUNK
    if len(points) <= size or points.requires_grad:
        return evaluate(points)
    trained = [p for p in parameters if p.requires_grad] if torch.is_grad_enabled() else []
    chunks = [Checkpoint.apply(evaluate, part, *trained) if trained else evaluate(part) for part in points.split(size)]
    return tuple(torch.cat(outputs) for outputs in zip(*chunks, strict=True))


class Checkpoint(torch.autograd.Function):
    """evaluate(points), recomputed from the points in the backward pass (Chen et al. 2016)."""

    @staticmethod
    def forward(ctx, evaluate: Evaluate, points: Tensor, *parameters: Tensor) -> tuple[Tensor, ...]:
        ctx.evaluate, ctx.points, ctx.parameters = evaluate, points, parameters
        return tuple(output.detach() for output in evaluate(points))

    @staticmethod
    @once_differentiable
    def backward(ctx, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        with torch.enable_grad():
            outputs = ctx.evaluate(ctx.points)
        outputs, gradients = zip(*[p for p in zip(outputs, gradients, strict=True) if p[0].requires_grad], strict=True)
        return None, None, *torch.autograd.grad(outputs, ctx.parameters, gradients, allow_unused=True)
