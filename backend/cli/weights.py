# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of weights: `python -m backend models COMMAND`. Blender's preferences use the same commands."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

import typer

from ..interface import catalog
from ..interface.catalog import Weights, WeightsError
from ..interface.installer.environment import NoHome
from ..runtime.progress import Progress
from ..weights.store import store
from . import console

app = typer.Typer(help="List, download, check, convert and remove weights.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(help="See the command models list.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, no progress.")]
Follow = Annotated[bool, typer.Option("--follow", help="With --json: progress too, one JSON object a line.")]


@app.command("list")
def list_models(as_json: Json = False) -> None:
    """List all sets of weights: purpose, size, licence and place."""
    listed = [describe(weights) for weights in catalog.WEIGHTS]
    folder = str(store.weights_folder()) if store.has_folder() else ""
    text = "\n\n".join(map(as_text, listed)) + f"\n\nFolder: {folder or 'none. ' + NoHome().remedy}"
    console.answer(as_json, {"folder": folder, "models": listed}, text)


@app.command()
def download(model: Id, as_json: Json = False, follow: Follow = False) -> None:
    """Download a set of weights, or resume an earlier download."""
    from ..weights.store.download import download as fetch

    weights = catalog.weights(model)
    with reporting(as_json, follow) as progress:
        folder = fetch(weights, progress_of(progress, f"Downloading {weights.title}"))
    console.answer(as_json, {"id": model, "folder": str(folder)}, f"{folder}\n{licence(weights)}")


@app.command()
def verify(
    model: Annotated[str | None, typer.Argument(help="All installed sets if none is named.")] = None,
    as_json: Json = False,
    follow: Follow = False,
) -> None:
    """Compare the files of a set, or of all installed sets, with their checksums."""
    chosen = [catalog.weights(model)] if model else [w for w in catalog.WEIGHTS if store.locate(w.id)]
    with reporting(as_json, follow) as progress:
        folders = {w.id: str(store.verify(w, progress_of(progress, f"Checking {w.title}"))) for w in chosen}
    text = "\n".join(f"{name} is whole: {folder}" for name, folder in folders.items())
    console.answer(as_json, {"verified": folders}, text)


@app.command()
def path(model: Id, as_json: Json = False) -> None:
    """Print the folder of a set of weights."""
    weights = catalog.weights(model)
    folder = store.locate(model)
    if folder is None:
        raise WeightsError(f"{weights.title} is not downloaded yet.", store.get(weights))
    console.answer(as_json, {"id": model, "folder": str(folder)}, str(folder))


@app.command()
def remove(model: Id, as_json: Json = False) -> None:
    """Delete a download, complete or not. Copies in other folders stay."""
    freed = store.remove(catalog.weights(model))
    console.answer(as_json, {"id": model, "freed": freed}, f"{gigabytes(freed)} are free again.")


@app.command()
def convert(
    model: Annotated[str, typer.Argument(help="A set of weights, or a checkpoint file.")],
    output: Annotated[Path | None, typer.Option(help="Folder to write; else beside the download.")] = None,
    remove_original: Annotated[bool, typer.Option(help="Delete the downloaded checkpoint afterwards.")] = False,
    as_json: Json = False,
    follow: Follow = False,
) -> None:
    """Convert a Zero123 checkpoint to a folder in half precision: a sixth of the disk space, faster to load."""
    weights = None if Path(model).is_file() else catalog.weights(model)
    checkpoint = checkpoint_of(weights) if weights else Path(model)
    folder = output or (store.folder_of(weights) / store.CONVERTED if weights else checkpoint.with_suffix(""))
    from ..weights.store import conversion

    with reporting(as_json, follow) as progress:
        before, after = conversion.convert(checkpoint, folder, progress_of(progress, f"Converting {checkpoint.name}"))
    freed = conversion.remove_original(weights) if weights and remove_original and not output else 0
    saved = f"saves {gigabytes(before - after)}" + ("" if freed else f" once {checkpoint} is deleted")
    facts = {"folder": str(folder), "bytes_before": before, "bytes_after": after, "freed": freed}
    console.answer(as_json, facts, f"{folder}: {gigabytes(after)} instead of {gigabytes(before)}, which {saved}.")


def checkpoint_of(weights: Weights) -> Path:
    """The checkpoint file of an installed set; WeightsError."""
    if not weights.convertible:
        raise WeightsError(f"{weights.title} needs no conversion.", "Convert the original checkpoints of Zero123.")
    name = weights.files[0].path
    for folder, origin in store.places(weights):
        if origin != "converted":
            return folder / name
    raise WeightsError(f"{weights.title} is not downloaded yet.", store.get(weights))


def reporting(as_json: bool, follow: bool) -> AbstractContextManager[Progress]:
    """Progress as a bar for people, as JSON lines for programs that follow it, or as nothing."""
    tell = (lambda step: console.write(json.dumps({"progress": vars(step)}))) if as_json and follow else None
    return console.working(as_json, tell)


def progress_of(progress: Progress, stage: str) -> store.Progress:
    """A callback that reports bytes as megabytes of one stage; it raises Cancelled."""
    progress.plan({stage: 1.0})
    return lambda what, done, total: progress.update(stage, -(-done // 10**6), -(-total // 10**6))


def describe(weights: Weights) -> dict[str, Any]:
    """A set of weights and its place, for programs."""
    place = next(store.places(weights), None)
    return {
        "id": weights.id,
        "title": weights.title,
        "purpose": weights.purpose,
        "part": weights.part,
        "size": weights.size,
        "licence": weights.licence,
        "commercial_use": weights.commercial_use,
        "gated": weights.gated,
        "note": weights.note,
        "folder": str(place[0]) if place else "",
        "origin": place[1] if place else "",
        "partial": store.partial(weights),
    }


def as_text(listed: dict[str, Any]) -> str:
    """A set of weights as `describe` gives it, as text for people."""
    size = gigabytes(listed["size"]) if listed["size"] else "ships with the extension"
    place = f"{listed['origin']}: {listed['folder']}" if listed["folder"] else "not here"
    if listed["partial"] and not listed["folder"]:
        place = f"{gigabytes(listed['partial'])} are downloaded; models download {listed['id']} goes on from there"
    return (
        f"{listed['id']}: {listed['title']}, {size}\n  {listed['purpose']}.\n"
        f"  {licence(catalog.weights(listed['id']))}\n  {place}"
    )


def licence(weights: Weights) -> str:
    """Licence, commercial use and note in one line."""
    return " ".join(f"Licence: {weights.licence}. Commercial use: {weights.commercial_use}. {weights.note}".split())


def gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
