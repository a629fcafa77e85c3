# SPDX-License-Identifier: GPL-3.0-or-later
"""How true the time left is at a third of the way: jobs of all engines and qualities, through the real server.

Prints a row a kind, and how many estimates lie within a factor of 1.5. Each kind of job runs twice: first in a new
process with an empty folder of jobs, where only the shipped table is known, and later in the same one.

With --session, 30 jobs run one after the other in one process, as an artist's do: a kind that is new is estimated from
the table and from what earlier jobs of other kinds have taken on this machine.

python -m benchmarks.time_left --only lrm
python -m benchmarks.time_left --session
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from backend.interface import protocol
from backend.interface.presets import preset
from backend.interface.tasks import task
from tests.support import ROOT
from tests.support.backend_client import Client

FACTOR = 1.5
PROMPT = {"prompt": "a red car"}
SHORT = {"steps": 20}  # of the engines that optimise, so that all kinds together take half an hour


@dataclass
class Case:
    """A kind of job: an engine, a preset, and what differs from the preset's parameters."""

    engine: str
    quality: str
    changes: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return " ".join([self.engine, self.quality, *(f"{k}={v}" for k, v in (self.changes | self.inputs).items())])

    def parameters(self) -> dict[str, Any]:
        return preset(task(self.engine), self.quality) | self.changes


CASES = (
    *(Case(engine, quality) for engine in ("lrm", "one2345") for quality in ("fast", "balanced", "best")),
    Case("lrm", "balanced", {"texture": "off", "max_faces": 200_000}),
    Case("one2345", "balanced", {"texture": "off"}),
    Case("lrm", "fast", {}, PROMPT),
    Case("zero123_sds", "fast", {"minutes": 0.5}),
    Case("zero123_sds", "balanced", SHORT),
    Case("zero123_sds", "best", SHORT | {"start": "fast"}),
    *(
        Case(engine, quality, changes, inputs)
        for engine, inputs in (("make_it_3d", {}), ("dreamfusion", PROMPT), ("mvdream", PROMPT))
        for quality, changes in (("fast", {"minutes": 0.5}), ("balanced", SHORT), ("best", {"steps": 10}))
    ),
    Case("text_to_image", "balanced", {"steps": 400}, PROMPT),
    Case("views_from_text", "balanced", {"steps": 400}, PROMPT),
)


NAMES_OF_SESSION = (  # an artist's session: qualities tried, engines tried, what was good made again
    *("lrm fast", "lrm balanced", "lrm balanced", "lrm best", "lrm fast", "lrm best"),
    *("one2345 fast", "one2345 balanced", "one2345 best", "one2345 balanced", "one2345 best"),
    *("text_to_image balanced", "lrm fast prompt", "text_to_image balanced", "lrm fast prompt"),
    *("zero123_sds fast", "zero123_sds balanced", "zero123_sds best", "zero123_sds balanced"),
    *("make_it_3d fast", "make_it_3d balanced", "make_it_3d best"),
    *("dreamfusion fast", "dreamfusion balanced", "dreamfusion best"),
    *("mvdream fast", "mvdream balanced", "views_from_text balanced", "views_from_text balanced"),
    "lrm balanced texture=off",
)


@dataclass
class Trace:
    """seconds: of the whole job. seen: (seconds since the click, stage, step, total, seconds left or None)."""

    seconds: float
    seen: list[tuple[float, str, int, int, float | None]]

    def ratio(self, share: float = 1 / 3) -> float | None:
        """Estimated over true time left after a share of the time; None where nothing was said by then."""
        now = share * self.seconds
        told = [row for row in self.seen if row[0] <= now]
        if not told or told[-1][4] is None:
            return None
        return max(told[-1][4] - (now - told[-1][0]), 0.0) / (self.seconds - now)

    def stages(self) -> dict[str, float]:
        """Seconds by stage."""
        begins: dict[str, float] = {}
        for now, stage, *_ in self.seen:
            begins.setdefault(stage, now)
        ends = [*list(begins.values())[1:], self.seconds]
        return {name: round(end - begin, 2) for (name, begin), end in zip(begins.items(), ends, strict=True)}


