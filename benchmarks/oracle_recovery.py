# SPDX-License-Identifier: GPL-3.0-or-later
"""How well optimisation recovers objects from a prior that knows them: shape, colours, depth, and what it costs.

python -m benchmarks.oracle_recovery --objects 10 --method sds --output build/oracle
"""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import trimesh
import typer
from scipy.spatial import KDTree
from torch.nn.functional import normalize

from backend.evaluation.benchmark import Meshes
from backend.evaluation.metrics import compare_meshes, is_inside
from backend.evaluation.objects import to_mesh
from backend.fields import hash_field, sdf_field, voxel_field
from backend.fields.field import Field
from backend.optimisation.image_objective import ImageObjective, Reference
from backend.optimisation.loop import optimise
from backend.optimisation.objective import FieldObjective
from backend.optimisation.recipes import image_prior, text_prior
from backend.optimisation.recipes.base import Recipe
from backend.optimisation.text_objective import TextObjective
from backend.rendering.cameras import Camera, orbit, rays
from backend.rendering.mesh import Mesh
from backend.rendering.rasteriser import rasterise, render_mesh
from backend.runtime.progress import Progress
from backend.training.meshes import DEMO_MESHES, list_meshes, load_mesh
from tests.support.oracle import Defects, OraclePrior

FOV_DEG, RADIUS = 15.5, 3.8  # the sphere of the objects fills the picture
TOWARDS_LIGHT, AMBIENT = (-0.45, -0.6, 0.66), 0.5
SHARPEN = {"sjc": 8.0}  # a voxel is seen by few rays: in few steps it becomes no more than a fog
# Opaqueness fattens what has a soft edge, and what the pictures show has to carve hollows as well.
SDF_WEIGHTS = {"eikonal": 3.0, "opaqueness": 0.0, "prior": 0.5, "silhouette": 5.0}
SEEN_FROM = [(azimuth, elevation) for elevation in (-30, 20, 65) for azimuth in range(0, 360, 45)]


def seen_surface(mesh: Mesh, size: int = 96) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 3) and colours (N, 3) in 0..1 of all that can be seen of a mesh from SEEN_FROM."""
    vertices, faces = torch.from_numpy(mesh.vertices), torch.from_numpy(mesh.faces).long()
    colors = torch.from_numpy(mesh.vertex_colors[:, :3]).float() / 255
    points, seen = [], []
    for azimuth, elevation in SEEN_FROM:
        raster = rasterise(vertices, faces, Camera(orbit(azimuth, elevation, RADIUS), FOV_DEG, size, size))
        hit = raster.face >= 0
        corner, weight = faces[raster.face[hit]], raster.corner[hit][..., None]
        points.append((vertices[corner] * weight).sum(1))
        seen.append((colors[corner] * weight).sum(1))
    return torch.cat(points).numpy(), torch.cat(seen).numpy()


def is_closed(mesh: Mesh) -> bool:
    """Whether every edge is shared by two faces, once corners at the same place are one."""
    return trimesh.Trimesh(mesh.vertices, mesh.faces, process=True).is_watertight


def hull_iou(truth: Mesh, cells: int = 56, size: int = 256) -> float:
    """Volume IoU of the visual hull: what is left when all is cut away that one of 60 outlines shows to be empty.

    Flat colours without light tell little more than outlines do, so this is about what can be known of the shape.
    """
    share = (np.arange(cells) + 0.5) / cells - 0.5
    points = np.stack(np.meshgrid(share, share, share, indexing="ij"), -1).reshape(-1, 3)
    vertices, faces = torch.from_numpy(truth.vertices), torch.from_numpy(truth.faces).long()
    hull, inside = np.ones(len(points), bool), is_inside(truth, points)
    for elevation in (-30, 0, 30, 60, 80):
        for azimuth in range(0, 360, 30):
            camera, left = Camera(orbit(azimuth, elevation, RADIUS), FOV_DEG, size, size), np.nonzero(hull)[0]
            seen = rasterise(vertices, faces, camera).face.numpy() >= 0
            x, y, z = ((points[left] - camera.position.numpy()) @ camera.cam_to_world[:3, :3].numpy()).T
            column, row = (size / 2 + camera.focal * v / -z for v in (x, -y))
            hull[left] = seen[row.astype(int).clip(0, size - 1), column.astype(int).clip(0, size - 1)]
    return float((hull & inside).sum() / max(1, (hull | inside).sum()))


def color_error(mesh: Mesh, truth: Mesh) -> float:
    """Mean absolute difference of the visible surface's colours from those of the nearest visible true point."""
    (points, colors), (true_points, true_colors) = seen_surface(mesh), seen_surface(truth)
    return float(np.abs(colors - true_colors[KDTree(true_points).query(points)[1]]).mean())


