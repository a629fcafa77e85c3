# SPDX-License-Identifier: GPL-3.0-or-later
"""How readers bear damaged and hostile files: many inputs of every format, counted by outcome.

    python -m benchmarks.fuzz [--inputs 50000] [--format all] [--seed 0] [--findings build/fuzz]

Each finding, an input with which a reader did what none may do, is saved as files; one of a kind. `--replay FOLDER`
tries the files of one again. `tests/fuzzing` has the formats, the changes and the property; hypothesis drives both.
"""

from __future__ import annotations

import hashlib
import logging
import resource
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from random import Random
from typing import Annotated

import typer
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzzing.format import Finding, Format, check, fresh_folder
from tests.fuzzing.formats import FORMATS
from tests.fuzzing.walls import Walls

ROOM = 6 << 30  # bytes of address space beyond what is taken at the start: no input takes the machine down
SLICE = 500  # inputs of one run of hypothesis, which remembers all of them


def main(
    inputs: Annotated[int, typer.Option(min=1, help="In all; every format gets as many.")] = 50_000,
    format: Annotated[str, typer.Option(help="One or several names with commas, or all.")] = "all",
    start: Annotated[int, typer.Option("--seed", help="Another one gives other inputs.")] = 0,
    findings: Annotated[Path, typer.Option(help="Where findings are saved.")] = Path("build/fuzz"),
    replay: Annotated[Path | None, typer.Option(help="A finding's folder to try again.")] = None,
) -> None:
    warnings.simplefilter("ignore")
    logging.disable()
    names = [chosen.name for chosen in FORMATS] if format == "all" else format.split(",")
    if unknown := set(names) - {chosen.name for chosen in FORMATS}:
        raise typer.BadParameter(f"unknown: {', '.join(unknown)}; known: {', '.join(f.name for f in FORMATS)}")
    walls, chosen = Walls(), [f for f in FORMATS if f.name in names]
    limit_memory()
    if replay:
        for one in chosen:
            print(one.name, try_again(one, replay, walls))
        return
    print(f"{'format':20} {'inputs':>7} {'read':>7} {'refused':>8} {'findings':>9} {'kinds':>6} {'seconds':>8}")
    total = sum((campaign(one, -(-inputs // len(chosen)), start, findings, walls) for one in chosen), Counter())
    print(f"{total.total()} inputs: {total['read']} read, {total['refused']} refused, {total['finding']} findings")
    raise typer.Exit(1 if total["finding"] else 0)


def limit_memory() -> None:
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + ROOM, resource.getrlimit(resource.RLIMIT_AS)[1]))


def campaign(chosen: Format, inputs: int, start: int, findings: Path, walls: Walls) -> Counter[str]:
    """Try that many inputs of a format, and print a line."""
    outcomes, kinds, began = Counter[str](), Counter[str](), time.process_time()
    with tempfile.TemporaryDirectory() as temporary:
        folder = fresh_folder(chosen, Path(temporary) / "in")
        warm_up(chosen, folder, walls)

        def one(rng: Random) -> None:
            files = chosen.make(rng)
            try:
                outcomes[check(chosen, files, folder, walls)] += 1
            except Finding as error:
                outcomes["finding"] += 1
                kind = kind_of(error)
                kinds[kind] += 1
                if kinds[kind] == 1:
                    keep(chosen, files, error, findings)

        number = 0
        while outcomes.total() < inputs:
            count = min(SLICE, inputs - outcomes.total())
            run = settings(
                max_examples=count, phases=(Phase.generate,), database=None, deadline=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            )(given(st.randoms(use_true_random=False))(one))  # fmt: skip
            seed(f"{start} {chosen.name} {number}")(run)()
            number += 1
    counts = f"{outcomes.total():7} {outcomes['read']:7} {outcomes['refused']:8} {outcomes['finding']:9}"
    print(f"{chosen.name:20} {counts} {len(kinds):6} {time.process_time() - began:8.1f}", flush=True)
    for kind, count in kinds.most_common():
        print(f"    {count:5} x {kind}", flush=True)
    return outcomes


def warm_up(chosen: Format, folder: Path, walls: Walls) -> None:
    """Let the libraries load what they need, which they do only once."""
    for number in range(20):
        try:
            check(chosen, chosen.make(Random(number)), folder, walls)
        except Finding:
            pass


def kind_of(error: Finding) -> str:
    """A name for findings of one cause: the message, and the innermost line of our own code."""
    cause = error.__cause__ or error
    frames = [
        f for f in traceback.extract_tb(cause.__traceback__) if "/backend/" in f.filename or "/addon/" in f.filename
    ]
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno} " if frames else ""
    return where + " ".join(word for word in str(error)[:120].split() if not any(c.isdigit() for c in word))


def keep(chosen: Format, files: object, error: Finding, findings: Path) -> None:
    """Save an input and what it did."""
    assert isinstance(files, dict)
    name = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:12]
    folder = findings / f"{chosen.name.replace(' ', '_')}-{name}"
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    text = "".join(traceback.format_exception(error.__cause__)) if error.__cause__ else ""
    (folder / "finding.txt").write_text(f"{error}\n\n{text}", "utf-8", errors="backslashreplace")


def try_again(chosen: Format, saved: Path, walls: Walls) -> str:
    files = {p.relative_to(saved).as_posix(): p.read_bytes() for p in saved.rglob("*") if p.is_file()}
    files.pop("finding.txt", None)
    with tempfile.TemporaryDirectory() as temporary:
        try:
            folder = fresh_folder(chosen, Path(temporary) / "in")
            warm_up(chosen, folder, walls)
            return check(chosen, files, folder, walls)
        except Finding as error:
            return f"finding: {error}"


if __name__ == "__main__":
    typer.run(main)
