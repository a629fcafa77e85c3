# SPDX-License-Identifier: GPL-3.0-or-later
"""MVDream's claim, measured: a prior that likes fronts makes many faces view by view, and one face of four views at
once. The same objects, recipe and seed; only whether the four views are judged together differs.

python -m benchmarks.many_faces --output build/many_faces
"""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from backend.evaluation.benchmark import Meshes
from backend.evaluation.objects import to_mesh
from backend.optimisation.loop import optimise
from backend.optimisation.multi_view_objective import MultiViewObjective
from backend.optimisation.recipes import mvdream
from backend.optimisation.recipes.mvdream import MultiViewRecipe
from backend.optimisation.recipes.text_prior import make_field
from backend.rendering.cameras import Camera, orbit
from backend.rendering.mesh import Mesh
from backend.runtime.progress import Progress
from backend.training.meshes import DEMO_MESHES, list_meshes, load_mesh
from tests.support.unsure_oracle import UnsureOracle

AZIMUTHS = range(0, 360, 15)
SIDES, BACK, SHOWN = slice(None, None, 6), slice(10, 15), slice(None, None, 3)  # of them: 0, 90..; 150..210; 0, 45..
LIKING = 6.0  # of fronts: half the logarithm of how much likelier than a back
FACE = 1 / 3  # of the front's own look, from which on a side has a face
FRONTS = {  # meshes with a face, those of them that the folder has, and the azimuth that it looks to
    "ken-starter_kit_3d_platformer-character": 0,
    "qbb-fruit_characters_animated_2017-avocado": 90,
    "mmm-mini_mikes_metro_minis-chr_beardo1": 180,
}


def head() -> Mesh:
    """A blue block with a red face on its front (-Y) only: 0.6 x 0.6 x 0.6 and a nose of 0.1."""
    body, face = box((0, 0.05, 0), (0.3, 0.25, 0.3)), box((0, -0.25, 0), (0.2, 0.05, 0.2))
    colors = np.repeat(np.array([[50, 80, 200, 255], [220, 40, 40, 255]], np.uint8), 8, 0)
    return Mesh(np.concatenate([body[0], face[0]]), np.concatenate([body[1], face[1] + 8]), colors)


def box(middle: tuple[float, ...], half: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * half + middle
    quads = np.array([[0, 4, 5, 1], [4, 6, 7, 5], [6, 2, 3, 7], [2, 0, 1, 3], [1, 5, 7, 3], [0, 2, 6, 4]])
    return corners, quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)


def facing(mesh: Mesh, azimuth: float) -> Mesh:
    """The mesh, turned so that what looked to this azimuth looks to 0 (-Y)."""
    c, s = math.cos(math.radians(azimuth)), math.sin(math.radians(azimuth))
    return Mesh(mesh.vertices @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]), mesh.faces, mesh.vertex_colors)


def pictures(mesh: Mesh, size: int = 48) -> torch.Tensor:
    """All around, (views, 3, S, S) on white."""
    oracle = UnsureOracle(mesh, size=size)
    return oracle.pictures([Camera(orbit(a, 10, 1.2), 49.1, size, size) for a in AZIMUTHS])


def front_shares(found: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """How much of the front's own look each of the four sides has, (4,): 1 for the front, 0 for the mean of the other
    sides, by projection on their difference."""
    others = known[SIDES][1:].mean(0)
    own = known[0] - others
    return ((found[SIDES] - others) * own).sum((1, 2, 3)) / (own**2).sum()


def dream(truth: Mesh, views: int, seed: int, course: MultiViewRecipe, size: int) -> tuple[torch.Tensor, float]:
    """The object that a prior makes which judges `views` at once, seen from all around; and processor seconds."""
    oracle = UnsureOracle(truth, size=size, views=views, liking=LIKING)
    task = MultiViewObjective(oracle, make_field(course, seed), course)
    begun = time.process_time()
    optimise(task, Progress(), course.steps, seed=seed, preview_s=1e9)
    return pictures(task.mesh(64)), time.process_time() - begun


def main(
    meshes: Meshes = DEMO_MESHES,
    seed: int = 0,
    steps: Annotated[int, typer.Option(help="Optimisation steps.")] = 100,
    size: Annotated[int, typer.Option(help="Pixels a side of what the oracle sees.")] = 24,
    output: Annotated[Path, typer.Option(help="Folder for figures and pictures.")] = Path("build/many_faces"),
) -> None:
    """Print faces and errors of both priors, object by object."""
    from PIL import Image

    torch.set_num_threads(1)
    output.mkdir(parents=True, exist_ok=True)
    course, rows, sheet = mvdream.SMALL.shortened(steps), [], []
    files = {entry[0]: entry for entry in list_meshes(meshes, "train")}
    for name in ("block", *(name for name in FRONTS if name in files)):
        truth = facing(to_mesh(load_mesh(*files[name])), FRONTS[name]) if name in FRONTS else head()
        known = pictures(truth)
        sheet.append(known[SHOWN])
        for views in (1, 4):
            found, spent = dream(truth, views, seed, course, size)
            off = (found - known).abs()
            errors = {"behind": off[BACK], "all around": off, "in front": off[:1]}
            shares = front_shares(found, known)
            rows.append({"name": name, "views at once": views, "faces": int((shares > FACE).sum())})
            rows[-1] |= {"front's share": [round(share, 2) for share in shares.tolist()]}
            rows[-1] |= {where: round(float(e.mean()), 3) for where, e in errors.items()} | {"cpu_s": round(spent, 1)}
            print(rows[-1], flush=True)
            sheet.append(found[SHOWN])
            (output / "scores.json").write_text(json.dumps(rows, indent=1))
            drawn = np.concatenate([np.concatenate(list(row.permute(0, 2, 3, 1).numpy()), 1) for row in sheet])
            Image.fromarray((drawn * 255 + 0.5).astype(np.uint8)).save(output / "sheet.png")


if __name__ == "__main__":
    typer.run(main)
