# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m backend evaluate`: image to mesh on validation objects, against baselines and ground-truth views."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from ..engines import Request, lrm, one2345
from ..interface.tasks import One2345Parameters, task
from ..interface.view_set import FOV_DEG, first_stage, view_set
from ..reconstruction.sparse_neus.to_mesh import mesh_from_images
from ..rendering.cameras import Camera
from ..rendering.mesh import Mesh
from ..runtime.devices import choose_device
from ..runtime.images import on_white, to_bytes
from ..runtime.progress import Progress
from ..training.meshes import DEMO_MESHES, TrainingMesh, list_meshes, load_mesh
from ..training.render import Light, Renderer, orbit
from ..weights.loaders.one2345 import load_models
from .baselines import box, silhouette_slab
from .metrics import align, compare_meshes, compare_surfaces, normalise, psnr, ssim

INPUT_SIZE, VIEW_SIZE = 256, 128
ENGINES = {"one2345": one2345, "lrm": lrm}
MEASURED = {"texture": "off", "max_faces": "200000"}  # the surface as the engine made it, not made smaller for artists
SHARED = ("mesh_resolution", "match_picture", "auto_elevation", "device", *MEASURED)  # parameters of both engines
BASELINES = ("slab", "box", "scaled box")
PLACED = ("true views", "box")  # methods that know the true position and size, which an image does not show
HIGHER_IS_BETTER = {
    "f_score_0.05": True,
    "f_score_0.02": True,
    "chamfer": False,
    "f_aligned": True,  # F-score at 0.05 after alignment by a similarity
    "volume_iou": True,
    "psnr": True,
    "psnr_input": True,
    "psnr_novel": True,
    "ssim": True,
}

app = typer.Typer(help="Measure the quality of meshes on the validation objects.")
Meshes = Annotated[Path, typer.Option(help="Folder of meshes.", show_default="demo/meshes")]
Scores = dict[str, dict[str, float]]


def evaluate_object(
    entry: tuple[str, str, Path], index: int, engines: list[str], parameters: dict[str, Any], true_views: bool
) -> tuple[Scores, np.ndarray]:
    """Evaluate one object from a side that `index` seeds.

    Returns the scores of each method and a row of images (H, W, 3): the input, three true views, and four views of each
    engine's mesh.
    """
    rng = np.random.default_rng([index, 11])
    turn = rng.uniform(0, 360)
    elevation = rng.uniform(0, 35)
    light = Light.random(rng)
    source = centred(turned(load_mesh(*entry), -turn))
    renderer = Renderer(source, light)
    image = renderer.render(orbit(0, elevation), INPUT_SIZE)[0].astype(np.float32) / 255
    truth = to_mesh(source)
    camera = Camera(orbit(0, elevation), FOV_DEG, INPUT_SIZE, INPUT_SIZE)  # pyright: ignore[reportArgumentType]
    box_mesh = to_mesh(turned(box_of(turned(source, turn)), -turn))
    seeds = {name: 0 if name == "lrm" else index for name in engines}  # with 0 LRM keeps to its own estimates
    methods = {
        name: ENGINES[name].run(Request(name, {"image": image}, parameters[name], seed), Progress()).mesh
        for name, seed in seeds.items()
    } | {"slab": silhouette_slab(image, camera), "box": box_mesh, "scaled box": box_mesh}
    views = first_stage(elevation)
    if true_views:
        poses = view_set(elevation)
        posed = np.stack([renderer.render(orbit(a, e), INPUT_SIZE)[0] for a, e in poses]).astype(np.float32) / 255
        cameras = [Camera(orbit(a, e), FOV_DEG, INPUT_SIZE, INPUT_SIZE) for a, e in poses]  # pyright: ignore
        methods["true views"] = reconstruct(posed, cameras, parameters["one2345"])
    placed = {name: mesh if name in PLACED else normalise(mesh) for name, mesh in methods.items()}
    images = {name: render_views(Renderer(from_mesh(mesh)), views) for name, mesh in placed.items()}
    images["truth"] = render_views(renderer, views)
    scores = {
        name: compare_meshes(mesh, truth)
        | {"f_aligned": compare_surfaces(align(mesh, truth), truth)["f_score_0.05"]}
        | compare_images(images[name], images["truth"])
        for name, mesh in placed.items()
    }
    row = [render_views(renderer, [(0, elevation)])[0], *images["truth"][1:4]]
    return scores, np.concatenate([*row, *(p for name in engines for p in images[name][:4])], 1)


def reconstruct(views: np.ndarray, cameras: list[Camera], parameters: One2345Parameters) -> Mesh:
    """Reconstruct posed views float32 RGBA (V, H, W, 4) by One-2-3-45's SparseNeuS."""
    models = load_models(parameters.weights, choose_device(parameters.device))
    size = models.zero123.image_size
    return mesh_from_images(models.sparse_neus, views, size, cameras, parameters, Progress())


def compare_images(images: list[np.ndarray], truth: list[np.ndarray]) -> dict[str, float]:
    """Mean PSNR and SSIM over the views, the first of which is the input view."""
    ratios = [psnr(a, b) for a, b in zip(images, truth, strict=True)]
    return {
        "psnr": float(np.mean(ratios)),
        "psnr_input": float(ratios[0]),
        "psnr_novel": float(np.mean(ratios[1:])),
        "ssim": float(np.mean([ssim(a, b) for a, b in zip(images, truth, strict=True)])),
    }