def lit(mesh: Mesh) -> Mesh:
    """The mesh in a soft light that is fixed to it, as in the published training images: each face has its own
    vertices, whose colours are albedo x (ambient + (1 - ambient) (1 + n.l) / 2), which tells all its sides apart."""
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-20)
    shade = AMBIENT + (1 - AMBIENT) * (1 + normals @ (np.array(TOWARDS_LIGHT) / np.linalg.norm(TOWARDS_LIGHT))) / 2
    colors = mesh.vertex_colors[mesh.faces].astype(np.float64)
    colors[..., :3] *= shade[:, None, None]
    faces = np.arange(3 * len(corners)).reshape(-1, 3)
    return Mesh(corners.reshape(-1, 3), faces, (colors.reshape(-1, 4) + 0.5).astype(np.uint8))


def ray_errors(task: FieldObjective, truth: Mesh) -> tuple[float, float]:
    """Mean absolute difference of rendered and true depth along the axis, and mean angle in degrees of rendered and
    true normals, where both see something, from four sides."""
    size, depths, angles = task.prior.image_size, [], []
    vertices, faces = torch.from_numpy(truth.vertices), torch.from_numpy(truth.faces).long()
    corners = vertices[faces]
    flat = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    task.field.eval()
    for azimuth in (20, 110, 200, 290):
        camera = Camera(orbit(azimuth, 15, RADIUS), FOV_DEG, size, size)
        origins, directions = rays(camera)
        seen = task.renderer.render(origins, directions, 1.0, normals="analytic")
        raster = rasterise(vertices, faces, camera)
        both = (raster.face >= 0).flatten() & (seen.opacity > 0.5)
        along = seen.depth * (directions @ -camera.cam_to_world[:3, 2])
        depths.append((along - raster.depth.flatten())[both].abs().detach())
        true = normalize(flat[raster.face.flatten()[both]], dim=1)
        true = true * -(true * directions[both]).sum(1, keepdim=True).sign()
        assert seen.normal is not None
        cosine = (normalize(seen.normal[both], dim=1) * true).sum(1).clamp(-1, 1)
        angles.append(torch.rad2deg(cosine.acos()).detach())
    task.field.train()
    return float(torch.cat(depths).mean()), float(torch.cat(angles).mean())


