# SPDX-License-Identifier: GPL-3.0-or-later
"""Three steps of each optimisation engine with full-size networks of random weights, each in a process of its own.

    python -m benchmarks.optimisation_full_size [--steps 3] [--device cpu] [--only zero123_sds]

Writes the weights (2.5 GB) in the published layouts, then reports seconds, processor seconds and the most memory used.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from . import random_stable_diffusion, random_zero123
from .full_size import peak_gb, require

ENGINES = {"zero123_sds": "sds", "zero123_sjc": "sjc", "dreamfusion": None}


def job(name: str, folder: Path, steps: int, device: str) -> dict[str, Any]:
    """Run the engine on a picture of a ball, or on a prompt; figures."""
    import torch

    from backend.engines import Request, dreamfusion, zero123_sds
    from backend.interface.tasks import task
    from backend.optimisation.objective import Vanished
    from backend.preprocess.image import ImageError
    from backend.runtime.progress import Progress

    y, x = np.mgrid[-1:1:256j, -1:1:256j]
    ball = np.zeros((256, 256, 4), np.float32)
    ball[x**2 + y**2 < 0.5] = (0.8, 0.3, 0.1, 1)
    method, module = ENGINES[name], dreamfusion if name == "dreamfusion" else zero123_sds
    kind = module.__name__.rsplit(".", 1)[-1]
    values = {"weights": str(folder), "device": device, "steps": steps, "mesh_resolution": 64}
    values |= {"method": method} if method else {}
    inputs = {"image": ball} if method else {"prompt": "a red car"}
    begin, used = time.monotonic(), time.process_time()
    note: list[tuple[float, str]] = []
    progress = Progress(lambda p: note.append((time.monotonic() - begin, p.stage)))
    try:
        result = module.run(Request(kind, inputs, task(kind).check(values), 0), progress)
        surface = f"{len(result.mesh.faces)} faces"
    except (ImageError, Vanished) as error:  # three steps of random weights may leave nothing that has a surface
        surface = str(error)
    stages = {stage: round(max(t for t, s in note if s == stage), 1) for stage in dict.fromkeys(s for _, s in note)}
    figures = {
        "engine": name, "surface": surface, "end_of_stages_s": stages, "host_gb": round(peak_gb("SELF"), 2),
        "processor_s": round(time.process_time() - used),
    }  # fmt: skip
    return figures | ({"gpu_gb": torch.cuda.max_memory_allocated() / 1e9} if device == "cuda" else {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", choices=list(ENGINES))
    parser.add_argument("--job", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        print(json.dumps(job(options.only, options.job, options.steps, options.device)))
        return
    chosen = [options.only] if options.only else list(ENGINES)
    with tempfile.TemporaryDirectory() as temporary:
        require(Path(temporary), 6, 16)
        for name in chosen:
            folder = Path(temporary) / ("text" if name == "dreamfusion" else "zero123")
            if not folder.exists():
                folder.mkdir()
                if name == "dreamfusion":
                    count = random_stable_diffusion.write(folder)
                else:
                    count = random_zero123.write(folder, random_zero123.FULL)
                print(f"{count / 1e6:.1f} million parameters", flush=True)
            arguments = ["--job", str(folder), "--only", name, "--steps", str(options.steps)]
            command = [
                sys.executable,
                "-m",
                "benchmarks.optimisation_full_size",
                "--device",
                options.device,
                *arguments,
            ]
            print(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip(), flush=True)


if __name__ == "__main__":
    main()
