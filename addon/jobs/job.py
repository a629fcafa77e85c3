# SPDX-License-Identifier: GPL-3.0-or-later
"""One job: what the artist asked for, how far it is, and what came of it."""

from __future__ import annotations

import enum
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..base.arrays import MeshArrays
from .process import Attachments

FEW_STEPS = 200  # up to which steps are counted, instead of per cent


class State(enum.Enum):
    QUEUED = "Waiting"
    RUNNING = "Running"
    CANCELLING = "Cancelling"
    FINISHED = "Finished"  # the result is here, but not in the scene yet
    DONE = "Done"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


@dataclass
class Job:
    """One click: what was asked for, how far it is, and what came of it."""

    engine: str  # empty for work that Blender does alone
    parameters: dict
    seed: int
    attachments: Attachments
    name: str  # of the object to be
    location: tuple[float, float, float] = (0.0, 0.0, 0.0)  # of the 3D cursor when the artist clicked
    scene: int = 0  # session_uid of the scene
    inputs: dict = field(default_factory=dict)
    origin: dict = field(default_factory=dict)  # of the attachments: filepath, session_uid of image and start, render
    id: str = field(default_factory=lambda: time.strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(3))
    state: State = State.QUEUED
    stage: str = ""
    step: int = 0
    total: int = 0
    overall: float = 0.0  # 0..1
    eta_s: float | None = None
    sheet: np.ndarray | None = None  # picture of the generated views, uint8 (H, W, 4), first row on top
    mesh: MeshArrays | None = None
    images: list[bytes] = field(default_factory=list)  # files, for a job that makes no mesh but pictures
    preparation: Iterator[tuple[int, int]] | None = None  # Blender's own part before the backend's: (step, total)
    placement: dict = field(default_factory=dict)  # of a new mesh, as `placement.wanted` has it
    frame: np.ndarray | None = None  # cube to world, 4 x 4, for previews; at `location` if None
    preview: MeshArrays | None = None  # the mesh as it is by now
    place: Callable[[Job, Any], None] | None = None  # puts the result into the scene, where that is not the usual way
    report: dict = field(default_factory=dict)
    folder: str = ""
    note: str = ""
    kind: str = ""
    message: str = ""
    remedy: str = ""
    lower: dict = field(default_factory=dict)  # parameters and the values with which the job may fit into memory
    sent: bool = False

    def request(self) -> dict:
        return {
            "type": "request",
            "job": self.id,
            "name": self.name,  # for people who look at the job's folder later
            "engine": self.engine,
            "parameters": self.parameters,
            "seed": self.seed,
            "inputs": self.inputs,
        }

    def recipe(self) -> dict:
        """What it takes to make the same mesh again, and how it went."""
        return {
            "engine": self.engine,
            "parameters": self.parameters,
            "seed": self.seed,
            "input": self.name,
            "inputs": self.inputs,
            "job": self.id,
            "report": self.report,
        }

    def stage_text(self) -> str:
        """The stage and how far it is: steps where they are few, else per cent."""
        if self.total <= 1:
            return self.stage.capitalize()
        if self.total <= FEW_STEPS:
            return f"{self.stage} {self.step}/{self.total}".capitalize()
        return f"{self.stage} {100 * self.step / self.total:.0f} %".capitalize()

    def time_left(self) -> str:
        """Words for an estimate, which is never exact to the second; empty when there is none."""
        if self.eta_s is None:
            return ""
        if self.eta_s < 10:
            return "a few seconds left"
        if self.eta_s < 90:
            return f"about {round(self.eta_s / 5) * 5} s left"
        return f"about {round(self.eta_s / 60)} min left"
