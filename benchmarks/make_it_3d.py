# SPDX-License-Identifier: GPL-3.0-or-later
"""Make-It-3D driven by a prior that knows the object: what the first stage recovers, and what the second adds.

python -m benchmarks.make_it_3d --objects 5 --output build/make_it_3d
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from backend.diffusion.clip_similarity import ClipSimilarity
from backend.evaluation.benchmark import Meshes
from backend.evaluation.metrics import compare_meshes, psnr
from backend.evaluation.objects import to_mesh
from backend.fields import hash_field
from backend.input_view.view_colors import blended_colors, paint_vertices
from backend.interface.common_parameters import MeshParameters
from backend.meshing.files import save
from backend.meshing.texture import decimate_and_texture, nearest_vertex_colors
from backend.optimisation.image_objective import Reference
from backend.optimisation.loop import optimise
from backend.optimisation.make_it_3d_coarse import CoarseObjective, encode_reference
from backend.optimisation.make_it_3d_refine import RefineObjective, make_cloud
from backend.optimisation.recipes.make_it_3d import SMALL, SMALL_REFINE
from backend.rendering.cameras import Camera, orbit
from backend.rendering.mesh import Mesh
from backend.rendering.rasteriser import rasterise, render_mesh
from backend.runtime.progress import Progress
from backend.training.meshes import DEMO_MESHES, list_meshes, load_mesh
from backend.weights.loaders.clip import starter_clip_similarity
from tests.support.oracle import OraclePrior

from .oracle_recovery import FOV_DEG, RADIUS, lit

ELEVATION, GAIN = 15.0, 30.0
COURSE = replace(SMALL, fov_deg=FOV_DEG, fov_range=(FOV_DEG, FOV_DEG))
NOVEL = [(azimuth, elevation) for elevation in (0, 30) for azimuth in (45, 105, 165, 225, 285, 330)]


def on_white(rgba: np.ndarray) -> np.ndarray:
    """Straight alpha, 0..1 (..., 4) -> (..., 3)."""
    return rgba[..., :3] * rgba[..., 3:] + 1 - rgba[..., 3:]


def pictures(mesh: Mesh, cameras: list[Camera]) -> list[np.ndarray]:
    return [on_white(render_mesh(mesh, camera).numpy()) for camera in cameras]


def psnrs(seen: list[np.ndarray], true: list[np.ndarray]) -> dict[str, float]:
    """PSNR in dB of the reference view, which is the first, and the mean of the others."""
    values = [psnr(a, b) for a, b in zip(seen, true, strict=True)]
    return {"reference": round(values[0], 2), "novel": round(float(np.mean(values[1:])), 2)}


def recover(
    truth: Mesh, likeness: ClipSimilarity, size: int, seed: int
) -> tuple[dict[str, Any], np.ndarray, dict[str, Mesh]]:
    """Scores of both stages against the oracle of one mesh, whose pictures have `size` pixels a side; a sheet; and the
    meshes: true, of the first stage, and with the second one's texture."""
    oracle = OraclePrior(truth, size, seed=seed)
    camera = Camera(orbit(0, ELEVATION, RADIUS), FOV_DEG, 2 * size, 2 * size)
    reference = Reference(render_mesh(truth, camera), camera)
    raster = rasterise(torch.from_numpy(truth.vertices), torch.from_numpy(truth.faces).long(), camera)
    features = encode_reference(reference, likeness, "", raster.depth.clamp(max=2 * RADIUS))
    began = time.process_time()
    first = CoarseObjective(oracle, hash_field.small(seed=seed, gain=GAIN), features, COURSE)
    optimise(first, Progress(), COURSE.steps, seed=seed, preview_s=1e9)
    coarse, between = first.mesh(128), time.process_time()
    cloud = make_cloud(first, coarse, SMALL_REFINE)
    second = RefineObjective(oracle, features, cloud, coarse, SMALL_REFINE, COURSE, seed)
    optimise(second, Progress(), SMALL_REFINE.steps, seed=seed, preview_s=1e9)
    colors = blended_colors(second.refined(), nearest_vertex_colors(coarse))
    refined = paint_vertices(coarse, colors)
    ended, side = time.process_time(), SMALL_REFINE.size
    cameras = [Camera(orbit(angles[0], angles[1], RADIUS), FOV_DEG, side, side) for angles in [(0, ELEVATION), *NOVEL]]
    shown = {
        "true": pictures(truth, cameras),
        "field": [on_white(first.renderer.render_image(c) / np.float32(255)) for c in cameras],
        "points": list(second.images(cameras).numpy()),
        "coarse mesh": pictures(coarse, cameras),
        "refined mesh": pictures(refined, cameras),
    }
    scores = {name: round(float(value), 3) for name, value in compare_meshes(coarse, truth).items()}
    found = {name: psnrs(seen, shown["true"]) for name, seen in shown.items() if name != "true"}
    cost = {"coarse_s": round(between - began, 1), "refine_s": round(ended - between, 1)}
    sheet = np.concatenate([np.concatenate(seen, 1) for seen in shown.values()])
    textured = decimate_and_texture(refined, MeshParameters(texture="512", max_faces=0), colors)
    meshes = {"true": truth, "coarse": coarse, "textured": textured}
    return scores | {"psnr": found, "points": len(second.cloud.points)} | cost, sheet, meshes


def main(
    meshes: Meshes = DEMO_MESHES,
    objects: Annotated[int, typer.Option(help="How many, by the seeded choice of oracle_recovery.")] = 5,
    first: Annotated[int, typer.Option(help="The first of the choice.")] = 0,
    size: Annotated[int, typer.Option(help="Pixels a side of what the oracle sees.")] = 64,
    output: Annotated[Path, typer.Option(help="Folder for scores, pictures and meshes.")] = Path("build/make_it_3d"),
) -> None:
    from PIL import Image

    torch.set_num_threads(1)
    entries = list_meshes(meshes, "train")
    chosen = np.random.default_rng(2026).permutation(len(entries))[first : first + objects]
    output.mkdir(parents=True, exist_ok=True)
    likeness = starter_clip_similarity()
    for number, index in enumerate(chosen, first):
        found, sheet, made = recover(lit(to_mesh(load_mesh(*entries[index]))), likeness, size, 0)
        Image.fromarray((sheet.clip(0, 1) * 255 + 0.5).astype(np.uint8)).save(output / f"{number}.png")
        for name, mesh in made.items():
            save(mesh, output / f"{number}_{name}.glb")
        print(json.dumps({"name": entries[index][0], **found}), flush=True)
        (output / f"{number}.json").write_text(json.dumps({"name": entries[index][0], **found}, indent=1))


if __name__ == "__main__":
    typer.run(main)
