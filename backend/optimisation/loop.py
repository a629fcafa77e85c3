# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop that all optimising engines share: steps or seconds, previews, checkpoints, a guard against NaN."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from ..rendering.mesh import Mesh
from ..runtime.progress import CHECKPOINT, CURVES, Cancelled, Progress
from .loss_curves import draw_curves

SNAPSHOT = 50  # steps between two states to step back to
MOST_RECOVERIES = 5
PREVIEW_SHARE = 0.1  # of the time, at most, goes into previews
COARSE = 48  # cells a side of a preview's mesh
MESH_EVERY = 3  # previews

State = dict[str, Any]


class Diverged(ValueError):
    """The numbers of an optimisation ran away again and again."""

    remedy = "Try another seed, or lower the guidance scale."


class Task(Protocol):
    """What an engine gives to the loop.

    modules: everything with parameters or buffers that going on needs. name: what is optimised with which settings; a
    checkpoint of another name is not taken up.
    """

    name: str
    modules: dict[str, nn.Module]

    def groups(self) -> list[dict[str, Any]]:
        """Parameter groups, each with its "lr"; and "decay", the share of it that is left at the end, if not all is;
        and "weight_decay", what fades in a step as a multiple of "lr"."""
        ...

    def losses(self, position: float, generator: torch.Generator) -> dict[str, Tensor]:
        """Weighted scalars by name, whose sum is minimised. position: 0..steps, what the schedules go by. All that is
        random comes from `generator`, which lies on the modules' device.
        """
        ...

    def views(self) -> np.ndarray:
        """A turntable for a preview, uint8 (N, H, W, 4)."""
        ...

    def mesh(self, resolution: int) -> Mesh:
        """The surface as it is now."""
        ...