def evaluate(
    meshes: Path,
    count: int,
    engines: list[str],
    parameters: dict[str, Any],
    true_views: bool,
    track: Callable[[list], Iterable] = iter,
) -> tuple[dict[str, Any], np.ndarray]:
    """Evaluate `count` random validation objects.

    Returns the mean scores of every method, the shares of objects for which each engine beats each baseline and the
    scores of each object; and a sheet of images, one row per object.
    """
    entries = list_meshes(meshes, "validation")
    every, rows = [], []
    for i in track(list(np.random.default_rng(3).permutation(len(entries))[:count])):
        scores, row = evaluate_object(entries[i], int(i), engines, parameters, true_views)
        every.append({"name": entries[i][0], **scores})
        rows.append(row)
    methods = [m for m in every[0] if m != "name"]
    mean = {m: {k: float(np.mean([o[m][k] for o in every])) for k in HIGHER_IS_BETTER} for m in methods}
    pairs = [(m, b) for m in engines for b in BASELINES]
    pairs += [("lrm", "one2345")] if len(engines) == len(ENGINES) else []
    wins = {
        f"{m} than {b}": {k: wins_share(every, m, b, k, up) for k, up in HIGHER_IS_BETTER.items()} for m, b in pairs
    }
    return {"objects": len(every), "mean": mean, "better_than": wins, "each": every}, np.concatenate(rows)


def wins_share(every: list, method: str, other: str, key: str, higher: bool) -> float:
    """Share of objects for which a method's score beats the other's."""
    return float(np.mean([(o[method][key] > o[other][key]) == higher for o in every]))


def turned(mesh: TrainingMesh, degrees: float) -> TrainingMesh:
    """Rotate about the vertical axis, counter-clockwise seen from above."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], np.float32)
    return TrainingMesh(mesh.name, mesh.category, mesh.vertices @ matrix.T, mesh.faces, mesh.face_colors)


def centred(mesh: TrainingMesh) -> TrainingMesh:
    """Normalise in the image's axes, as the engines place their meshes.

    Rotating an object moves the centre of its bounding box, which an image does not show and a score must not count.
    """
    placed = normalise(to_mesh(mesh))
    return replace(mesh, vertices=placed.vertices, faces=placed.faces)


def box_of(mesh: TrainingMesh) -> TrainingMesh:
    """Bounding box along the object's own axes."""
    return from_mesh(box(to_mesh(mesh)))


def to_mesh(mesh: TrainingMesh) -> Mesh:
    """Give every face its own vertices, so that corner colours become vertex colours."""
    colors = np.concatenate([mesh.face_colors, np.ones((*mesh.face_colors.shape[:2], 1))], 2).reshape(-1, 4)
    faces = np.arange(3 * len(mesh.faces), dtype=np.int32).reshape(-1, 3)
    return Mesh(mesh.vertices[mesh.faces].reshape(-1, 3), faces, to_bytes(colors))


def from_mesh(mesh: Mesh) -> TrainingMesh:
    """Wrap a mesh for the training renderer, without a name."""
    return TrainingMesh(
        "", "", mesh.vertices, mesh.faces, mesh.vertex_colors[mesh.faces][..., :3].astype(np.float32) / 255
    )


def render_views(renderer: Renderer, views: list[tuple[float, float]]) -> list[np.ndarray]:
    """Render views (azimuth, elevation) in degrees on white -> float32 (VIEW_SIZE, VIEW_SIZE, 3) each."""
    return [on_white(renderer.render(orbit(a, e), VIEW_SIZE)[0].astype(np.float32) / 255) for a, e in views]


@app.command()
def main(
    meshes: Meshes = DEMO_MESHES,
    count: Annotated[int, typer.Option(min=1, help="How many objects.")] = 40,
    engines: Annotated[list[str] | None, typer.Option("--engine", help="one2345 or lrm; default: both.")] = None,
    output: Annotated[Path, typer.Option(help="Folder for scores.json and sheet.png.")] = Path("build/evaluation"),
    settings: Annotated[list[str] | None, typer.Option("--set", help="Parameter of the engines, NAME=VALUE.")] = None,
    true_views: Annotated[bool, typer.Option(help="Also reconstruct from the 32 true views.")] = True,
) -> None:
    """Evaluate image to mesh on validation objects, against an extruded silhouette and the bounding box."""
    from PIL import Image
    from rich.console import Console
    from rich.progress import track
    from rich.table import Table

    given = MEASURED | dict(s.split("=", 1) for s in settings or [])
    shared = {name: value for name, value in given.items() if name in SHARED}
    parameters = {"one2345": task("one2345").check(given), "lrm": task("lrm").check(shared)}
    names = list(dict.fromkeys(engines or ENGINES))
    if wrong := set(names) - set(ENGINES):
        raise typer.BadParameter(f"Unknown engine: {', '.join(wrong)}. Choose from {', '.join(ENGINES)}.")
    scores, sheet = evaluate(meshes, count, names, parameters, true_views, lambda items: track(items, "Evaluating"))
    output.mkdir(parents=True, exist_ok=True)
    (output / "scores.json").write_text(json.dumps(scores, indent=1))
    Image.fromarray(to_bytes(sheet)).save(output / "sheet.png")
    for title, columns, form in (
        (f"{scores['objects']} validation objects", scores["mean"], ".3f"),
        ("Share of objects for which it is better", scores["better_than"], ".0%"),
    ):
        table = Table("", *columns, title=title)
        for key in HIGHER_IS_BETTER:
            table.add_row(key, *(format(values[key], form) for values in columns.values()))
        Console().print(table)