def play(client: Client, case: Case, job: str) -> Trace:
    """Run a job to its end. Raises AssertionError if it fails."""
    declared = task(case.engine)
    takes_image = "image" in declared.inputs and "prompt" not in case.inputs
    attachments = {"image_file": (ROOT / "demo" / "sample.png").read_bytes()} if takes_image else {}
    message = {"type": "request", "job": job, "engine": case.engine, "parameters": case.parameters(), "seed": 1}
    began, seen = time.monotonic(), []
    client.send(message | {"inputs": case.inputs}, **attachments)
    while True:
        said, _ = client.expect("progress", "result", "picture", "failure", job=job)
        now = time.monotonic() - began
        assert said["type"] != "failure", said
        if said["type"] != "progress":
            return Trace(now, seen)
        seen.append((now, said["stage"], said["step"], said["total"], said["eta_s"]))


def play_twice(case: Case) -> tuple[Trace, Trace]:
    """The first job of a new process with nothing known, and the same job again."""
    with tempfile.TemporaryDirectory() as folder:
        jobs = Path(folder) / "jobs"
        client = Client(protocol.command(sys.executable, ROOT, "serve", "--jobs", str(jobs)), Path(folder) / "log")
        client.expect("hello")
        traces = play(client, case, "first"), play(client, case, "later")
        client.end()
    return traces


def play_session(cases: list[Case]) -> Iterator[Trace]:
    """The jobs one after the other in one process."""
    with tempfile.TemporaryDirectory() as folder:
        jobs = Path(folder) / "jobs"
        client = Client(protocol.command(sys.executable, ROOT, "serve", "--jobs", str(jobs)), Path(folder) / "log")
        client.expect("hello")
        for number, case in enumerate(cases):
            yield play(client, case, f"job-{number}")
        client.end()


def session() -> None:
    """Play NAMES_OF_SESSION and print a row a job."""
    cases = [next(case for case in CASES if case.name.startswith(name)) for name in NAMES_OF_SESSION]
    ratios = []
    for case, trace in zip(cases, play_session(cases), strict=True):
        ratios.append(trace.ratio())
        print(f"{case.name:60} {trace.seconds:>7.1f} {described(ratios[-1]):>8}", flush=True)
    print(f"{sum(map(is_true, ratios))} of {len(ratios)} within a factor of {FACTOR}")


def described(ratio: float | None) -> str:
    return "none" if ratio is None else f"{ratio:.2f}{'' if is_true(ratio) else ' !'}"


def is_true(ratio: float | None) -> bool:
    return ratio is not None and 1 / FACTOR <= ratio <= FACTOR


def main(
    only: Annotated[str, typer.Option(help="Kinds whose name contains this.")] = "",
    as_session: Annotated[bool, typer.Option("--session", help="30 jobs in one process instead.")] = False,
    output: Annotated[Path | None, typer.Option(help="A file that gets a line of JSON for each kind.")] = None,
) -> None:
    if as_session:
        session()
        return
    ratios = []
    print(f"{'kind':60} {'seconds':>15} {'first':>8} {'later':>8}", flush=True)
    for case in (case for case in CASES if only in case.name):
        traces = play_twice(case)
        ratios += [trace.ratio() for trace in traces]
        seconds = " ".join(f"{trace.seconds:.1f}" for trace in traces)
        print(f"{case.name:60} {seconds:>15} {described(ratios[-2]):>8} {described(ratios[-1]):>8}", flush=True)
        if output:
            row = {"kind": case.name, "parameters": case.parameters(), "engine": case.engine}
            row |= {"stages": [trace.stages() for trace in traces], "seen": [trace.seen for trace in traces]}
            with output.open("a") as file:
                file.write(json.dumps(row) + "\n")
    for name, some in (("first", ratios[::2]), ("later", ratios[1::2]), ("all", ratios)):
        print(f"{name}: {sum(map(is_true, some))} of {len(some)} within a factor of {FACTOR}")


if __name__ == "__main__":
    typer.run(main)
