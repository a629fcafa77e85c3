# SPDX-License-Identifier: GPL-3.0-or-later
"""The training meshes: a folder of npz files (or any mesh files), their deterministic split and their normalisation."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

VALIDATION_SHARE = 20  # one object in twenty


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

    A folder with `index.json` is read by its index; any other folder by its mesh files.
    """
    index = folder / "index.json"
    if index.is_file():
        entries = [(e["id"], e.get("category", "other"), folder / e["file"]) for e in json.loads(index.read_text())]
    else:
        endings = {".npz", ".ply", ".glb", ".obj", ".stl"}
        entries = [(p.stem, "other", p) for p in folder.rglob("*") if p.suffix.lower() in endings]
    if not entries:
        raise FileNotFoundError(f"No meshes in {folder}. Name a folder with .npz, .ply, .glb, .obj or .stl files.")
    return sorted(e for e in entries if split == "all" or is_validation(e[0]) == (split == "validation"))


def load_mesh(name: str, category: str, path: Path) -> TrainingMesh:
    """Read one mesh and bring it to the normalisation of the data: box centre at the origin, farthest vertex at 0.5."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as data:
            vertices, faces, colors = data["vertices"], data["faces"], data["face_colors"].astype(np.float32) / 255
    else:
        vertices, faces, colors = _read_mesh_file(path)
    vertices = vertices - (vertices.min(0) + vertices.max(0)) / 2
    vertices = vertices * (0.5 / np.linalg.norm(vertices, axis=1).max())
    return TrainingMesh(name, category, vertices.astype(np.float32), faces.astype(np.int32), colors)


def _read_mesh_file(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    from ..meshing.files import load

    mesh = load(path)
    return mesh.vertices, mesh.faces, mesh.vertex_colors[mesh.faces][..., :3].astype(np.float32) / 255
