# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
"""Jobs of all engines, one after the other in one backend: its resident memory, open files and threads after each.

python -m benchmarks.soak --jobs 300 --resume build/soak.jsonl
python -m benchmarks.soak --jobs 0 --resume build/soak.jsonl --plot docs/research/soak.png
"""

from __future__ import annotations

import json
import os
import random
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from .faults.memory import status
from .faults.stand import Stand
from .faults.tiny_jobs import TINY

SHARE = 1 / 3  # of the jobs come before what is judged: engines load their libraries and caches
MOST_KB = 100.0  # a job by which memory may grow: 300 jobs would be 30 MB
MEASURED = ("memory_mb", "files", "threads")


def main(
    jobs: Annotated[int, typer.Option(help="How many; 0 judges the records alone.")] = 300,
    seconds: Annotated[float, typer.Option(help="Begin no job after this time.")] = 1e9,
    resume: Annotated[Path, typer.Option(help="A file of records; those of a process follow each other.")] = Path(
        "build/soak.jsonl"
    ),
    plot: Annotated[Path | None, typer.Option(help="A picture of them.")] = None,
    seed: int = 0,
) -> None:
    if jobs:
        resume.parent.mkdir(parents=True, exist_ok=True)
        soak(jobs, seconds, resume, seed)
    records = [json.loads(line) for line in resume.read_text().splitlines()]
    if plot:
        draw(records, plot)
    raise typer.Exit(0 if judge(records) else 1)


def soak(jobs: int, seconds: float, file: Path, seed: int) -> None:
    """Append a record after each job to the file, which begins anew: a process cannot be continued."""
    end, dice = time.monotonic() + seconds, random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="soak-") as scratch, file.open("w") as records:
        stand = Stand(Path(scratch))
        for number in range(jobs):
            if time.monotonic() > end:
                break
            name = list(TINY)[number % len(TINY)] if number < 2 * len(TINY) else dice.choice(list(TINY))
            stand.click_again(stand.make(name, dice).request)
            process = stand.queue.process
            if stand.broken or process is None or process.pid is None:
                raise SystemExit(f"Job {number}, {name}: {stand.broken}")
            record = {"job": number, "engine": name, "pid": process.pid, **measure(process.pid)}
            print(json.dumps(record), file=records, flush=True)
        stand.close()


def measure(pid: int) -> dict[str, Any]:
    """Resident memory in MB, open files and threads of a process."""
    found = status(pid)
    files = len(os.listdir(f"/proc/{pid}/fd"))
    return {"memory_mb": found["VmRSS"] / 1e6, "files": files, "threads": found["Threads"]}


def judge(records: list[dict[str, Any]]) -> bool:
    """Print how much the figures grow with each job over the last two thirds, each engine with a level of its own;
    whether they are flat."""
    judged = records[int(SHARE * len(records)) :]
    engines = [[record["engine"] == name for name in TINY] for record in judged]
    columns = np.column_stack([np.arange(len(judged)), engines])
    flat = len({record["pid"] for record in records}) == 1
    for name in MEASURED:
        values = np.array([record[name] for record in judged])
        slope = np.linalg.lstsq(columns, values, rcond=None)[0][0]
        unit, most = (" kB", MOST_KB) if name == "memory_mb" else ("", 0.01)
        grows = float(slope * (1000 if unit else 1))
        flat &= grows <= most
        print(f"{name}: {values.min():.0f} to {values.max():.0f}, {grows:+.3f}{unit} a job (at most {most:g})")
    print(f"{len(records)} jobs in one process: {'flat' if flat else 'NOT flat'}")
    return flat


def draw(records: list[dict[str, Any]], path: Path) -> None:
    """The three figures over the jobs, memory with a dot for each engine's color."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(3, 1, sharex=True, figsize=(9, 7), height_ratios=(3, 1, 1))
    x = np.array([record["job"] for record in records])
    for axis, name, title in zip(axes, MEASURED, ("resident memory, MB", "open files", "threads"), strict=True):
        axis.plot(x, [record[name] for record in records], color="0.7", linewidth=0.8)
        axis.set_ylabel(title)
        axis.set_ylim(bottom=0)
    colors = pyplot.get_cmap("tab20")
    for number, engine in enumerate(TINY):
        some = [record for record in records if record["engine"] == engine]
        axes[0].plot([r["job"] for r in some], [r["memory_mb"] for r in some], ".", color=colors(number), label=engine)
    axes[0].axvline(SHARE * len(records), color="0.5", linestyle=":")
    axes[0].legend(ncols=5, fontsize=7, frameon=False, loc="lower right")
    axes[2].set_xlabel("job")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    typer.run(main)
