# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a job will take: as long as earlier jobs of its kind, else by the shipped table, corrected by whatever this
machine has finished before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import log
from statistics import median
from typing import Any

from .shipped_times import LOADING, TEXTURED_FACES, TIMED, shipped_times
from .stage_times import Kind, Known, Times

BOUND = 20.0  # times that a machine may be slower or faster than the table


def expected_times(kind: Kind, known: Known, device: str = "cpu") -> Times:
    """Seconds by stage of a job, in the stages' order. known: of earlier jobs. device: cpu, cuda or mps.

    A stage of a new kind takes the table's time, times the ratio of real to table's time in the earlier job that comes
    nearest to it; without such a job, times the machine's ratio.
    """
    if kind.key in known:
        return known[kind.key][1]
    others = [(other, times, shipped_times(other, device)) for other, times in known.values()]
    same_device = [(times, table) for other, times, table in others if other.networks[2] == kind.networks[2]]
    machine, found = speed(same_device), {}
    for stage, seconds in shipped_times(kind, device).items():
        near = [
            (abs(log(table[stage] / seconds)), times[stage] / table[stage])
            for other, times, table in others
            if other.networks == kind.networks
            and stage in times.keys() & table.keys()
            and (stage not in LOADING or other.is_warm == kind.is_warm)
        ]
        ratio = min(near)[1] if near else 1.0 if stage in LOADING else machine
        is_limited = stage in TIMED and kind.settings.get("minutes")
        found[stage] = seconds if is_limited else seconds * min(max(ratio, 1 / BOUND), BOUND)
    return found


def is_measured(kind: Kind, known: Known) -> bool:
    """Whether a job with the same settings is known, models loaded or not."""
    return any((other.task, other.settings) == (kind.task, kind.settings) for other, _ in known.values())


def speed(jobs: Iterable[tuple[Times, Times]]) -> float:
    """By how much this machine is slower than the table, from (real, table's) seconds of jobs; 1 without any."""
    ratios = []
    for times, table in jobs:
        if stages := (times.keys() & table.keys()) - LOADING - TIMED:
            ratios.append(sum(times[s] for s in stages) / sum(table[s] for s in stages))
    return median(ratios) if ratios else 1.0


def device_of(wanted: str, devices: Iterable[Mapping[str, Any]]) -> str:
    """The kind of device that a job will use: the wanted one; for "auto" the best of a greeting's devices."""
    if wanted != "auto":
        return wanted
    kinds = {device.get("kind") for device in devices}
    return next((kind for kind in ("cuda", "mps") if kind in kinds), "cpu")


def most_faces(settings: Mapping[str, Any]) -> int:
    """The most faces that a mesh made with these parameters has; 0 if nothing limits them."""
    most = settings["max_faces"]
    return most if settings["texture"] == "off" else min(most or TEXTURED_FACES, TEXTURED_FACES)
