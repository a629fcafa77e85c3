# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m backend evaluate`: image to mesh on validation objects, against baselines and ground-truth views."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from ..interface.tasks import One2345Parameters, task
from ..runtime.images import to_bytes
from ..training.meshes import DEMO_MESHES, list_meshes
from . import image_features, kept
from .image_features import Extract
from .scoring import ENGINES, Evaluated, Run, evaluate_object
from .summary import ROWS, summarise

MEASURED = {"texture": "off", "max_faces": "200000"}  # the surface as the engine made it, not made smaller for artists
SHARED = ("mesh_resolution", "match_picture", "auto_elevation", "device", *MEASURED)  # parameters of both engines
PHOTOGRAPH = 1024  # pixels a side of the picture of textured runs: fewer would not fill the texture

app = typer.Typer(help="Measure the quality of meshes on the validation objects.")
Meshes = Annotated[Path, typer.Option(help="Folder of meshes.", show_default="demo/meshes")]


def choose_objects(meshes: Path, count: int, in_order: bool) -> list[tuple[int, tuple[str, str, Path]]]:
    """Number and entry of `count` validation objects: the first ones by name, or random ones."""
    entries = list_meshes(meshes, "validation")
    numbers = range(len(entries)) if in_order else np.random.default_rng(3).permutation(len(entries)).tolist()
    return [(i, entries[i]) for i in numbers[:count]]


def choose_runs(engines: list[str], settings: dict[str, str], textured: bool) -> dict[str, Run]:
    """The runs by name: each engine as it is measured, and with what artists get. Raises ParameterError."""
    runs = {}
    for name in engines:
        given = settings if name == "one2345" else {k: v for k, v in settings.items() if k in SHARED}
        runs[name] = Run(name, task(name).check(MEASURED | given))
        if textured:
            runs[f"{name} textured"] = Run(name, task(name).check(given), PHOTOGRAPH)
    return runs


def evaluate(
    objects: list[tuple[int, tuple[str, str, Path]]],
    runs: dict[str, Run],
    true_views: One2345Parameters | None,
    extractors: dict[str, Extract],
    folder: Path,
    with_baselines: bool = True,
    track: Callable[[list], Iterable] = iter,
) -> list[Evaluated]:
    """Evaluate objects, each of which is kept in the folder as soon as it is done, and is not evaluated again."""
    for index, entry in track(objects):
        if not kept.is_there(folder, entry[0]):
            kept.save(folder, evaluate_object(entry, index, runs, true_views, extractors, with_baselines))
    return [kept.load(folder, entry[0]) for _, entry in objects]


@app.command()
def main(
    meshes: Meshes = DEMO_MESHES,
    count: Annotated[int, typer.Option(min=1, help="How many objects.")] = 40,
    first: Annotated[bool, typer.Option("--first", help="The first objects by name, not random ones.")] = False,
    engines: Annotated[list[str] | None, typer.Option("--engine", help="one2345 or lrm; default: both.")] = None,
    output: Annotated[Path, typer.Option(help="Folder for scores.json and sheet.png.")] = Path("build/evaluation"),
    settings: Annotated[list[str] | None, typer.Option("--set", help="Parameter of the engines, NAME=VALUE.")] = None,
    textured: Annotated[
        bool, typer.Option("--textured", help="Also with a texture and the faces that artists get.")
    ] = False,
    true_views: Annotated[bool, typer.Option(help="Also reconstruct from the 32 true views.")] = True,
    baselines: Annotated[bool, typer.Option(help="Also the silhouette extruded, and the bounding box.")] = True,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the objects that OUTPUT has not.")] = False,
) -> None:
    """Evaluate image to mesh on validation objects, against an extruded silhouette and the bounding box."""
    from PIL import Image
    from rich.console import Console
    from rich.progress import track

    names = list(dict.fromkeys(engines or ENGINES))
    if wrong := set(names) - set(ENGINES):
        raise typer.BadParameter(f"Unknown engine: {', '.join(wrong)}. Choose from {', '.join(ENGINES)}.")
    given = dict(s.split("=", 1) for s in settings or [])
    runs = choose_runs(names, given, textured)
    views = task("one2345").check(MEASURED | given) if true_views else None
    folder = output / "objects"
    chosen = {"engines": names, "settings": given, "textured": textured, "views": true_views, "baselines": baselines}
    kept.open_folder(folder, chosen, resume)
    extractors, missing = image_features.load_extractors()
    objects = choose_objects(meshes, count, first)
    done = evaluate(objects, runs, views, extractors, folder, baselines, lambda some: track(some, "Evaluating"))
    scores = summarise(done, list(runs))
    (output / "scores.json").write_text(json.dumps(scores, indent=1))
    Image.fromarray(to_bytes(np.concatenate([o.sheet for o in done]))).save(output / "sheet.png")
    print_tables(scores, Console())
    for sentence in missing:
        print(f"Absent: {sentence}")


def print_tables(scores: dict[str, Any], console: Any) -> None:
    """Print the mean scores and the shares of wins."""
    from rich.table import Table

    for title, columns, form in (
        (f"{scores['objects']} validation objects", scores["mean"], ".3f"),
        ("Share of objects for which it is better", scores["better_than"], ".0%"),
    ):
        table = Table("", *columns, title=title)
        for key in ROWS:
            if any(key in values for values in columns.values()):
                table.add_row(key, *(format(v[key], form) if key in v else "-" for v in columns.values()))
        console.print(table)
