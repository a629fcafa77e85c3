# SPDX-License-Identifier: GPL-3.0-or-later
"""One job: what the artist asked for, how far it is, and what came of it."""

from __future__ import annotations

import enum
import secrets
import time
from dataclasses import dataclass, field

import numpy as np

from .arrays import MeshArrays
from .process import Attachments


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

    engine: str
    parameters: dict
    seed: int
    attachments: Attachments
    name: str  # of the object to be
    location: tuple[float, float, float] = (0.0, 0.0, 0.0)  # of the 3D cursor when the artist clicked
    scene: int = 0  # session_uid of the scene
    inputs: dict = field(default_factory=dict)
    id: str = field(default_factory=lambda: time.strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(3))
    state: State = State.QUEUED
    stage: str = ""
    step: int = 0
    total: int = 0
    overall: float = 0.0  # 0..1
    eta_s: float | None = None
    sheet: np.ndarray | None = None  # picture of the generated views, uint8 (H, W, 4), first row on top
    mesh: MeshArrays | None = None
    report: dict = field(default_factory=dict)
    folder: str = ""
    note: str = ""
    kind: str = ""
    message: str = ""
    remedy: str = ""
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
            "job": self.id,
            "report": self.report,
        }
