# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of one kind, one after the other, and a table of what came of them. Linux; some kinds need root.

python -m benchmarks.faults --kind kill --count 300 --resume build/faults.jsonl
python -m benchmarks.faults --resume build/faults.jsonl --table
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer

from .clocks import Clocks
from .disk import Disk
from .downloads import Downloads
from .folders import Folders
from .kill import Kill
from .memory import Memory
from .sleep import Sleep


class Campaign(Protocol):
    """Faults of one kind."""

    def trial(self, number: int, dice: random.Random) -> tuple[dict[str, Any], list[str]]:
        """Let one fault happen; returns what happened, and in words what did not hold."""
        ...

    def close(self) -> None: ...


KINDS: dict[str, Callable[[Path], Campaign]] = {
    "kill": Kill,
    "disk": Disk,
    "memory": Memory,
    "folders": Folders,
    "clocks": Clocks,
    "sleep": Sleep,
    "downloads": Downloads,
}


def main(
    kind: Annotated[str, typer.Option(help=f"One of {', '.join(KINDS)}; or all.")] = "all",
    count: Annotated[int, typer.Option(help="How many of each kind.")] = 5,
    seed: Annotated[int, typer.Option(help="Of the random moments.")] = 0,
    only: Annotated[int, typer.Option(help="One trial, by its number.")] = -1,
    seconds: Annotated[float, typer.Option(help="Begin no trial after this time.")] = 1e9,
    resume: Annotated[Path | None, typer.Option(help="A file of records: what it has is not tried again.")] = None,
    table: Annotated[bool, typer.Option("--table", help="Print the table of the records alone.")] = False,
) -> None:
    records = read(resume)
    end = time.monotonic() + seconds
    for name in [] if table else KINDS if kind == "all" else [kind]:
        done = {record["number"] for record in records if (record["kind"], record["seed"]) == (name, seed)}
        wanted = [n for n in range(count) if n not in done] if only < 0 else [only]
        for record in run(name, wanted, seed, end) if wanted else ():
            records.append(record)
            print(json.dumps(record), flush=True)
            if resume:
                resume.parent.mkdir(parents=True, exist_ok=True)
                with resume.open("a") as file:
                    file.write(json.dumps(record) + "\n")
    print_table(records)
    raise typer.Exit(any(record["broken"] for record in records))


def read(path: Path | None) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path and path.exists() else []


def run(kind: str, numbers: list[int], seed: int, end: float):
    """Yield the record of each trial."""
    with tempfile.TemporaryDirectory(prefix="faults-") as scratch:
        campaign = KINDS[kind](Path(scratch))
        try:
            for number in numbers:
                if time.monotonic() > end:
                    return
                began = time.monotonic()
                try:
                    what, broken = campaign.trial(number, random.Random(f"{kind} {seed} {number}"))
                except Exception as error:  # Blender's side may not fail either
                    traceback.print_exc()
                    what, broken = {}, [f"Blender's side failed: {error!r}"]
                took = round(time.monotonic() - began, 1)
                yield {"kind": kind, "seed": seed, "number": number, **what, "took_s": took, "broken": list(broken)}
        finally:
            campaign.close()


def print_table(records: list[dict[str, Any]]) -> None:
    """A row a kind and a way, then every trial that failed."""
    rows: dict[str, list[bool]] = defaultdict(list)
    for record in records:
        for row in (record["kind"], f"{record['kind']}, {record.get('way', '?')}", "~ all"):
            rows[row].append(bool(record["broken"]))
    print(f"{'kind':26} {'tried':>6} {'survived':>9} {'failed':>7}")
    for row, failed in sorted(rows.items()):
        print(f"{row:26} {len(failed):>6} {len(failed) - sum(failed):>9} {sum(failed):>7}")
    for record in records:
        if record["broken"]:
            print(f"--kind {record['kind']} --seed {record['seed']} --only {record['number']}: {record['broken']}")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # and leave no folder and no mount
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    typer.run(main)
