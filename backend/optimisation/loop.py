# SPDX-License-Identifier: GPL-3.0-or-later
"""The optimisation loop: a number of steps or seconds, with previews, checkpoints, and recovery from NaN."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from ..interface.files import write_whole
from ..rendering.mesh import Mesh
from ..runtime.progress import CHECKPOINT, CURVES, Cancelled, Progress
from .loss_curves import draw_curves

SNAPSHOT_STEPS = 50  # between two states that NaN steps back to
MAX_RECOVERIES = 5
PREVIEW_SHARE = 0.1  # largest share of the time that previews take
PREVIEW_RESOLUTION = 48  # cells a side of a preview's mesh
PREVIEWS_PER_MESH = 3

State = dict[str, Any]


class Diverged(ValueError):
    """An optimisation kept producing NaN."""

    remedy = "Try another seed, or lower Guidance."


class Objective(Protocol):
    """Something to optimise: parameters and their losses.

    modules: everything with parameters or buffers that a checkpoint needs. name: the kinds and settings of all parts; a
    checkpoint of another name is not resumed.
    """

    name: str
    modules: dict[str, nn.Module]

    def groups(self) -> list[dict[str, Any]]:
        """Parameter groups with "params" and "lr". Optional: "decay", the share of "lr" that is left at the end;
        "weight_decay", decoupled decay per step as a multiple of "lr"."""
        ...

    def losses(self, position: float, generator: torch.Generator) -> dict[str, Tensor]:
        """Weighted scalars by name, whose sum is minimised. position: 0..steps, for the schedules. All random numbers
        come from `generator`, which lies on the modules' device."""
        ...

    def views(self) -> np.ndarray:
        """A turntable for a preview, uint8 (N, H, W, 4)."""
        ...

    def mesh(self, resolution: int) -> Mesh:
        """The present surface. ValueError while there is none."""
        ...


