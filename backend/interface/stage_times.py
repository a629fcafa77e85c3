# SPDX-License-Identifier: GPL-3.0-or-later
"""How long each stage took in earlier jobs of a kind on this machine, so that the time left is an honest estimate."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from .files import read_json, write_whole
from .tasks import task

FILE = "stage_times.json"  # in the folder of the jobs
KINDS_KEPT = 200
NEWEST_SHARE = 0.5  # of the last job in the mean; machines and drivers change
MATTER = frozenset({"weights", "minutes"})  # texts and fractional numbers that change the time; others hardly do
COUNTS = ("views", "angles", "photos", "drawn")  # of inputs; drawn: pictures to make of a prompt first

Times = dict[str, float]  # seconds by stage, in their order


@dataclass(frozen=True)
class Kind:
    """Jobs that take equally long. settings: parameters and counts of inputs that change the time. is_warm: whether
    the models are loaded already."""

    task: str
    settings: dict[str, Any]
    is_warm: bool

    @cached_property
    def key(self) -> str:
        text = json.dumps([self.task, self.settings, self.is_warm], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def networks(self) -> tuple[Any, ...]:
        """Task, weights and device: jobs that share these differ in their settings alone."""
        return self.task, self.settings.get("weights"), self.settings.get("device")


Known = dict[str, tuple[Kind, Times]]  # the mean of earlier jobs by their kind's key, the newest last


def kind_of(name: str, parameters: Mapping[str, Any], is_warm: bool, counts: Mapping[str, int] | None = None) -> Kind:
    """The kind of a job of that task, from all its parameters and from `counts_of` its inputs."""
    kinds = {p.name: p.kind for p in task(name).parameters}
    settings = {n: v for n, v in parameters.items() if n in MATTER or kinds.get(n) in ("int", "bool", "choice")}
    return Kind(name, settings | dict(counts or {}), is_warm)


def counts_of(name: str, inputs: Mapping[str, Any]) -> dict[str, int]:
    """Numbers of inputs that change the time, by COUNTS."""
    counts = {n: len(inputs[n]) for n in COUNTS if n in inputs}
    takes = task(name).inputs
    is_drawn = "prompt" in inputs and "image" not in inputs and "prompt" not in takes and "image" in takes
    return counts | ({"drawn": 1} if is_drawn else {})


def read_known(jobs: Path) -> Known:
    """All that is remembered; empty if that is nothing, or the file cannot be read."""
    known = {}
    for record in (read_json(jobs / FILE) or {}).values():
        with suppress(KeyError, TypeError, ValueError, AttributeError):  # ParameterError is a ValueError
            kind, times = read_kind(record), record["times"]
            if all(type(s) in (int, float) and 0 <= s < 1e9 for s in times.values()):
                known[kind.key] = kind, times
    return known


def read_kind(record: dict[str, Any]) -> Kind:
    """The kind in a record of the file. Raises KeyError, TypeError, ValueError or AttributeError."""
    declared = task(record["task"])
    names = {parameter.name for parameter in declared.parameters}
    given = record["settings"].items()
    parameters = vars(declared.check({name: value for name, value in given if name in names}))
    counts = {name: int(value) for name, value in given if name in COUNTS}
    return kind_of(declared.name, parameters, bool(record["is_warm"]), counts)


def remember_times(jobs: Path, kind: Kind, times: Times) -> None:
    """Take a finished job's seconds by stage into the mean. A disk that is full costs the estimate alone."""
    known = read_known(jobs)
    before = known.pop(kind.key, (kind, {}))[1]
    mean = {stage: before.get(stage, s) * (1 - NEWEST_SHARE) + s * NEWEST_SHARE for stage, s in times.items()}
    newest = dict(list(known.items())[-(KINDS_KEPT - 1) :]) | {kind.key: (kind, mean)}
    records = {
        key: {"task": of.task, "settings": of.settings, "is_warm": of.is_warm, "times": rounded(seconds)}
        for key, (of, seconds) in newest.items()
    }
    with suppress(OSError):
        write_whole(jobs / FILE, json.dumps(records).encode())


def rounded(times: Times) -> Times:
    return {stage: round(seconds, 3) for stage, seconds in times.items()}