@dataclass
class Outcome:
    """steps done and seconds spent, all runs together; losses by name, one a step; stopped: the user ended it early;
    recovered: how often it stepped back from NaN; note: what went wrong without ending it.
    """

    steps: int
    seconds: float
    losses: dict[str, list[float]]
    stopped: bool = False
    recovered: int = 0
    resumed_at: int = 0
    note: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        """For the result's report: numbers, and each loss at the end (mean of its last tenth)."""
        last = {name: float(np.mean(values[-max(1, len(values) // 10) :])) for name, values in self.losses.items()}
        facts = {name: value for name, value in vars(self).items() if name != "losses" and value}
        return facts | {"seconds": round(self.seconds, 1), "losses": {k: round(v, 6) for k, v in last.items()}}


def optimise(
    task: Task,
    progress: Progress,
    steps: int,
    seconds: float | None = None,
    seed: int = 0,
    stage: str = "Optimising",
    preview_s: float = 5.0,
    checkpoint_s: float = 30.0,
    clock: Callable[[], float] = time.monotonic,
) -> Outcome:
    """Minimise the task's losses with AdamW (0.9, 0.99), in place.

    For `steps` steps; or, given `seconds`, for so long, the schedules running from 0 to `steps` meanwhile. Where the
    job has a folder, it goes on from the checkpoint there, keeps one while it runs and when it is cancelled, and draws
    the losses. On a CPU the same seed gives the same bits, interrupted or not. Raises Cancelled and Diverged.
    """
    run = Run(task, seed)
    run.resume(progress.folder)
    outcome, started, before = run.outcome, clock(), run.outcome.seconds
    next_preview, next_save, previews = started + preview_s, started + checkpoint_s, 0
    try:
        while not is_done(outcome, steps, seconds):
            if progress.ending:
                outcome.stopped = True
                break
            position = outcome.steps if seconds is None else steps * outcome.seconds / seconds
            run.advance(position, position / steps)
            now = clock()
            outcome.seconds = before + now - started
            if now >= next_preview:
                show(task, progress, with_mesh=previews % MESH_EVERY == MESH_EVERY - 1)
                previews, spent = previews + 1, clock() - now
                next_preview = clock() + max(preview_s, spent / PREVIEW_SHARE)
            if now >= next_save:
                run.keep(progress.folder)
                next_save = clock() + checkpoint_s
            done = (outcome.steps, steps) if seconds is None else (int(outcome.seconds), int(seconds))
            progress.update(stage, min(done), done[1])
    except Cancelled:
        run.keep(progress.folder)
        raise
    run.keep(progress.folder)
    return outcome


def is_done(outcome: Outcome, steps: int, seconds: float | None) -> bool:
    return outcome.steps >= steps if seconds is None else outcome.seconds >= seconds


def show(task: Task, progress: Progress, with_mesh: bool) -> None:
    """A preview; one that fails must not end the job."""
    mesh = None
    if with_mesh:
        try:
            mesh = task.mesh(COARSE)
        except ValueError:  # no finite values, no surface yet
            mesh = None
    progress.preview(task.views(), mesh if mesh is not None and len(mesh.faces) else None)


@dataclass
class Run:
    """The state of an optimisation between two steps."""

    task: Task
    seed: int
    outcome: Outcome = field(default_factory=lambda: Outcome(0, 0.0, {}))

    def __post_init__(self) -> None:
        groups = [group | {"start": group["lr"]} for group in self.task.groups()]
        self.optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.99), eps=1e-15, weight_decay=0.0)
        self.parameters = [p for group in groups for p in group["params"]]
        self.generator = torch.Generator(self.parameters[0].device).manual_seed(self.seed)
        self.snapshot: State | None = None
        self._mark()

    def advance(self, position: float, share: float = 0.0) -> None:
        """One step of AdamW, with `share` of all done; a step back when a loss or a gradient is not finite."""
        self._mark()
        for group in self.optimiser.param_groups:
            group["lr"] = group["start"] * group.get("decay", 1.0) ** share
        losses = self.task.losses(position, self.generator)
        total = torch.stack(list(losses.values())).sum()
        self.optimiser.zero_grad()
        total.backward()
        norm = torch.nn.utils.get_total_norm([p.grad for p in self.parameters if p.grad is not None])
        if not torch.isfinite(total.detach() + norm):
            self._step_back()
            return
        if self.outcome.steps % SNAPSHOT == 0:
            self.snapshot = deepcopy(self.state())
        self.optimiser.step()
        self.outcome.steps += 1
        for name, value in losses.items():
            self.outcome.losses.setdefault(name, []).append(float(value.detach()))
        self._mark()

    def state(self) -> State:
        """All that going on needs, as it was before the step that is under way: tensors and plain values alone."""
        modules = {name: module.state_dict() for name, module in self.task.modules.items()}
        for name, buffers in self._buffers.items():
            modules[name] = modules[name] | buffers
        kept = {name: getattr(self.outcome, name) for name in ("steps", "seconds", "losses", "recovered")}
        return {
            "task": self.task.name,
            "modules": modules,
            "optimiser": self.optimiser.state_dict(),
            "generator": self._random.cpu(),
            "outcome": kept,
        }

    def restore(self, state: State) -> None:
        """Go on from `state`. ValueError or RuntimeError when it does not fit."""
        if state["task"] != self.task.name:
            raise ValueError("The checkpoint is of another task.")
        for name, module in self.task.modules.items():
            module.load_state_dict(state["modules"][name])
        self.optimiser.load_state_dict(deepcopy(state["optimiser"]))
        self.generator.set_state(state["generator"])
        for name, value in deepcopy(state["outcome"]).items():
            setattr(self.outcome, name, value)
        self._mark()

    def resume(self, folder: Path | None) -> None:
        """Take up the checkpoint in `folder`, if there is one that fits; say so in the outcome if it does not."""
        if folder is None or not (folder / CHECKPOINT).is_file():
            return
        begun = deepcopy(self.state())
        try:
            self.restore(torch.load(folder / CHECKPOINT, map_location="cpu", weights_only=True))
            self.outcome.resumed_at = self.outcome.steps
        except Exception as error:  # whatever a damaged or foreign file may raise
            self.restore(begun)
            cause = (str(error) or type(error).__name__).splitlines()[0][:200]
            (folder / CHECKPOINT).replace(folder / f"other-{CHECKPOINT}")  # the next one must not overwrite it
            self.outcome.note = f"The checkpoint could not be taken up: {cause}"

    def keep(self, folder: Path | None) -> None:
        """Write the checkpoint and the picture of the losses. A full disk is noted, and does not end the job."""
        if folder is None:
            return
        stream = io.BytesIO()
        torch.save(self.state(), stream)
        try:
            write_whole(folder / CHECKPOINT, stream.getvalue())
            write_whole(folder / CURVES, draw_curves(self.outcome.losses))
        except OSError as error:
            self.outcome.note = f"No checkpoint is kept: {error.strerror or error}."

    def _step_back(self) -> None:
        """To the last snapshot, on another random path, half as fast."""
        self.outcome.recovered += 1
        recovered, seconds = self.outcome.recovered, self.outcome.seconds
        if recovered > MOST_RECOVERIES or self.snapshot is None:
            raise Diverged("The optimisation ran away: its numbers grew beyond all bounds.")
        rates = [group["start"] / 2 for group in self.optimiser.param_groups]
        self.restore(self.snapshot)
        self.outcome.recovered, self.outcome.seconds = recovered, seconds
        self.generator.manual_seed(self.seed + 1_000_003 * recovered)
        for group, rate in zip(self.optimiser.param_groups, rates, strict=True):
            group["start"] = group["lr"] = rate
        self._mark()

    def _mark(self) -> None:
        """Remember what a step changes before its end: random numbers and buffers."""
        self._random = self.generator.get_state()
        self._buffers = {
            name: {key: value.clone() for key, value in module.named_buffers() if key in module.state_dict()}
            for name, module in self.task.modules.items()
        }


def write_whole(path: Path, data: bytes) -> None:
    """Under a temporary name first, so that nobody finds half of it. OSError."""
    temporary = path.with_name(path.name + ".part")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
