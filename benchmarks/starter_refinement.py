# SPDX-License-Identifier: GPL-3.0-or-later
"""The fast engine's mesh refined with the starter's Zero123: F-score and the input view before and after.

python -m benchmarks.starter_refinement --objects 5
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from backend.engines import Request, one2345, zero123_sds
from backend.evaluation.benchmark import Meshes
from backend.evaluation.metrics import compare_meshes, normalise, psnr
from backend.evaluation.objects import PosedObject, draw_views, drawing, pose_object
from backend.interface.tasks import task
from backend.rendering.mesh import Mesh
from backend.runtime.progress import Progress
from backend.training.meshes import DEMO_MESHES, list_meshes

INPUT_SIZE, VIEW_SIZE = 256, 128
VIEWS = [(a, e) for e in (0, 30) for a in (60, 120, 180, 240, 300)]


def measure(mesh: Mesh, posed: PosedObject) -> dict[str, float]:
    """F-score and IoU against the true mesh; PSNR of the input's view and of the others'."""
    views = [(0, posed.elevation), *VIEWS]
    seen, true = (draw_views(draw, views, VIEW_SIZE) for draw in (drawing(normalise(mesh)), posed.draw))
    ratios = [psnr(a, b) for a, b in zip(seen, true, strict=True)]
    scores = compare_meshes(normalise(mesh), posed.truth)
    return {
        "f_score_0.05": scores["f_score_0.05"],
        "volume_iou": scores["volume_iou"],
        "psnr_input": ratios[0],
        "psnr_novel": float(np.mean(ratios[1:])),
    }


def main(
    meshes: Meshes = DEMO_MESHES,
    objects: Annotated[int, typer.Option(help="How many, by a seeded choice.")] = 5,
    steps: Annotated[int, typer.Option(help="Optimisation steps; 0 takes the recipe's.")] = 0,
    output: Annotated[Path, typer.Option(help="Where the scores go.")] = Path("build/starter_refinement.json"),
) -> None:
    torch.set_num_threads(1)
    entries, rows = list_meshes(meshes, "validation"), []
    for i in np.random.default_rng(3).permutation(len(entries))[:objects]:
        posed = pose_object(entries[i], int(i))  # as `backend evaluate` does
        image = posed.picture(INPUT_SIZE)
        values = task("one2345").check({"device": "cpu"})
        fast = one2345.run(Request("one2345", {"image": image}, values, int(i)), Progress()).mesh
        values = task("zero123_sds").check({"device": "cpu", "start": "mesh", "steps": steps})
        begun = time.process_time()
        request = Request("zero123_sds", {"image": image, "mesh": fast}, values, int(i))
        refined = zero123_sds.run(request, Progress()).mesh
        rows.append(
            {
                "name": entries[i][0],
                "before": measure(fast, posed),
                "after": measure(refined, posed),
                "cpu_s": round(time.process_time() - begun, 1),
            }
        )
        print(json.dumps(rows[-1]), flush=True)
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(rows, indent=1))
    for when in ("before", "after"):
        print(when, {k: round(float(np.mean([r[when][k] for r in rows])), 3) for k in rows[0][when]})


if __name__ == "__main__":
    typer.run(main)
