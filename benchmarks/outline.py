# SPDX-License-Identifier: GPL-3.0-or-later
"""How well a mesh's outline is the picture's, and how smooth the mesh is there.

    python -m benchmarks.outline --meshes MESHES [--objects 24] [--split validation] [--cells 96] [--save FOLDER]

For each object, seen as `evaluate` sees it, with the LRM starter: the overlap (IoU) of the silhouettes at 512 pixels;
the mean angle between neighbouring faces, by length of their edges, within 8 pixels of the outline and elsewhere; the
share of the outline's edges that are sharper than 45 degrees; edges with one face and with more than two; the Euler
characteristic; points asked of the field.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from scipy.ndimage import distance_transform_edt

from backend.engines import lrm
from backend.evaluation.objects import centred, turned
from backend.input_view.input_view import InputView
from backend.interface.tasks import task
from backend.meshing.clean import keep_components, remove_degenerate
from backend.meshing.files import save
from backend.meshing.marching_cubes import extract
from backend.rendering.cameras import project
from backend.rendering.mesh import Mesh
from backend.rendering.rasteriser import rasterise
from backend.training.meshes import DEMO_MESHES, list_meshes, load_mesh
from backend.training.render import Light, Renderer, orbit

BAND = 8  # pixels to both sides of the outline
SHARP = 45.0  # degrees
Meshes = Annotated[Path, typer.Option(help="Folder of meshes.")]


def main(
    meshes: Meshes = DEMO_MESHES,
    objects: Annotated[int, typer.Option(help="How many.")] = 24,
    split: Annotated[str, typer.Option(help="train or validation.")] = "validation",
    cells: Annotated[int, typer.Option(help="Cells a side.")] = 96,
    save_to: Annotated[Path | None, typer.Option("--save", help="Folder for the meshes.")] = None,
) -> None:
    torch.set_num_threads(1)
    entries = list_meshes(meshes, split)
    rows = []
    for i in np.random.default_rng(3).permutation(len(entries))[:objects]:
        mesh, view, asked = fitted(picture(entries[i], int(i)), cells)
        rows.append(measure(mesh, view) | {"points": asked})
        print(entries[i][0], " ".join(f"{k} {v:.4g}" for k, v in rows[-1].items()), flush=True)
        if save_to is not None:
            save_to.mkdir(parents=True, exist_ok=True)
            save(mesh, save_to / f"{entries[i][0]}.ply")
    print("mean", " ".join(f"{k} {np.mean([r[k] for r in rows]):.4g}" for k in rows[0]))


def picture(entry: tuple[str, str, Path], index: int) -> np.ndarray:
    """The picture (256, 256, 4) of an object that `evaluate` takes."""
    rng = np.random.default_rng([index, 11])
    turn, elevation = rng.uniform(0, 360), rng.uniform(0, 35)
    light = Light.random(rng)
    source = centred(turned(load_mesh(*entry), -turn))
    return Renderer(source, light).render(orbit(0, elevation), 256)[0].astype(np.float32) / 255


@torch.no_grad()
def fitted(image: np.ndarray, cells: int) -> tuple[Mesh, InputView, int]:
    """The mesh as the engine makes it, without colours; the input view; how many points the field was asked at."""
    model, _ = lrm.load(lrm.find_weights("starter"), torch.device("cpu"))
    engine, parameters = lrm.StarterLRM(model), task("lrm").check({"mesh_resolution": str(cells)})
    prepared = engine.prepare(image, parameters, 0)
    scene, asked = engine.encode(prepared), 0

    def density(points: torch.Tensor) -> torch.Tensor:
        nonlocal asked
        asked += len(points)
        parts = points.split(lrm.POINTS_AT_ONCE)
        return torch.cat([model.density(model.query(scene, part[None])[0][0]) for part in parts])

    surface = engine.surface(density, prepared, parameters)
    half = model.architecture.radius
    vertices, faces = extract(surface.field, cells, (-half, half), surface.level, surface.inside)
    assert prepared.input_view is not None
    return remove_degenerate(keep_components(Mesh(vertices, faces), lrm.MIN_PIECE)), prepared.input_view, asked


def measure(mesh: Mesh, view: InputView) -> dict[str, float]:
    """The measures of one mesh by name."""
    wanted = view.rgba[..., 3].numpy() >= 0.5
    shown = rasterise(torch.from_numpy(mesh.vertices), torch.from_numpy(mesh.faces).long(), view.camera).face >= 0
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-15)
    edges = np.sort(mesh.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    order = np.lexsort(edges.T[::-1])
    unique, first, count = np.unique(edges[order], axis=0, return_index=True, return_counts=True)
    owner = np.repeat(np.arange(len(mesh.faces)), 3)[order]
    pairs = first[count == 2]
    cosine = (normals[owner[pairs]] * normals[owner[pairs + 1]]).sum(1)
    angle = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    ends = mesh.vertices[unique[count == 2]]
    length = np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1)
    pixel = project(view.camera, torch.from_numpy(ends.mean(1)))[0].numpy().astype(int)
    column, row = pixel.clip(0, len(wanted) - 1).T
    inside, outside = (np.asarray(distance_transform_edt(m)) for m in (wanted, ~wanted))
    near = np.maximum(inside, outside)[row, column] < BAND
    return {
        "iou": float((shown.numpy() & wanted).sum() / (shown.numpy() | wanted).sum()),
        "angle_outline": float(np.average(angle[near], weights=length[near])),
        "angle_elsewhere": float(np.average(angle[~near], weights=length[~near])),
        "sharp": float(length[near & (angle > SHARP)].sum() / length[near].sum()),
        "open": int((count == 1).sum()),
        "non_manifold": int((count > 2).sum()),
        "euler": len(np.unique(mesh.faces)) - len(unique) + len(mesh.faces),
    }


if __name__ == "__main__":
    typer.run(main)
