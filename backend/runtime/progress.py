# SPDX-License-Identifier: GPL-3.0-or-later
"""How an engine tells what it is doing, and learns that it is no longer wanted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..rendering.mesh import Mesh

CHECKPOINT = "state.pt"  # in a job's folder: what going on with the job needs
SHORTEST_S = 0.1  # between two messages of one stage
GUESS_FROM = 0.02  # of the whole that must be done before the time left is worth telling


class Cancelled(Exception):
    """The user does not want this job any more."""


@dataclass(frozen=True)
class ProgressUpdate:
    """step of total in a stage; overall 0..1 of the whole job; eta_s seconds left, None while nobody can know."""

    stage: str
    step: int
    total: int
    overall: float
    eta_s: float | None


class Progress:
    """Passed to an engine's `run`; says nothing where no listener is given. For one job, used from its thread."""

    def __init__(
        self,
        on_progress: Callable[[ProgressUpdate], None] | None = None,
        on_preview: Callable[[np.ndarray | None, Mesh | None], None] | None = None,
        is_cancelled: Callable[[], bool] | None = None,
        clock: Callable[[], float] = time.monotonic,
        is_ending: Callable[[], bool] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.folder = folder  # of the job: where an engine keeps what it needs to go on
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
        rest, whole = 1 - self._overall, sum(shares.values())
        self._shares = {stage: rest * share / whole for stage, share in shares.items()}

    def update(self, stage: str, step: int, total: int) -> None:
        """Say that `step` of `total` steps of a stage are done (0 when it begins). Raises Cancelled like `check`."""
        self.check()
        is_new = stage != self._stage
        if is_new:
            self._enter(stage)
        done = min(max(step / total, 0.0), 1.0) if total > 0 else 0.0
        self._overall = min(max(self._overall, self._before + self._share * done), 1.0)
        now = self._clock()
        if self._on_progress and (is_new or done == 1.0 or now - self._sent >= SHORTEST_S):
            self._sent = now
            self._on_progress(ProgressUpdate(stage, int(step), int(total), self._overall, self._eta(now - self._start)))

    def preview(self, views: np.ndarray | None = None, mesh: Mesh | None = None) -> None:
        """Show generated views (N, H, W, 4), uint8 or float 0..1, or an unfinished mesh. Raises Cancelled."""
        self.check()
        if views is not None:
            views = np.asarray(views)
            if views.dtype != np.uint8:
                views = np.rint(np.clip(np.nan_to_num(views), 0, 1) * 255).astype(np.uint8)
        if self._on_preview:
            self._on_preview(views, mesh)

    @property
    def ending(self) -> bool:
        """Whether the user wants what there is now: stop here and keep the mesh."""
        return bool(self._is_ending and self._is_ending())

    def check(self) -> None:
        """Raise Cancelled when the job was cancelled. Call it wherever a second may pass without a `progress`."""
        if self._is_cancelled and self._is_cancelled():
            raise Cancelled

    def _enter(self, stage: str) -> None:
        """An announced stage begins where the announced stages before it end; any other takes half of what is left."""
        stages = list(self._shares)
        if stage in self._shares:
            begin = self._planned_from + sum(self._shares[earlier] for earlier in stages[: stages.index(stage)])
            self._share = self._shares[stage]
        else:
            begin = self._before + self._share
            self._share = (1 - begin) / 2
        self._stage, self._before = stage, begin

    def _eta(self, elapsed: float) -> float | None:
        return elapsed * (1 - self._overall) / self._overall if self._overall >= GUESS_FROM else None
