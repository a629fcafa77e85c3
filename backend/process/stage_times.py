# SPDX-License-Identifier: GPL-3.0-or-later
"""How long each stage took in earlier jobs of a kind on this machine, so that the time left is an honest estimate."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..interface.files import read_json, write_whole

FILE = "stage_times.json"  # in the folder of the jobs
KINDS_KEPT = 200
NEWEST_SHARE = 0.5  # of the last job in the mean; machines and drivers change

Times = dict[str, float]


def kind_of(task: str, parameters: Any, is_warm: bool) -> str:
    """A key for jobs that take equally long: the same task and settings, models loaded or not. Settings that are
    fractional numbers, such as angles, hardly change the time."""
    settings = {n: value for n, value in vars(parameters).items() if n == "minutes" or not isinstance(value, float)}
    text = json.dumps([task, settings, is_warm], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_times(jobs: Path, kind: str) -> Times:
    """Seconds by stage of earlier jobs of this kind; empty if there were none, or the file cannot be read."""
    times = (read_json(jobs / FILE) or {}).get(kind)
    if not isinstance(times, dict) or not all(type(s) in (int, float) and 0 <= s < 1e9 for s in times.values()):
        return {}
    return times


def remember_times(jobs: Path, kind: str, times: Times) -> None:
    """Take a finished job's seconds by stage into the mean. A disk that is full costs the estimate alone."""
    known, before = read_json(jobs / FILE) or {}, read_times(jobs, kind)
    mean = {stage: before.get(stage, s) * (1 - NEWEST_SHARE) + s * NEWEST_SHARE for stage, s in times.items()}
    kept = {key: value for key, value in known.items() if key != kind}
    newest = dict(list(kept.items())[-(KINDS_KEPT - 1) :]) | {kind: {k: round(v, 3) for k, v in mean.items()}}
    with suppress(OSError):
        write_whole(jobs / FILE, json.dumps(newest).encode())
