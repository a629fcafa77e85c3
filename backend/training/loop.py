# SPDX-License-Identifier: GPL-3.0-or-later
"""The training loop of all starter models: AdamW, warm-up and cosine schedule, EMA weights, resuming, loss curve."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from rich.progress import Progress
from torch import Tensor, nn

from ..interface.files import write_whole
from .muon import Muon, is_matrix

Model = TypeVar("Model", bound=nn.Module)
Loss = Callable[[np.random.Generator], dict[str, Tensor]]


def train(
    model: Model,
    loss: Loss,
    folder: Path,
    steps: int,
    lr: float,
    ema: float = 0.995,
    save_every: int = 200,
    muon: bool = False,
    minutes: float = 0.0,
) -> Model:
    """Minimise the sum of `loss(rng)`'s terms and return the model with its averaged weights.

    A step's randomness depends on its number alone, so a resumed run equals an uninterrupted one.

    Args:
        model: trained in place.
        loss: numpy generator -> loss terms by name.
        folder: receives state.pt (for resuming), log.csv and curve.png.
        steps: total number of steps.
        lr: peak learning rate.
        ema: decay of the averaged weights.
        save_every: steps between checkpoints.
        muon: train matrices with Muon and the rest with AdamW.
        minutes: time after which this call ends, with the learning rate's schedule fitted to it; 0 for none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parameters = [p for p in model.parameters() if p.requires_grad]
    matrices = [p for p in parameters if muon and is_matrix(p)]
    others = [p for p in parameters if not (muon and is_matrix(p))]
    optimizers: list[torch.optim.Optimizer] = [torch.optim.AdamW(others, lr=lr, betas=(0.9, 0.99), weight_decay=1e-3)]
    optimizers += [Muon(matrices, lr=lr)] if matrices else []
    average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(ema))
    first = _resume(folder / "state.pt", model, optimizers, average)
    with Progress() as bar, (folder / "log.csv").open("a", newline="") as log:
        task = bar.add_task(folder.name, total=steps, completed=first)
        rows = csv.writer(log)
        start = time.monotonic()
        for step in range(first, steps):
            share = max(step / steps, (time.monotonic() - start) / (60 * minutes) if minutes else 0)
            if share >= 1:
                break
            for group in [group for optimizer in optimizers for group in optimizer.param_groups]:
                group["lr"] = lr * learning_rate(step, share)
            torch.manual_seed(step)
            terms = loss(np.random.default_rng([step, 1]))
            total = torch.stack(list(terms.values())).sum()
            model.zero_grad()
            total.backward()
            norm = nn.utils.clip_grad_norm_(parameters, 1.0)
            if torch.isfinite(norm):
                for optimizer in optimizers:
                    optimizer.step()
                average.update_parameters(model)
            bar.update(task, advance=1)
            if step % 10 == 0:
                values = {k: float(v.detach()) for k, v in terms.items()}
                rows.writerow([step, round(time.monotonic() - start, 1), *[f"{k}={v:.5f}" for k, v in values.items()]])
                log.flush()
            if (step + 1) % save_every == 0 or step + 1 == steps:
                state = {"model": model.state_dict(), "average": average.state_dict(), "step": step + 1}
                state["optimizers"] = [o.state_dict() for o in optimizers]
                write_whole(folder / "state.pt", partial(torch.save, state))
    draw_curve(folder)
    model.load_state_dict(average.module.state_dict())
    return model.eval()


@torch.no_grad()
def mix(model: nn.Module, earlier: nn.Module, share: float) -> None:
    """Interpolate the model's weights towards an earlier model's by `share`, in place.

    Averaging the weights before and after fine-tuning keeps robustness outside the new data (WiSE-FT, Wortsman et al.
    2022, eq. 1).
    """
    for new, old in zip(model.state_dict().values(), earlier.state_dict().values(), strict=True):
        if new.is_floating_point():
            new.lerp_(old.to(new), share)


def learning_rate(step: int, share: float, warm_up: int = 100) -> float:
    """Factor on the peak rate after this share of the run: linear warm-up, then cosine decay to 2 %."""
    return min(1.0, (step + 1) / warm_up) * (0.02 + 0.49 * (1 + math.cos(math.pi * share)))


def _resume(file: Path, model: nn.Module, optimizers: list[torch.optim.Optimizer], average: nn.Module) -> int:
    if not file.exists():
        return 0
    state = torch.load(file, weights_only=True, map_location="cpu")
    model.load_state_dict(state["model"])
    for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(saved)
    average.load_state_dict(state["average"])
    return state["step"]


def draw_curve(folder: Path) -> None:
    """Plot log.csv as curve.png: every loss term against the step."""
    from matplotlib.figure import Figure

    rows = list(csv.reader((folder / "log.csv").open()))
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="step", ylabel="loss", yscale="log", title=folder.name)
    for column in range(2, len(rows[-1])):
        present = [r for r in rows if len(r) > column]  # a resumed run may have more terms
        steps = [int(r[0]) for r in present]
        values = np.array([float(r[column].split("=")[1]) for r in present])
        width = max(1, len(values) // 50)
        smooth = np.convolve(values, np.ones(width) / width, "valid")
        axes.plot(steps[width - 1 :], smooth, label=rows[-1][column].split("=")[0])
    axes.legend()
    figure.savefig(folder / "curve.png", dpi=100)