@dataclass
class Outcome:
    """How an optimisation went, over all its runs."""

    steps: int
    seconds: float
    losses: dict[str, list[float]]  # by name, one value a step
    stopped: bool = False  # the user ended it early and keeps the mesh
    recovered: int = 0  # number of times that it stepped back from NaN
    resumed_at: int = 0  # step of the checkpoint that it went on from
    note: str = ""  # a problem that did not end it

    @property
    def facts(self) -> dict[str, Any]:
        """For the result's facts: numbers, and each loss at the end (mean of its last tenth)."""
        last = {name: float(np.mean(values[-max(1, len(values) // 10) :])) for name, values in self.losses.items()}
        facts = {name: value for name, value in vars(self).items() if name != "losses" and value}
        return facts | {"seconds": round(self.seconds, 1), "losses": {k: round(v, 6) for k, v in last.items()}}


def optimise(
    objective: Objective,
    progress: Progress,
    steps: int,
    seconds: float | None = None,
    seed: int = 0,
    stage: str = "Optimising",
    identity: str = "",
    folder: Path | None = None,
    preview_s: float = 5.0,
    checkpoint_s: float = 30.0,
    clock: Callable[[], float] = time.monotonic,
) -> Outcome:
    """Minimise the objective's losses with AdamW (0.9, 0.99), in place.

    For `steps` steps; or, given `seconds`, for so long, while the schedules run from 0 to `steps`. On a CPU the same
    seed gives the same bits, interrupted or not. Raises Cancelled and Diverged.

    A checkpoint in `folder` (the job's if None) is resumed if it has this identity, and is written every checkpoint_s
    seconds, at the end, and when the job is cancelled.
    """
    folder = folder or progress.folder
    run = Run(objective, seed, identity)
    run.resume(folder)
    outcome, started, before = run.outcome, clock(), run.outcome.seconds
    previews, next_save = Previews(objective, progress, preview_s, clock, started + preview_s), started + checkpoint_s
    try:
        while not is_done(outcome, steps, seconds):
            if progress.ending:
                outcome.stopped = True
                break
            position = outcome.steps if seconds is None else steps * outcome.seconds / seconds
            run.advance(position, position / steps)
            now = clock()
            outcome.seconds = before + now - started
            previews.show(now)
            if now >= next_save:
                run.keep(folder)
                next_save = clock() + checkpoint_s
            done = (outcome.steps, steps) if seconds is None else (int(outcome.seconds), int(seconds))
            progress.update(stage, min(done), done[1])
    except Cancelled:
        run.keep(folder)
        raise
    run.keep(folder)
    return outcome


def is_done(outcome: Outcome, steps: int, seconds: float | None) -> bool:
    """Whether all steps, or seconds where these are given, are spent."""
    return outcome.steps >= steps if seconds is None else outcome.seconds >= seconds


@dataclass
class Previews:
    """Previews of an objective, `interval` seconds apart, or farther where they would take too much of the time."""

    objective: Objective
    progress: Progress
    interval: float
    clock: Callable[[], float]
    due: float
    count: int = 0

    def show(self, now: float) -> None:
        """Send a preview if it is time for one; some have a mesh, if there is a surface yet."""
        if now < self.due:
            return
        mesh, self.count = None, self.count + 1
        if self.count % PREVIEWS_PER_MESH == 1:
            with suppress(ValueError):  # no finite values, or no surface yet
                mesh = self.objective.mesh(PREVIEW_RESOLUTION)
        self.progress.preview(self.objective.views(), mesh if mesh is not None and len(mesh.faces) else None)
        spent = self.clock() - now
        self.due = self.clock() + max(self.interval, spent / PREVIEW_SHARE)


@dataclass
class Run:
    """The state of an optimisation between two steps."""

    objective: Objective
    seed: int
    identity: str = ""  # of the request that a checkpoint belongs to
    outcome: Outcome = field(default_factory=lambda: Outcome(0, 0.0, {}))

    def __post_init__(self) -> None:
        groups = [group | {"start": group["lr"]} for group in self.objective.groups()]
        self.optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.99), eps=1e-15, weight_decay=0.0)
        self.parameters = [p for group in groups for p in group["params"]]
        self.generator = torch.Generator(self.parameters[0].device).manual_seed(self.seed)
        self.snapshot: State | None = None
        self._mark()

    def advance(self, position: float, share: float = 0.0) -> None:
        """Take one step of AdamW after `share` of all; step back if a loss or a gradient is not finite."""
        self._mark()
        for group in self.optimiser.param_groups:
            group["lr"] = group["start"] * group.get("decay", 1.0) ** share
        losses = self.objective.losses(position, self.generator)
        total = torch.stack(list(losses.values())).sum()
        self.optimiser.zero_grad()
        total.backward()
        norm = torch.nn.utils.get_total_norm([p.grad for p in self.parameters if p.grad is not None])
        if not torch.isfinite(total.detach() + norm):
            self._step_back()
            return
        if self.outcome.steps % SNAPSHOT_STEPS == 0:
            self.snapshot = deepcopy(self.state())
        self.optimiser.step()
        self.outcome.steps += 1
        for name, value in losses.items():
            self.outcome.losses.setdefault(name, []).append(float(value.detach()))
        self._mark()

    def state(self) -> State:
        """Everything that resuming needs, as it was before the step under way: only tensors and plain values."""
        modules = {name: module.state_dict() for name, module in self.objective.modules.items()}
        for name, buffers in self._buffers.items():
            modules[name] = modules[name] | buffers
        kept = {name: getattr(self.outcome, name) for name in ("steps", "seconds", "losses", "recovered")}
        return {
            "identity": self.identity,
            "objective": self.objective.name,
            "modules": modules,
            "optimiser": self.optimiser.state_dict(),
            "generator": self._random.cpu(),
            "outcome": kept,
        }

    def restore(self, state: State) -> None:
        """Continue from `state`. ValueError, KeyError or RuntimeError when it does not fit."""
        if (state["identity"], state["objective"]) != (self.identity, self.objective.name):
            raise ValueError("it belongs to another image, prompt, seed or settings")
        for name, module in self.objective.modules.items():
            module.load_state_dict(state["modules"][name])
        self.optimiser.load_state_dict(deepcopy(state["optimiser"]))
        self.generator.set_state(state["generator"])
        for name, value in deepcopy(state["outcome"]).items():
            setattr(self.outcome, name, value)
        self._mark()

    def resume(self, folder: Path | None) -> None:
        """Continue from the checkpoint in `folder`, if there is one; if it does not fit, note that in the outcome."""
        if folder is None or not (folder / CHECKPOINT).is_file():
            return
        begun = deepcopy(self.state())
        try:
            self.restore(torch.load(folder / CHECKPOINT, map_location="cpu", weights_only=True))
        except Exception as error:  # whatever a damaged or foreign file may raise
            self.restore(begun)
            cause = (str(error) or type(error).__name__).splitlines()[0][:200].rstrip(".")
            (folder / CHECKPOINT).replace(folder / f"other-{CHECKPOINT}")  # the next one must not overwrite it
            self.outcome.note = f"Started anew, because the checkpoint does not fit: {cause}."
            return
        self.outcome.resumed_at = self.outcome.steps
        self.snapshot = deepcopy(self.state())  # for NaN before the next one

    def keep(self, folder: Path | None) -> None:
        """Write the checkpoint and the curves of the losses. A full disk is noted, and does not end the job."""
        if folder is None:
            return
        stream = io.BytesIO()
        torch.save(self.state(), stream)
        try:
            write_whole(folder / CHECKPOINT, stream.getvalue())
            write_whole(folder / CURVES, draw_curves(self.outcome.losses))
        except OSError as error:
            self.outcome.note = f"No checkpoint was written: {error.strerror or error}."

    def _step_back(self) -> None:
        """Go back to the last snapshot and continue with other random numbers at half the rate."""
        self.outcome.recovered += 1
        recovered, seconds = self.outcome.recovered, self.outcome.seconds
        if recovered > MAX_RECOVERIES or self.snapshot is None:
            raise Diverged("The optimisation diverged.")
        rates = [group["start"] / 2 for group in self.optimiser.param_groups]
        self.restore(self.snapshot)
        self.outcome.recovered, self.outcome.seconds = recovered, seconds
        self.generator.manual_seed(self.seed + 1_000_003 * recovered)
        for group, rate in zip(self.optimiser.param_groups, rates, strict=True):
            group["start"] = group["lr"] = rate
        self._mark()

    def _mark(self) -> None:
        """Remember everything that a step changes before its end: random numbers and buffers."""
        self._random = self.generator.get_state()
        self._buffers = {
            name: {key: value.clone() for key, value in module.named_buffers() if key in module.state_dict()}
            for name, module in self.objective.modules.items()
        }
