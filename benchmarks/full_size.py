# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole job at the published size: python -m benchmarks.full_size [--steps 2] [--device cpu] [--folder FOLDER]

Writes random weights in the published layout (2.5 GB), then runs the engine on them in a process of its own, and
reports when each stage ended, how long loading and a step take, and the most memory that was in use.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np


def job(folder: Path, steps: int, device: str) -> dict[str, Any]:
    """Run the engine on a picture of a ball; figures."""
    import torch

    from backend.engines import Request, one2345
    from backend.interface.errors import ImageError
    from backend.interface.tasks import task
    from backend.runtime.progress import Progress

    y, x = np.mgrid[-1:1:256j, -1:1:256j]
    ball = np.zeros((256, 256, 4), np.float32)
    ball[x**2 + y**2 < 0.5] = (0.8, 0.3, 0.1, 1)
    stages: dict[str, list[tuple[int, float, float]]] = {}

    def note(progress: Any) -> None:
        mark = (progress.step, time.monotonic() - start, peak_gb("SELF"))
        stages.setdefault(progress.stage, []).append(mark)
        print(f"{progress.stage} {mark[0]}/{progress.total}: {mark[1]:.1f} s, {mark[2]:.2f} GB", file=sys.stderr)

    values = {"weights": str(folder), "device": device, "num_inference_steps": steps, "mesh_resolution": 96}
    values |= {"auto_elevation": False}
    start = time.monotonic()
    try:
        result = one2345.run(Request("one2345", {"image": ball}, task("one2345").check(values), 0), Progress(note))
        surface = f"{len(result.mesh.faces)} faces"
    except ImageError as error:  # random weights may imagine nothing that has a surface
        surface = str(error)
    figures: dict[str, Any] = {"seconds": round(time.monotonic() - start, 1), "surface": surface}
    for name, marks in stages.items():
        figures[name] = {"end_s": round(marks[-1][1], 1), "peak_gb": round(marks[-1][2], 2)}
        if len(marks) > 1 and marks[-1][0] > marks[0][0]:
            figures[name]["step_s"] = round((marks[-1][1] - marks[0][1]) / (marks[-1][0] - marks[0][0]), 1)
    if device == "cuda":
        figures["gpu_gb"] = torch.cuda.max_memory_allocated() / 1e9
    return figures


def run_on_ball(engine: str, values: dict[str, Any]) -> dict[str, Any]:
    """Run an engine on a picture of a ball: its seconds, faces, and when each stage ended with the most memory."""
    from backend import engines
    from backend.interface.tasks import task
    from backend.runtime.progress import Progress

    y, x = np.mgrid[-1:1:512j, -1:1:512j]
    ball = np.zeros((512, 512, 4), np.float32)
    ball[x**2 + y**2 < 0.5] = (0.8, 0.3, 0.1, 1)
    ends: dict[str, dict[str, float]] = {}
    start, processor = time.monotonic(), time.process_time()

    def note(progress: Any) -> None:
        if progress.stage not in ends:
            print(progress.stage, ends, file=sys.stderr, flush=True)
        ends[progress.stage] = {
            "last_s": round(time.monotonic() - start, 1),
            "processor_s": round(time.process_time() - processor, 1),
            "peak_gb": round(peak_gb("SELF"), 2),
        }

    request = engines.Request(engine, {"image": ball}, task(engine).check(values), 0)
    result = engines.load(engine).run(request, Progress(note))
    assert isinstance(result, engines.MeshResult)
    spent = {"seconds": round(time.monotonic() - start, 1), "processor_s": round(time.process_time() - processor, 1)}
    return spent | {"faces": len(result.mesh.faces), "stages": ends}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--folder", type=Path, help="keep the weights here for the next run")
    parser.add_argument("--width", choices=("small", "full"), default="full")
    parser.add_argument("--job", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        print(json.dumps(job(options.folder, options.steps, options.device)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if options.width == "full":
            require(folder, 3, 8)
        if not (folder / "ckpt_215000.pth").exists():
            from benchmarks import random_zero123

            widths = random_zero123.FULL if options.width == "full" else random_zero123.SMALL
            print(f"{random_zero123.write(folder, widths) / 1e6:.1f} million parameters in {folder}", flush=True)
            random_zero123.add_reconstruction(folder)
        arguments = ["--folder", str(folder), "--steps", str(options.steps), "--device", options.device, "--job"]
        child = [sys.executable, "-m", "benchmarks.full_size", *arguments]
        done = subprocess.run(child, stdout=subprocess.PIPE, text=True, check=True)
        figures = json.loads(done.stdout.splitlines()[-1])
        figures["host_gb"] = round(peak_gb("CHILDREN"), 2)
        print(json.dumps(figures, indent=1))


def require(folder: Path, disk_gb: float, memory_gb: float) -> None:
    """End with one sentence where the weights or the networks would not fit."""
    from backend.runtime.memory import free_memory

    memory = (free_memory() or memory_gb * 1e9) / 1e9  # a system that does not say may have enough
    disk = shutil.disk_usage(folder).free / 1e9
    if disk < disk_gb or memory < memory_gb:
        sys.exit(
            f"This benchmark needs {disk_gb:g} GB of disk in {folder} and {memory_gb:g} GB of memory; "
            f"{disk:.1f} and {memory:.1f} are free."
        )


def peak_gb(whose: str) -> float:
    """The most main memory that the largest of these processes had, mapped files included; 0 on Windows."""
    if sys.platform == "win32":
        return 0.0
    import resource

    used = resource.getrusage(getattr(resource, f"RUSAGE_{whose}")).ru_maxrss
    return used * (1 if sys.platform == "darwin" else 1024) / 1e9


if __name__ == "__main__":
    main()