def choose_course(method: str, steps: int, size: int, settings: dict[str, Any]) -> Recipe:
    """The small preset of a method for pictures of `size` pixels a side, and cameras that see all of the object."""
    course = {
        "sjc": image_prior.SMALL_SJC, "text": text_prior.SMALL, "text_sdf": text_prior.of_distance(text_prior.SMALL)
    }.get(method, image_prior.SMALL)  # fmt: skip
    own: dict[str, Any] = {}
    if isinstance(course, text_prior.PromptRecipe):  # the oracle's light does not move with the engine's
        own = {"fov_range": (FOV_DEG, FOV_DEG), "albedo_share": 1.0}
    own |= {name: tuple(n * size // 64 for n in getattr(course, name)) for name in ("reference_size", "random_size")}
    own |= {"fov_deg": FOV_DEG, "radius": (RADIUS, RADIUS), "elevation_deg": (-30, 80)}
    own |= {"section": course.section * 64 / size}
    own |= {"weights": dict(course.weights) | (SDF_WEIGHTS if method == "sdf" else {})}
    return replace(course, **(own | settings)).shortened(steps)


def make_field(method: str, size: int, seed: int, sharpen: float) -> Field:
    if method == "sdf":
        return sdf_field.small(seed=seed)
    if method == "text_sdf":
        return text_prior.make_field(text_prior.SMALL, seed, "distance")
    if method == "sjc":
        side = 5 * size // 4
        coarse = (side // 2, side // 4, side // 8)
        return voxel_field.VoxelField(side, gain=10.0, sharpen=sharpen, coarse=coarse)
    return hash_field.small(seed=seed, gain=30.0, sharpen=sharpen)


def recover(
    truth: Mesh, method: str, steps: int, size: int, seed: int, defects: Defects, sharpen: float,
    settings: dict[str, Any],
) -> dict:  # fmt: skip
    """Optimise against the oracle of one mesh, whose pictures have `size` pixels a side; scores and what it took."""
    oracle = OraclePrior(truth, size, defects=defects, seed=seed)
    field, course = make_field(method, size, seed, sharpen), choose_course(method, steps, size, settings)
    if isinstance(course, text_prior.PromptRecipe):
        task = TextObjective(oracle, field, course)
    else:
        camera = Camera(orbit(0, 15, RADIUS), FOV_DEG, 2 * size, 2 * size)
        task = ImageObjective(oracle, field, Reference(render_mesh(truth, camera), camera), course, method)
    begun, clock = time.process_time(), time.monotonic()
    outcome = optimise(task, Progress(), task.recipe.steps, seed=seed, preview_s=1e9)
    cpu, wall = time.process_time() - begun, time.monotonic() - clock
    mesh = task.mesh(128)
    scores = compare_meshes(mesh, truth) | {"color": color_error(mesh, truth)}
    scores["depth"], scores["normal_deg"] = ray_errors(task, truth)
    scores["hull_iou"] = hull_iou(truth)
    ends = {name: round(float(np.mean(values[-10:])), 4) for name, values in outcome.losses.items()}
    return {"scores": scores, "cpu_s": cpu, "wall_s": wall, "losses": ends, "views": task.views()}


def picture(views: np.ndarray, truth: Mesh) -> np.ndarray:
    """Truth over recovered, from four sides, on white."""
    cameras = [Camera(orbit(a, 15, RADIUS), FOV_DEG, views.shape[1], views.shape[1]) for a in range(0, 360, 90)]
    true = np.stack([(render_mesh(truth, camera).numpy() * 255).astype(np.uint8) for camera in cameras])
    rows = [np.concatenate(list(v[..., :3] * (v[..., 3:] / 255.0) + 255 - v[..., 3:]), 1) for v in (true, views)]
    return np.concatenate(rows).astype(np.uint8)


def main(
    meshes: Meshes = DEMO_MESHES,
    objects: Annotated[int, typer.Option(help="How many, by a seeded choice.")] = 10,
    first: Annotated[int, typer.Option(help="The first of the choice.")] = 0,
    method: Annotated[
        str, typer.Option(help="sds, sjc, text (DreamFusion), or sdf and text_sdf, of a signed distance.")
    ] = "sds",
    steps: Annotated[int, typer.Option(help="Optimisation steps; 0 takes the recipe's.")] = 0,
    size: Annotated[int, typer.Option(help="Pixels a side of what the oracle sees.")] = 96,
    closed: Annotated[bool, typer.Option(help="Choose among closed meshes, which have a volume, only.")] = False,
    light: Annotated[
        bool, typer.Option(help="Whether the objects stand in a light, or show their plain colours.")
    ] = True,
    output: Annotated[Path, typer.Option(help="Folder for scores.json and pictures.")] = Path("build/oracle"),
    sharpen: Annotated[float, typer.Option(help="How much steeper a density becomes; 0 is 8 for sjc, else 1.")] = 0.0,
    noise: float = 0.0,
    turn_deg: float = 0.0,
    janus: float = 0.0,
    contrast: float = 1.0,
    settings: Annotated[str, typer.Option(help="More of the recipe, as JSON.")] = "{}",
) -> None:
    from PIL import Image

    torch.set_num_threads(1)
    entries = list_meshes(meshes, "train")
    order = np.random.default_rng(2026).permutation(len(entries))
    known = (i for i in order if not closed or is_closed(to_mesh(load_mesh(*entries[i]))))
    chosen = list(itertools.islice(known, first, first + objects))
    output.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, index in enumerate(chosen, first):
        truth = to_mesh(load_mesh(*entries[index]))
        truth = lit(truth) if light else truth
        defects = Defects(noise, turn_deg, janus, contrast)
        steeper = sharpen or SHARPEN.get(method, 1.0)
        found = recover(truth, method, steps, size, 0, defects, steeper, json.loads(settings))
        Image.fromarray(picture(found.pop("views"), truth)).save(output / f"{method}_{number}.png")
        rows.append({"name": entries[index][0], **found})
        print(json.dumps(rows[-1]), flush=True)
        (output / f"{method}_{first}.json").write_text(json.dumps(rows, indent=1))
    mean = {k: round(float(np.mean([r["scores"][k] for r in rows])), 3) for k in rows[0]["scores"]}
    print("mean", mean, "cpu", round(float(np.mean([r["cpu_s"] for r in rows])), 1))


if __name__ == "__main__":
    typer.run(main)
