# SPDX-License-Identifier: GPL-3.0-or-later
"""A job in four records: request, progress, outcome and delivery."""

from __future__ import annotations

import enum
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ..base.arrays import MeshArrays
from ..base.durations import FEW_WORDS, left_words
from .process import Attachments

if TYPE_CHECKING:
    import bpy

FEW_S = 10.0  # fewer seconds are not counted
GROWTH = 1.2  # by what an estimate has to be longer than what is shown to replace it
NEARLY_DONE = 0.8  # the least share of the work from which a few seconds are promised
FEW_STEPS = 200  # up to this many, steps are counted; above, they are shown in per cent


def inputs_of(record: dict) -> dict:
    """The inputs in a request or provenance that comes from a file; empty if they are no dictionary."""
    inputs = record.get("inputs")
    return inputs if isinstance(inputs, dict) else {}


class State(enum.Enum):
    QUEUED = "Waiting"
    RUNNING = "Running"
    STOPPING = "Stopping"  # asked to stop here and keep the mesh
    CANCELLING = "Cancelling"
    FINISHED = "Finished"  # the result is here, but not in the scene yet
    DONE = "Done"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


WORKING = frozenset({State.RUNNING, State.STOPPING})


@dataclass(frozen=True)
class Request:
    """A click: task, settings and inputs.

    engine: empty for work that Blender does alone. name: of the object to be. attachments(): the bytes to send, called
    in a thread. origin: where they come from (filepath; session_uid of image and start; the bytes of a render; stored:
    the path of a file in a job's folder). resume: id of the job whose checkpoint to go on from. preparation: Blender's
    part before the backend's, which yields (step, total).
    """

    engine: str
    parameters: dict
    seed: int
    attachments: Attachments
    name: str
    inputs: dict = field(default_factory=dict)
    origin: dict = field(default_factory=dict)
    resume: str = ""
    preparation: Iterator[tuple[int, int]] | None = None


@dataclass
class Progress:
    """A running job's stage and previews.

    overall: 0..1. eta_s: seconds left when that was told last. ends_at: when the time left that is shown is over, on
    the clock. sheet: its views in one image, uint8 (H, W, 4), first row on top. preview: the unfinished mesh. note: why
    a finished result has to wait.
    """

    stage: str = ""
    step: int = 0
    total: int = 0
    overall: float = 0.0
    eta_s: float | None = None
    ends_at: float | None = None
    sheet: np.ndarray | None = None
    preview: MeshArrays | None = None
    note: str = ""

    def stage_text(self, translate: Callable[[str], str] = str) -> str:
        """The stage and how far it is: in steps where they are few, else in per cent."""
        stage = translate(self.stage)
        if self.total <= 1:
            return stage
        if self.total <= FEW_STEPS:
            return f"{stage} {self.step}/{self.total}"
        return f"{stage} {100 * self.step / self.total:.0f} %"

    def tell_eta(self, eta_s: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        """Take an estimate of the time left. What is shown counts down to it, and grows only where the new one is much
        longer, so that it does not jump to and fro."""
        self.eta_s, now = eta_s, clock()
        shown = 0.0 if self.ends_at is None else self.ends_at - now
        if eta_s is None:
            self.ends_at = None
        elif not shown <= eta_s <= GROWTH * shown:
            self.ends_at = now + eta_s

    def time_left(self, translate: Callable[[str], str] = str, clock: Callable[[], float] = time.monotonic) -> str:
        """The time left in words; empty where it is not known, or has been over for a while."""
        left = 0.0 if self.ends_at is None else self.ends_at - clock()
        if self.eta_s is None or left < -FEW_S:
            return ""
        if self.eta_s < FEW_S and self.overall > NEARLY_DONE:
            return translate(FEW_WORDS)
        return left_words(left, translate)


@dataclass
class Outcome:
    """A job's result: a mesh or the bytes of image files, its facts, and the job's folder. Or its failure: kind,
    message, remedy, and the parameter values with which it may fit into memory. reading: of a mesh from the disk."""

    mesh: MeshArrays | None = None
    images: list[bytes] = field(default_factory=list)
    facts: dict = field(default_factory=dict)
    folder: str = ""
    kind: str = ""
    message: str = ""
    remedy: str = ""
    lower: dict = field(default_factory=dict)
    reading: Future[MeshArrays] | None = None

    def is_here(self) -> bool:
        """Whether the mesh is read, if it comes from the disk. Raises the Trouble of reading it."""
        if self.reading and self.reading.done():
            self.mesh, self.reading = self.reading.result(), None
        return self.reading is None


class Delivery(Protocol):
    """Puts a result into Blender; addon/scene/delivery.py has one class for each kind of result."""

    @property
    def scene(self) -> int:
        """session_uid of the scene that gets the result."""
        ...

    def frame(self, vertices: np.ndarray) -> np.ndarray | None:
        """The engine's cube to the world, 4 x 4, for drawing a preview with these vertices (N, 3); None if the result
        has no place in the scene."""
        ...

    def deliver(self, job: Job, scene: bpy.types.Scene) -> None:
        """Put job.outcome into the scene, with an undo step. Main thread. Raises Trouble."""
        ...


@dataclass(eq=False)
class Job:
    """One click. Jobs are equal if they are the same one.

    sent: to a backend, which has said something about it since if is_taken.
    """

    request: Request
    delivery: Delivery
    id: str = field(default_factory=lambda: time.strftime("%Y%m%d-%H%M%S-") + os.urandom(3).hex())
    state: State = State.QUEUED
    sent: bool = False
    is_taken: bool = False
    is_sent_again: bool = False
    progress: Progress = field(default_factory=Progress)
    outcome: Outcome = field(default_factory=Outcome)

    @property
    def name(self) -> str:
        return self.request.name

    def message(self) -> dict:
        """The protocol's request. The name is for people who look at the job's folder later."""
        request = self.request
        message = {"type": "request", "job": self.id, "name": request.name, "engine": request.engine}
        message |= {"parameters": request.parameters, "seed": request.seed, "inputs": request.inputs}
        return message | ({"resume": request.resume} if request.resume else {})

    def provenance(self) -> dict:
        """All that it takes to make the result again, and the result's own facts."""
        request = self.request
        return {
            "engine": request.engine,
            "parameters": request.parameters,
            "seed": request.seed,
            "input": request.name,
            "inputs": request.inputs,
            "job": self.id,
            "report": self.outcome.facts,
        }

    def release(self) -> None:
        """Free the memory of inputs and result, at the job's end."""
        self.request = replace(self.request, attachments=dict, origin={}, preparation=None)
        self.progress.preview, self.outcome.mesh, self.outcome.images = None, None, []
