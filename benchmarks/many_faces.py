# SPDX-License-Identifier: GPL-3.0-or-later
"""MVDream's claim, measured: a prior that likes fronts makes many faces view by view, and one face of four views at
once. The same object, recipe and seeds; only whether the four views are judged together differs.

python -m benchmarks.many_faces --output build/many_faces.json
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from backend.diffusion.unsure_oracle import UnsureOracle
from backend.engines import multi_view_recipe
from backend.engines.dreamfusion import make_field
from backend.engines.multi_view_recipe import MultiViewRecipe
from backend.engines.mvdream import MultiViewDream
from backend.engines.optimisation import optimise
from backend.engines.report import Report
from backend.meshing.mesh import Mesh
from backend.rendering.cameras import Camera, orbit

AZIMUTHS = range(0, 360, 15)
LIKING = 6.0  # of fronts: half the logarithm of how much likelier than a back
FACE = 0.5  # share of the front's red from which on one of the four sides has a face


def head() -> Mesh:
    """A blue block with a red face on its front (-Y) only: 0.6 x 0.6 x 0.6 and a nose of 0.1."""
    body, face = box((0, 0.05, 0), (0.3, 0.25, 0.3)), box((0, -0.25, 0), (0.2, 0.05, 0.2))
    colors = np.repeat(np.array([[50, 80, 200, 255], [220, 40, 40, 255]], np.uint8), 8, 0)
    return Mesh(np.concatenate([body[0], face[0]]), np.concatenate([body[1], face[1] + 8]), colors)


def box(middle: tuple[float, ...], half: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * half + middle
    quads = np.array([[0, 4, 5, 1], [4, 6, 7, 5], [6, 2, 3, 7], [2, 0, 1, 3], [1, 5, 7, 3], [0, 2, 6, 4]])
    return corners, quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)


def pictures(mesh: Mesh, size: int = 48) -> torch.Tensor:
    """All around, (views, 3, S, S) on white."""
    oracle = UnsureOracle(mesh, size=size)
    return oracle.pictures([Camera(orbit(a, 10, 1.2), 49.1, size, size) for a in AZIMUTHS])


def redness(views: torch.Tensor) -> torch.Tensor:
    """Share of each picture's pixels that are rather red than blue."""
    return (views[:, 0] > views[:, 2] + 0.1).float().mean((1, 2))


def measure(views: int, seed: int, course: MultiViewRecipe, size: int) -> dict[str, float]:
    """What comes out of a prior that judges `views` at once."""
    truth = head()
    task = MultiViewDream(UnsureOracle(truth, size=size, views=views, liking=LIKING), make_field(course, seed), course)
    begun = time.process_time()
    optimise(task, Report(), course.steps, seed=seed, preview_s=1e9)
    spent = time.process_time() - begun
    known, found = pictures(truth), pictures(task.mesh(64))
    red, sides, half = redness(found), len(AZIMUTHS) // 4, len(AZIMUTHS) // 2
    back = slice(half - 2, half + 3)
    return {
        "views at once": views, "seed": seed, "faces": int((red[::sides] > FACE * redness(known)[0]).sum()),
        "back-view error": float((found[back] - known[back]).abs().mean()),
        "error all around": float((found - known).abs().mean()), "cpu_s": spent,
    }  # fmt: skip


def main(
    seeds: Annotated[int, typer.Option(help="Runs of each.")] = 3,
    steps: Annotated[int, typer.Option(help="Optimisation steps.")] = 120,
    size: Annotated[int, typer.Option(help="Pixels a side of what the oracle sees.")] = 32,
    output: Annotated[Path, typer.Option(help="Where the figures go.")] = Path("build/many_faces.json"),
) -> None:
    """Print faces and errors of both priors."""
    torch.set_num_threads(1)
    course, rows = multi_view_recipe.SMALL.shortened(steps), []
    for seed in range(seeds):
        for views in (1, 4):
            rows.append({k: round(v, 4) for k, v in measure(views, seed, course, size).items()})
            print(rows[-1], flush=True)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    typer.run(main)
