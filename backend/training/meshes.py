# SPDX-License-Identifier: GPL-3.0-or-later
"""The training meshes: a folder of npz files (or any mesh files), their deterministic split and their normalisation."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..meshing.files import MeshFileError, load

DEMO_MESHES = Path(__file__).resolve().parents[2] / "demo" / "meshes"  # ten CC0 objects, in the repository only
VALIDATION_SHARE = 20  # one object in twenty
STRETCH = 0.25  # standard deviation of the logarithms of a stretched mesh's scales


@dataclass
class TrainingMesh:
    """vertices float32 (V, 3) in the sphere of radius 0.5; faces int32 (F, 3); face_colors float32 (F, 3, 3) sRGB."""

    name: str
    category: str
    vertices: np.ndarray
    faces: np.ndarray
    face_colors: np.ndarray


def is_validation(name: str) -> bool:
    """The same objects in every run and on every machine, whatever else lies in the folder."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % VALIDATION_SHARE == 0


def list_meshes(folder: Path, split: str) -> list[tuple[str, str, Path]]:
    """(name, category, file) of every mesh of `split` ("train", "validation" or "all"), sorted by name.

    A folder with `index.json` is read by its index; any other by its mesh files. MeshFileError without any.
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
    """Read one mesh and bring it to the normalisation of the data: box centre at the origin, farthest vertex at 0.5."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as data:
            vertices, faces, colors = data["vertices"], data["faces"], data["face_colors"].astype(np.float32) / 255
    else:
        vertices, faces, colors = _read_mesh_file(path)
    return TrainingMesh(name, category, normalise_vertices(vertices), faces.astype(np.int32), colors)


def load_stretched(entry: tuple[str, str, Path], index: int, stretching: int) -> TrainingMesh:
    """The mesh as it is (stretching 0) or longer, wider or higher than it is, one way for each number: more shapes."""
    mesh = load_mesh(*entry)
    if not stretching:
        return mesh
    scale = np.exp(STRETCH * np.random.default_rng([index, stretching, 1]).normal(size=3))
    return replace(mesh, vertices=normalise_vertices(mesh.vertices * scale))


def normalise_vertices(vertices: np.ndarray) -> np.ndarray:
    """(N, 3) with the box's centre at the origin and the farthest one at distance 0.5, float32."""
    vertices = vertices - (vertices.min(0) + vertices.max(0)) / 2
    return (vertices * (0.5 / np.linalg.norm(vertices, axis=1).max())).astype(np.float32)


def _read_mesh_file(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    mesh = load(path)
    return mesh.vertices, mesh.faces, mesh.vertex_colors[mesh.faces][..., :3].astype(np.float32) / 255
