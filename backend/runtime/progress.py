# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress, previews and cancellation of a job."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..interface.shipped_times import LOADING

if TYPE_CHECKING:
    import numpy as np

    from ..rendering.mesh import Mesh

CHECKPOINT = "state.pt"  # in a job's folder: the state from which an optimisation can be resumed
CURVES = "curves.png"  # beside it: the losses
MIN_INTERVAL_S = 0.1  # between two updates in one stage
PACE_LIMIT = 2.0  # how much slower or faster than expected the rest may be taken for
PACE_FROM_S = 2.0  # expected seconds of finished stages from which their real time corrects the rest
TRUST = 4.0  # times the share of a stage's steps: how much its own pace counts against the expected time,
MOST_TRUST = 1.0, 0.5  # at most; and if the expected time was measured, because first and last steps differ
COUNTED = 8  # steps a stage must have to go on at one pace
UNEVEN = frozenset({"Surface", "Colors", "Texture", "Start", "Picture of a Prompt"})  # do not end with their steps
OVERRUN = 0.2  # of the time that a stage has taken is left, at least, where its end is not known
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

    expected: seconds by stage, in their order; they take the place of the shares that engines announce where they know
    all of the stages. is_measured: whether they were measured with a job of this kind. times: seconds by stage of this
    job.
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
        is_measured: bool = False,
    ) -> None:
        self.times: dict[str, float] = {}
        self.remarks: list[str] = []  # sentences for the result's warning
        self._expected, self._entered = expected or {}, clock()
        self._most_trust = MOST_TRUST[is_measured]
        self.folder = folder  # for checkpoints; None keeps none
        self._is_ending = is_ending
        self._on_progress, self._on_preview, self._is_cancelled = on_progress, on_preview, is_cancelled
        self._clock, self._start, self._sent = clock, clock(), -1e9
        self._shares: dict[str, float] = {}  # of the announced stages, the first of which begins here:
        self._planned_from = 0.0
        self._stage, self._share, self._before, self._overall = "", 0.0, 0.0, 0.0
        self._step, self._total, self._is_open = 0, 0, False  # open: its number of steps grows as it goes on

    def plan(self, shares: dict[str, float]) -> None:
        """Announce the stages that follow, in their order, and roughly how the rest of the time divides among them; any
        positive numbers do."""
        self._planned_from = self._overall
        rest, whole = 1 - self._overall, sum(shares.values())
        self._shares = {stage: rest * share / whole for stage, share in shares.items()}

    def update(self, stage: str, step: int, total: int) -> None:
        """Report that `step` of `total` steps of a stage are done, 0 when it begins. Raises Cancelled."""
        self.check()
        is_new = stage != self._stage
        if is_new:
            self._leave()
            self._enter(stage)
        self._is_open = not is_new and (self._is_open or total != self._total)
        self._step, self._total = step, total
        now = self._clock()
        if is_new or step >= total or now - self._sent >= MIN_INTERVAL_S:
            self._send(now)

    def repeat(self) -> None:
        """Report the last step again with the time left by now, for stages that report seldom. From any thread."""
        now = self._clock()
        if self._stage and now - self._sent >= MIN_INTERVAL_S:
            self._send(now)

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

    def _send(self, now: float) -> None:
        """Tell how far the job is. Where the time left is known by stage, the bar goes by the time."""
        self._sent, stage = now, self._stage
        done = min(max(self._step / self._total, 0.0), 1.0) if self._total > 0 else 0.0
        eta, passed = self._known_eta(stage, done, now), now - self._start
        if eta is None:
            self._advance(self._before + self._share * done)
            eta = passed * (1 - self._overall) / self._overall if self._overall >= ETA_FROM else None
        else:
            self._advance(passed / (passed + eta) if eta else 1.0)
        if self._on_progress:
            self._on_progress(ProgressUpdate(stage, int(self._step), int(self._total), self._overall, eta))

    def _advance(self, overall: float) -> None:
        self._overall = min(max(self._overall, overall), 1.0)

    def _known_eta(self, stage: str, done: float, now: float) -> float | None:
        """Seconds left from the stages' expected times, None where a stage has none."""
        expected = self._expected
        if stage not in expected or not self._shares.keys() - {""} <= expected.keys():
            return None
        stages = list(expected)
        finished = list(self.times)  # a copy, because `repeat` comes from another thread
        # Loading tells about the disk alone.
        measured = [s for s in finished if s in expected and s not in LOADING and s != stage]
        wanted = sum(expected[s] for s in measured)
        pace = sum(self.times[s] for s in measured) / wanted if wanted > PACE_FROM_S else 1.0
        pace = min(max(pace, 1 / PACE_LIMIT), PACE_LIMIT)
        coming = [s for s in stages[stages.index(stage) + 1 :] if s not in finished]
        later = sum(expected[s] * (1 if s in LOADING else pace) for s in coming)
        passed = self.times.get(stage, 0.0) + now - self._entered
        return self._rest_of_stage(pace * expected[stage], done, passed) + later

    def _rest_of_stage(self, expected: float, done: float, passed: float) -> float:
        """Seconds left of a stage of which a share is done after `passed` seconds: by its steps where they are many and
        known, else by the time that it should take."""
        is_uneven = self._is_open or self._stage in UNEVEN
        if is_uneven or self._total < COUNTED:
            return max(expected - passed, OVERRUN * passed) if is_uneven or done < 1 else 0.0
        trust = min(TRUST * done, self._most_trust)
        whole = trust * passed / done + (1 - trust) * expected if done else expected
        return (1 - done) * max(whole, passed)
