# SPDX-License-Identifier: GPL-3.0-or-later
"""Make Solid on real meshes with planted faults: an inner shell, flipped faces, holes.

python -m benchmarks.make_solid --meshes MESHES --count 20

The distances are measured with MeshDistance and rays with embree, both unknown to Make Solid: from points of the true
mesh that are seen from outside to the new mesh, and from points of the new mesh that are seen to the true one.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import numpy as np
import trimesh
import typer
from trimesh.ray.ray_pyembree import RayMeshIntersector

from backend.evaluation.benchmark import Meshes
from backend.evaluation.objects import to_mesh
from backend.fields.mesh_distance import MeshDistance
from backend.meshing.solid.make_solid import make_solid
from backend.rendering.mesh import Mesh
from backend.training.meshes import list_meshes, load_mesh

FLIPPED = 0.2  # of the faces
HOLES, HOLE = 3, 0.08  # their number, and their largest diameter as a share of the largest side
SHELL = 0.6  # of the room at the deepest point
POINTS, RAYS = 4_000, 24
CELLS = 128  # a cell is this part of the largest side


def plant(mesh: Mesh, seed: int) -> Mesh:
    """The mesh with a smaller copy of itself in its deepest place, with holes, and with faces turned over."""
    random = np.random.default_rng(seed)
    faces = mesh.faces.copy()
    middles, side = mesh.vertices[faces].mean(1), np.ptp(mesh.vertices, axis=0).max()
    reach = np.linalg.norm(mesh.vertices[faces] - middles[:, None], axis=2).max(1)
    small = np.flatnonzero(reach < HOLE * side / 2)
    keep = np.ones(len(faces), bool)
    for centre in random.choice(small, min(HOLES, len(small)), replace=False):
        keep[np.linalg.norm(middles - middles[centre], axis=1) + reach < HOLE * side / 2] = False
        keep[centre] = False
    faces = faces[keep]
    inner, place = deepest(mesh, random)
    vertices, colors = mesh.vertices, mesh.vertex_colors
    if inner > 0.02 * side:
        shell = (mesh.vertices - mesh.vertices.mean(0)) * (SHELL * inner / np.linalg.norm(mesh.vertices, axis=1).max())
        faces = np.concatenate([faces, mesh.faces[:, ::-1] + len(vertices)])
        vertices, colors = np.concatenate([vertices, shell + place]), np.concatenate([colors, colors])
    turned = random.random(len(faces)) < FLIPPED
    faces[turned] = faces[turned][:, ::-1]
    return Mesh(vertices, faces, colors)


def deepest(mesh: Mesh, random: np.random.Generator) -> tuple[float, np.ndarray]:
    """The distance to the surface of the deepest of many points within the mesh, and the point."""
    points = random.uniform(mesh.vertices.min(0), mesh.vertices.max(0), (4000, 3))
    distance = MeshDistance(mesh)(points)[0]
    return -float(distance.min()), points[distance.argmin()]


def seen_points(mesh: Mesh, seed: int) -> np.ndarray:
    """Points (K, 3) on the mesh from which some ray to either side meets nothing."""
    shape = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    points, face = trimesh.sample.sample_surface(shape, POINTS, seed=seed)[:2]
    random, rays = np.random.default_rng(seed), RayMeshIntersector(shape)
    normals, seen = shape.face_normals[face], np.zeros(len(points), bool)
    for _ in range(RAYS):
        way = random.normal(size=points.shape)
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        side = np.sign((way * normals).sum(1, keepdims=True))
        seen |= ~rays.intersects_any(points + 1e-5 * side * normals, way)
    return np.asarray(points)[seen]


def cells_apart(truth: Mesh, found: Mesh) -> np.ndarray:
    """Distances, in cells, from what is seen of each mesh to the other one."""
    cell = np.ptp(truth.vertices, axis=0).max() / CELLS
    pairs = ((truth, found), (found, truth))
    return np.concatenate([MeshDistance(b).nearest(seen_points(a, 0))[0] for a, b in pairs]) / cell


def measure(entry: tuple[str, str, Path], seed: int, holes: float) -> dict[str, tuple[bool, float, np.ndarray]]:
    """Whether the planted, the repaired and the wrapped mesh of an object are closed, CPU s, cells apart."""
    truth = to_mesh(load_mesh(*entry))
    broken, found = plant(truth, seed), {"true": (is_watertight(truth), 0.0, np.zeros(1))}
    for name, cells in (("planted", 0), ("repaired", 0), ("skin", CELLS)):
        began = time.process_time()
        mesh = broken if name == "planted" else make_solid(broken, holes, cells).mesh
        seconds = time.process_time() - began
        found[name] = is_watertight(mesh), seconds, cells_apart(truth, mesh)
    return found


def describe(name: str, found: dict[str, tuple[bool, float, np.ndarray]]) -> str:
    """One line of the table."""
    parts = [
        f"{'closed' if closed else 'open':>6}" + (f"{s:6.1f}{np.quantile(d, 0.99):6.2f}{d.max():6.2f}" if s else "")
        for closed, s, d in found.values()
    ]
    return f"{name[:40]:<41}" + " |".join(parts)


def summarise(rows: list[dict[str, tuple[bool, float, np.ndarray]]]) -> None:
    for name in rows[0]:
        closed, seconds, apart = zip(*(row[name] for row in rows), strict=True)
        quantiles = [np.quantile(d, 0.99) for d in apart]
        print(
            f"{name}: {np.mean(closed):.0%} closed; {np.median(seconds):.1f} CPU s (median), {max(seconds):.1f} most; "
            f"99 % of the points within {np.median(quantiles):.2f} cells (median of the objects), within one cell in "
            f"{np.mean(np.array(quantiles) < 1):.0%} of the objects"
        )


def main(
    meshes: Meshes,
    count: Annotated[int, typer.Option(help="Objects, evenly among the sorted names.")] = 20,
    split: Annotated[str, typer.Option(help="train, validation or all.")] = "train",
    holes: Annotated[float, typer.Option(help="Holes up to this share of the largest side are closed.")] = 0.25,
) -> None:
    rows = []
    print(f"{'':<41}  true |planted |repaired: CPU s, cells apart (99 %, most) |skin: the same")
    for number, entry in enumerate(choose(meshes, split, count)):
        rows.append(measure(entry, number, holes))
        print(describe(entry[0], rows[-1]), flush=True)
    summarise(rows)


def choose(meshes: Path, split: str, count: int) -> list[tuple[str, str, Path]]:
    """So many objects, evenly among the sorted names."""
    listed = list_meshes(meshes, split)
    return [listed[i] for i in np.linspace(0, len(listed) - 1, count).astype(int)]


def is_watertight(mesh: Mesh) -> bool:
    """Whether trimesh finds it closed and wound in one way, when vertices at one place are one."""
    shape = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    if not mesh.is_closed:
        shape.merge_vertices()
    return bool(shape.is_watertight and shape.is_winding_consistent)


if __name__ == "__main__":
    typer.run(main)
