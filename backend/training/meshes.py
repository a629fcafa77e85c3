# SPDX-License-Identifier: GPL-3.0-or-later
"""Training meshes: a folder of npz or other mesh files, their deterministic split and their normalisation."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..meshing.files import MeshFileError, load

DEMO_MESHES = Path(__file__).resolve().parents[2] / "demo" / "meshes"  # ten CC0 objects, in the repository only
OBJECTS_PER_VALIDATION = 20  # one object in twenty is for validation
STRETCH = 0.25  # standard deviation of the log scales of a stretched mesh


@dataclass
class TrainingMesh:
    """A normalised mesh with one colour per face corner."""

    name: str
    category: str
    vertices: np.ndarray  # float32 (V, 3) in the sphere of radius 0.5
    faces: np.ndarray  # int32 (F, 3)
    face_colors: np.ndarray  # float32 (F, 3, 3), sRGB 0..1 of the corners


def is_validation(name: str) -> bool:
    """Whether an object is for validation, independent of the machine and of other objects in the folder."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % OBJECTS_PER_VALIDATION == 0


def list_meshes(folder: Path, split: str) -> list[tuple[str, str, Path]]:
    """(name, category, file) of every mesh of `split` ("train", "validation" or "all"), sorted by name.

    If the folder has an `index.json`, it lists the meshes; else every mesh file counts. Raises MeshFileError if there
    are none.
    """
    index = folder / "index.json"
    entries = _read_index(index) if index.is_file() else _find_files(folder)
    if not entries:
        raise MeshFileError(
            f"There are no meshes in {folder}.", "Name a folder with .npz, .ply, .glb, .obj or .stl files.", "input"
        )
    chosen = sorted(e for e in entries if split == "all" or is_validation(e[0]) == (split == "validation"))
    if not chosen:
        message = f"None of the {len(entries)} meshes in {folder} is for {split}, which their names decide."
        raise MeshFileError(message, "Name a folder with more meshes.", "input")
    return chosen


def _read_index(index: Path) -> list[tuple[str, str, Path]]:
    """The entries of an index file. Raises MeshFileError."""
    try:
        records = json.loads(index.read_text("utf-8"))
        return [(str(r["id"]), str(r.get("category", "other")), index.parent / r["file"]) for r in records]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        remedy = "demo/meshes/README.md says what it must hold."
        raise MeshFileError(f"{index} is not an index of meshes.", remedy, "input") from error


def _find_files(folder: Path) -> list[tuple[str, str, Path]]:
    endings = {".npz", ".ply", ".glb", ".obj", ".stl"}
    return [(p.stem, "other", p) for p in folder.rglob("*") if p.suffix.lower() in endings]


def load_mesh(name: str, category: str, path: Path) -> TrainingMesh:
    """Read and normalise a mesh: centre of the bounding box at the origin, farthest vertex at 0.5."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as data:
            vertices, faces, colors = data["vertices"], data["faces"], data["face_colors"].astype(np.float32) / 255
    else:
        vertices, faces, colors = _read_mesh_file(path)
    return TrainingMesh(name, category, normalise_vertices(vertices), faces.astype(np.int32), colors)


def load_stretched(entry: tuple[str, str, Path], index: int, stretching: int) -> TrainingMesh:
    """Load a mesh, unchanged for stretching 0, else with random scales per axis that `stretching` seeds."""
    mesh = load_mesh(*entry)
    if not stretching:
        return mesh
    scale = np.exp(STRETCH * np.random.default_rng([index, stretching, 1]).normal(size=3))
    return replace(mesh, vertices=normalise_vertices(mesh.vertices * scale))


def normalise_vertices(vertices: np.ndarray) -> np.ndarray:
    """Vertices float32 (N, 3) with the box centre at the origin and the farthest vertex at distance 0.5."""
    vertices = vertices - (vertices.min(0) + vertices.max(0)) / 2
    return (vertices * (0.5 / np.linalg.norm(vertices, axis=1).max())).astype(np.float32)


def _read_mesh_file(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    mesh = load(path)
    return mesh.vertices, mesh.faces, mesh.vertex_colors[mesh.faces][..., :3].astype(np.float32) / 255
