# SPDX-License-Identifier: GPL-3.0-or-later
"""Results before and after a change side by side: pictures in order, not by look, and the meshes from five sides.

python -m benchmarks.result_sheet pictures WORK/pictures --meshes MESHES --photos PHOTOS
python -m benchmarks.result_sheet run WORK/pictures WORK/before --repository OTHER_CHECKOUT
python -m benchmarks.result_sheet run WORK/pictures WORK/after
python -m benchmarks.result_sheet draw WORK/pictures sheet.png WORK/before WORK/after
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image

from backend.evaluation.benchmark import PHOTOGRAPH, Meshes, choose_objects
from backend.evaluation.objects import pose_object
from backend.evaluation.result_sheet import draw_sheet, load_textured
from backend.preprocess.image import read_image
from backend.runtime.images import to_bytes
from backend.training.meshes import DEMO_MESHES

ROOT = Path(__file__).resolve().parents[1]
PHOTO_ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}

app = typer.Typer(help=__doc__)


@app.command()
def pictures(
    output: Path,
    meshes: Meshes = DEMO_MESHES,
    count: Annotated[int, typer.Option(help="How many validation objects, the first by name.")] = 12,
    photos: Annotated[Path | None, typer.Option(help="Folder of photographs.")] = None,
    photo_count: Annotated[int, typer.Option(help="How many photographs, the first by name.")] = 10,
) -> None:
    """Draw the first validation objects, as `evaluate` sees them, and copy the first photographs."""
    output.mkdir(parents=True, exist_ok=True)
    for index, entry in choose_objects(meshes, count, in_order=True):
        picture = to_bytes(pose_object(entry, index).picture(PHOTOGRAPH))
        Image.fromarray(picture).save(output / f"{index:02d}_{entry[0]}.png")
    for number, path in enumerate(photographs(photos)[:photo_count] if photos else ()):
        shutil.copyfile(path, output / f"photo_{number:02d}_{path.name}")


@app.command()
def run(
    pictures: Path,
    output: Path,
    repository: Annotated[Path, typer.Option(help="The checkout that makes the meshes.", show_default="this")] = ROOT,
    engine: Annotated[str, typer.Option(help="What makes them.")] = "lrm",
    settings: Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE.")] = None,
) -> None:
    """Make a mesh of every picture that has none in OUTPUT yet, with the parameters that artists get."""
    output.mkdir(parents=True, exist_ok=True)
    more = [word for value in settings or [] for word in ("--set", value)]
    for picture in photographs(pictures):
        mesh = output / f"{picture.stem}.glb"
        if not mesh.exists():
            command = ["-m", "backend", "generate", "--engine", engine, *more]
            command += ["--image", str(picture.absolute()), "--output", str(mesh.absolute())]
            status = subprocess.run([sys.executable, *command], cwd=repository).returncode
            print(picture.name, "done" if status == 0 else f"failed ({status})", flush=True)


@app.command()
def draw(pictures: Path, sheet: Path, results: list[Path]) -> None:
    """Draw the sheet; a picture of which there is no mesh has empty cells."""
    shown = photographs(pictures)
    files = {folder.name: [folder / f"{picture.stem}.glb" for picture in shown] for folder in results}
    meshes = {title: [load_textured(p) if p.exists() else None for p in paths] for title, paths in files.items()}
    image = draw_sheet([read_image(picture) for picture in shown], meshes)
    sheet.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(to_bytes(np.clip(image, 0, 1))).save(sheet, optimize=True)


def photographs(folder: Path) -> list[Path]:
    """The images in a folder, by name."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in PHOTO_ENDINGS)


if __name__ == "__main__":
    app()
