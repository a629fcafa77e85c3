# SPDX-License-Identifier: GPL-3.0-or-later
"""The text starter's meshes of prompts: how near a mesh of the same kind comes, and whether the colour is right.

python -m benchmarks.prompts --engine dreamfusion
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from PIL import Image

from backend.engines import Request, dreamfusion, mvdream
from backend.evaluation.benchmark import Meshes
from backend.evaluation.metrics import compare_meshes
from backend.evaluation.objects import to_mesh
from backend.interface.tasks import task as declared
from backend.optimisation.objective import Vanished
from backend.optimisation.text_objective import fill_cube
from backend.rendering.mesh import Mesh
from backend.runtime.progress import Progress
from backend.training.meshes import DEMO_MESHES, list_meshes, load_mesh
from backend.training.text_to_image import main_color, noun, read_names
from backend.training.views import on_white

ENGINES = {"dreamfusion": dreamfusion, "mvdream": mvdream}
PROMPTS = (
    "a green cactus", "a purple potion", "a red car", "a brown chair", "a grey rock", "a yellow sword", "a blue box",
    "a white sofa", "a brown barrel", "a green tree",
)  # fmt: skip
KNOWN = 12  # meshes of a kind that are compared, evenly chosen


def nearest(mesh: Mesh, kind: list[Mesh]) -> float:
    """The largest F-score(0.05), both filling the cube."""
    return max(compare_meshes(mesh, known)["f_score_0.05"] for known in kind)


def main(
    meshes: Meshes = DEMO_MESHES,
    engine: Annotated[str, typer.Option(help="dreamfusion or mvdream.")] = "dreamfusion",
    steps: Annotated[int, typer.Option(help="Optimisation steps; 0 takes the recipe's.")] = 0,
    output: Annotated[Path, typer.Option(help="Folder for the picture.")] = Path("build/prompts"),
) -> None:
    torch.set_num_threads(1)
    output.mkdir(parents=True, exist_ok=True)
    names, kinds, rows, scores = read_names(meshes), {}, [], []
    for entry in list_meshes(meshes, "all"):
        kinds.setdefault(noun(names.get(entry[0], entry[0])), []).append(entry)
    for prompt in PROMPTS:
        _, color, kind = prompt.split()
        if kind not in kinds:
            print(f"{prompt:16} left out: no mesh of this kind in {meshes}")
            continue
        known = kinds[kind][:: max(1, len(kinds[kind]) // KNOWN)][:KNOWN]
        begun = time.process_time()
        values = declared(engine).check({"device": "cpu", "steps": steps, "mesh_resolution": 96})
        try:
            result = ENGINES[engine].run(Request(engine, {"prompt": prompt}, values), Progress())
        except Vanished:
            scores.append((0, False))
            print(f"{prompt:16} nothing", flush=True)
            continue
        cpu, views = time.process_time() - begun, on_white(result.views)
        near, said = nearest(result.mesh, [fill_cube(to_mesh(load_mesh(*e))) for e in known]), main_color(views)
        scores.append((near, said == color))
        print(f"{prompt:16} F-score(0.05) {near:.3f}, {said}, {cpu:.0f} s", flush=True)
        rows.append(np.concatenate(list(views), 1))
        Image.fromarray(np.concatenate(rows)).save(output / f"{engine}.png")
    print("mean F-score(0.05) {:.3f}, right colours {:.2f}".format(*np.mean(scores, 0)))


if __name__ == "__main__":
    typer.run(main)
