# SPDX-License-Identifier: GPL-3.0-or-later
"""The scores of one validation object: its picture becomes meshes, which are compared with it and with baselines."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..engines import MeshResult, Request, lrm, one2345
from ..interface.tasks import One2345Parameters
from ..interface.view_set import FOV_DEG, first_stage, view_set
from ..reconstruction.sparse_neus.to_mesh import mesh_from_images
from ..rendering.cameras import Camera
from ..rendering.mesh import Mesh
from ..runtime.devices import choose_device
from ..runtime.progress import Progress
from ..training.render import orbit
from ..weights.loaders.one2345 import load_models
from .baselines import silhouette_slab
from .image_features import Extract, extract_all, mean_cosine
from .metrics import align, compare_meshes, compare_surfaces, normalise, psnr, ssim
from .objects import PosedObject, draw_views, drawing, pose_object
from .view_metrics import SIDES, compare_views, draw_sides, picture_psnr

INPUT_SIZE, VIEW_SIZE = 256, 128
PICTURE_SIZE = 512  # at which a mesh is compared with its picture, seen as that shows it
ENGINES = {"one2345": one2345, "lrm": lrm}
PLACED = ("true views", "box")  # methods that know the true position and size, which an image does not show

Scores = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Run:
    """One way in which an engine makes a mesh of a picture of this many pixels a side."""

    engine: str
    parameters: Any
    input_size: int = INPUT_SIZE


@dataclass
class Evaluated:
    """One object with all that is kept of it."""

    name: str
    scores: Scores  # of each method
    features: dict[str, np.ndarray] = field(default_factory=dict)  # (SIDES, D) by "network method"
    sheet: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 3)))  # see `contact_sheet`


def evaluate_object(
    entry: tuple[str, str, Path],
    index: int,
    runs: dict[str, Run],
    true_views: One2345Parameters | None = None,
    extractors: dict[str, Extract] | None = None,
    with_baselines: bool = True,
) -> Evaluated:
    """Evaluate one object from a side that `index` seeds.

    runs: by the name of the method. true_views: also reconstruct from these, with such parameters. with_baselines: they
    take seconds, most of them for the volume of the slab.
    """
    posed = pose_object(entry, index)
    results = {name: run_engine(run, posed, index) for name, run in runs.items()}
    methods = {name: result.mesh for name, result in results.items()}
    if with_baselines:
        methods |= baselines(posed)
    if true_views is not None:
        methods["true views"] = reconstruct(posed, true_views)
    placed = {name: mesh if name in PLACED else normalise(mesh) for name, mesh in methods.items()}
    views = first_stage(posed.elevation)
    true = draw_views(posed.draw, views, VIEW_SIZE)
    scores = {name: score(mesh, posed.truth, views, true) for name, mesh in placed.items()}
    sides = {"truth": draw_sides(posed.draw, posed.elevation)}
    picture = posed.picture(PICTURE_SIZE)
    for name, result in results.items():
        sides[name] = draw_sides(drawing(placed[name]), posed.elevation)
        scores[name] |= compare_views(sides[name], sides["truth"])
        if camera := result.facts.get("picture_camera"):
            scores[name]["psnr_picture"] = picture_psnr(result.mesh, camera, picture)
    features = side_features(sides, extractors or {})
    for name in runs if "clip picture" in features else ():
        scores[name]["clip_sides"] = mean_cosine(features[f"clip {name}"], features["clip picture"][0])
    return Evaluated(entry[0], scores, features, contact_sheet(sides))


def run_engine(run: Run, posed: PosedObject, index: int) -> MeshResult:
    """The engine's mesh of the picture. LRM gets seed 0, with which it keeps to its own estimates."""
    seed = 0 if run.engine == "lrm" else index
    request = Request(run.engine, {"image": posed.picture(run.input_size)}, run.parameters, seed)
    return ENGINES[run.engine].run(request, Progress())


def baselines(posed: PosedObject) -> dict[str, Mesh]:
    """The extruded silhouette and the bounding box; see BASELINES."""
    camera = Camera(orbit(0, posed.elevation), FOV_DEG, INPUT_SIZE, INPUT_SIZE)  # pyright: ignore[reportArgumentType]
    slab = silhouette_slab(posed.picture(INPUT_SIZE), camera)
    return {"slab": slab, "box": posed.box, "scaled box": posed.box}


def reconstruct(posed: PosedObject, parameters: One2345Parameters) -> Mesh:
    """Reconstruct the true views by One-2-3-45's SparseNeuS."""
    poses = view_set(posed.elevation)
    views = np.stack([posed.draw(azimuth, elevation, INPUT_SIZE) for azimuth, elevation in poses])
    cameras = [Camera(orbit(a, e), FOV_DEG, INPUT_SIZE, INPUT_SIZE) for a, e in poses]  # pyright: ignore
    models = load_models(parameters.weights, choose_device(parameters.device))
    return mesh_from_images(models.sparse_neus, views, models.zero123.image_size, cameras, parameters, Progress())


def score(mesh: Mesh, truth: Mesh, views: list[tuple[float, float]], true: list[np.ndarray]) -> dict[str, float]:
    """The scores of a placed mesh: its shape, and its looks from the views (azimuth, elevation) with `true` images."""
    aligned = {"f_aligned": compare_surfaces(align(mesh, truth), truth)["f_score_0.05"]}
    return compare_meshes(mesh, truth) | aligned | compare_images(draw_views(drawing(mesh), views, VIEW_SIZE), true)


def compare_images(images: list[np.ndarray], truth: list[np.ndarray]) -> dict[str, float]:
    """Mean PSNR and SSIM over the views, the first of which is the input view."""
    ratios = [psnr(a, b) for a, b in zip(images, truth, strict=True)]
    return {
        "psnr": float(np.mean(ratios)),
        "psnr_input": float(ratios[0]),
        "psnr_novel": float(np.mean(ratios[1:])),
        "ssim": float(np.mean([ssim(a, b) for a, b in zip(images, truth, strict=True)])),
    }


def side_features(sides: dict[str, dict[int, np.ndarray]], extractors: dict[str, Extract]) -> dict[str, np.ndarray]:
    """Features of SIDES of the truth and of every method, and of the picture (1, D), by "network method"."""
    found = {}
    for method, images in [*sides.items(), ("picture", {0: sides["truth"][0]})]:
        extracted = extract_all(extractors, [images[azimuth] for azimuth in SIDES if azimuth in images])
        found |= {f"{network} {method}": features for network, features in extracted.items()}
    return found


def contact_sheet(sides: dict[str, dict[int, np.ndarray]]) -> np.ndarray:
    """Eight sides of the truth and below it of every method, float32 (rows * VIEW_SIZE, 8 * VIEW_SIZE, 3)."""
    rows = [np.concatenate([images[azimuth] for azimuth in SIDES], 1) for images in sides.values()]
    sheet = np.concatenate(rows)
    height, width = len(rows) * VIEW_SIZE, len(SIDES) * VIEW_SIZE
    return sheet.reshape(height, len(sheet) // height, width, sheet.shape[1] // width, 3).mean((1, 3))
