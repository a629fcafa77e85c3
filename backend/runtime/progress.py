# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress, previews and cancellation of a job."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from ..rendering.mesh import Mesh

CHECKPOINT = "state.pt"  # in a job's folder: the state from which an optimisation can be resumed
CURVES = "curves.png"  # beside it: the losses
MIN_INTERVAL_S = 0.1  # between two updates in one stage
PACE_LIMIT = 2.0  # how much slower or faster than expected the rest may be taken for
PACE_FROM_S = 2.0  # expected seconds of finished stages from which their real time corrects the rest
ETA_FROM = 0.02  # fraction done before the remaining time is estimated


class Cancelled(Exception):
    """The user cancelled the job. remedy: how to resume it, if that is possible."""

    remedy = ""


@dataclass(frozen=True)
class ProgressUpdate:
    """step of total in a stage; overall: 0..1 of the job; eta_s: estimated seconds left, None if unknown."""

    stage: str
    step: int
    total: int
    overall: float
    eta_s: float | None


class Progress:
    """Passed to an engine's `run`, for one job and its thread. Callbacks that are not given are not called.

    expected: seconds by stage of earlier jobs of the kind, which take the place of the shares that engines announce.
    times: seconds by stage of this job.
    """

    def __init__(
        self,
        on_progress: Callable[[ProgressUpdate], None] | None = None,
        on_preview: Callable[[np.ndarray | None, Mesh | None], None] | None = None,
        is_cancelled: Callable[[], bool] | None = None,
        clock: Callable[[], float] = time.monotonic,
        is_ending: Callable[[], bool] | None = None,
        folder: Path | None = None,
        expected: dict[str, float] | None = None,
    ) -> None:
        self.times: dict[str, float] = {}
        self._expected, self._entered = expected or {}, clock()
        self.folder = folder  # for checkpoints; None keeps none
        self._is_ending = is_ending
        self._on_progress, self._on_preview, self._is_cancelled = on_progress, on_preview, is_cancelled
        self._clock, self._start, self._sent = clock, clock(), -1e9
        self._shares: dict[str, float] = {}  # of the announced stages, the first of which begins here:
        self._planned_from = 0.0
        self._stage, self._share, self._before, self._overall = "", 0.0, 0.0, 0.0

    def plan(self, shares: dict[str, float]) -> None:
        """Announce the stages that follow, in their order, and roughly how the rest of the time divides among them; any
        positive numbers do."""
        self._planned_from = self._overall
        shares = self._weighted(shares)
        rest, whole = 1 - self._overall, sum(shares.values())
        self._shares = {stage: rest * share / whole for stage, share in shares.items()}

    def update(self, stage: str, step: int, total: int) -> None:
        """Report that `step` of `total` steps of a stage are done, 0 when it begins. Raises Cancelled."""
        self.check()
        is_new = stage != self._stage
        if is_new:
            self._leave()
            self._enter(stage)
        done = min(max(step / total, 0.0), 1.0) if total > 0 else 0.0
        self._overall = min(max(self._overall, self._before + self._share * done), 1.0)
        now = self._clock()
        if self._on_progress and (is_new or done == 1.0 or now - self._sent >= MIN_INTERVAL_S):
            self._sent = now
            self._on_progress(ProgressUpdate(stage, int(step), int(total), self._overall, self._eta(done, now)))

    def preview(self, views: np.ndarray | None = None, mesh: Mesh | None = None) -> None:
        """Show generated views (N, H, W, 4), uint8 or float 0..1, or an unfinished mesh. Raises Cancelled."""
        self.check()
        if views is not None:
            from .images import to_bytes  # not at the top: numpy would double the time of `--help`

            views = views if views.dtype == "uint8" else to_bytes(views)
        if self._on_preview:
            self._on_preview(views, mesh)

    @property
    def ending(self) -> bool:
        """Whether the user wants to stop here and keep the result."""
        return bool(self._is_ending and self._is_ending())

    def check(self) -> None:
        """Raise Cancelled if the job was cancelled. Call it wherever a second may pass without an `update`."""
        if self._is_cancelled and self._is_cancelled():
            raise Cancelled

    def finish(self) -> None:
        """The job's end, which is that of its last stage too."""
        self._leave()

    def _leave(self) -> None:
        now = self._clock()
        if self._stage:
            self.times[self._stage] = self.times.get(self._stage, 0.0) + now - self._entered
        self._entered = now

    def _weighted(self, shares: dict[str, float]) -> dict[str, float]:
        """The shares of stages by the seconds that they are expected to take; others keep their part of the whole."""
        known = {stage: max(self._expected[stage], 1e-3) for stage in shares if stage in self._expected}
        if not known:
            return shares
        seconds_a_share = sum(known.values()) / sum(shares[stage] for stage in known)
        return {stage: known.get(stage, share * seconds_a_share) for stage, share in shares.items()}

    def _enter(self, stage: str) -> None:
        """An announced stage begins where the announced stages before it end; any other takes half of the rest."""
        stages = list(self._shares)
        if stage in self._shares:
            begin = self._planned_from + sum(self._shares[earlier] for earlier in stages[: stages.index(stage)])
            self._share = self._shares[stage]
        else:
            begin = self._before + self._share
            self._share = (1 - begin) / 2
        self._stage, self._before = stage, begin

    def _eta(self, done: float, now: float) -> float | None:
        """Seconds left: from the stages' expected times where they are known, else from the share that is done."""
        if self._stage not in self._shares or not self._shares.keys() <= self._expected.keys():
            return (now - self._start) * (1 - self._overall) / self._overall if self._overall >= ETA_FROM else None
        stages = list(self._shares)
        number = stages.index(self._stage)
        passed = sum(self._expected[stage] for stage in stages[:number])
        pace = sum(self.times.get(stage, 0.0) for stage in stages[:number]) / passed if passed > PACE_FROM_S else 1.0
        pace = min(max(pace, 1 / PACE_LIMIT), PACE_LIMIT)
        here = (1 - done) * max(pace * self._expected[self._stage], now - self._entered)
        return here + pace * sum(self._expected[stage] for stage in stages[number + 1 :])
