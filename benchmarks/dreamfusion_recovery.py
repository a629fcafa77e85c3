# SPDX-License-Identifier: GPL-3.0-or-later
"""How well DreamFusion's small preset recovers objects from a prior that knows what the prompt means.

python -m benchmarks.dreamfusion_recovery --meshes ../shared/data/train --objects 10 --output build/dream.json
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from backend.diffusion.oracle import OraclePrior
from backend.engines import prompt_recipe
from backend.engines.dreamfusion import Dream, make_field
from backend.engines.optimisation import optimise
from backend.engines.report import Report
from backend.evaluation.benchmark import to_mesh
from backend.evaluation.metrics import compare_meshes
from backend.training.meshes import list_meshes, load_mesh


def main(
    meshes: Annotated[Path, typer.Option(help="Folder of meshes.")] = Path("../shared/data/train"),
    objects: Annotated[int, typer.Option(help="How many, by a seeded choice.")] = 10,
    steps: Annotated[int, typer.Option(help="Optimisation steps; 0 takes the recipe's.")] = 0,
    size: Annotated[int, typer.Option(help="Pixels a side of what the oracle sees.")] = 64,
    output: Annotated[Path, typer.Option(help="Where the scores go.")] = Path("build/dream.json"),
) -> None:
    """Print F-scores and volume IoU of each object, and their means."""
    entries, course = list_meshes(meshes, "all"), prompt_recipe.SMALL.shortened(steps)
    scores = []
    for i in np.random.default_rng(0).choice(len(entries), objects, replace=False):
        truth = to_mesh(load_mesh(*entries[i]))
        task = Dream(OraclePrior(truth, size), make_field(course, 0), course)
        begun = time.process_time()
        optimise(task, Report(), course.steps, seed=0, preview_s=1e9)
        found = compare_meshes(task.mesh(128), truth) | {"cpu_s": time.process_time() - begun}
        scores.append({"name": entries[i][0]} | {k: round(float(v), 4) for k, v in found.items()})
        print(scores[-1], flush=True)
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(scores, indent=1))
    print({key: round(float(np.mean([s[key] for s in scores])), 4) for key in scores[0] if key != "name"})


if __name__ == "__main__":
    typer.run(main)
