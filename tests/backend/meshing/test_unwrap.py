# SPDX-License-Identifier: GPL-3.0-or-later
"""UV maps: few islands, no overlap, little stretch, nothing mirrored. Islands are counted by walking over edges."""

import numpy as np
import pytest
import torch
import trimesh

from backend.meshing.marching_cubes import extract
from backend.meshing.packing import rasterise_uv
from backend.meshing.unwrap import unwrap
from backend.rendering.mesh import Mesh

SIDE = 512


def field(p: torch.Tensor) -> torch.Tensor:
    """A box with a ball on top and a rod through it, with bumps: negative inside."""
    box = ((p.abs() - torch.tensor([0.3, 0.2, 0.15])).clamp(min=0)).norm(dim=1) - 0.02
    ball = (p - torch.tensor([0.0, 0.0, 0.2])).norm(dim=1) - 0.17
    rod = (p[:, 1:] - torch.tensor([0.0, -0.05])).norm(dim=1).maximum(p[:, 0].abs() - 0.42) - 0.05
    return torch.minimum(torch.minimum(box, ball), rod) + 0.004 * torch.sin(40 * p).prod(1)


@pytest.fixture(scope="module")
def bumpy() -> Mesh:
    vertices, faces = extract(field, 56)
    return Mesh(vertices, faces, None)


def islands(mesh: Mesh, uv: np.ndarray) -> int:
    """Parts of the UV map that hang together, as trimesh counts them in a flat mesh of its own."""
    corners = np.concatenate([uv.reshape(-1, 2).round(6), np.repeat(mesh.faces.reshape(-1, 1), 1, 1)], 1)
    _, faces = np.unique(corners, axis=0, return_inverse=True)
    return (
        trimesh.graph.connected_component_labels(
            trimesh.graph.face_adjacency(faces.reshape(-1, 3)), node_count=len(mesh.faces)
        ).max()
        + 1
    )


def test_a_bumpy_mesh_gets_few_islands_without_overlap(bumpy: Mesh):
    uv = unwrap(bumpy, SIDE)
    assert len(bumpy.faces) > 8000 and uv.shape == (len(bumpy.faces), 3, 2) and uv.min() >= 0 and uv.max() <= 1
    assert islands(bumpy, uv) <= 40
    hits = np.concatenate([t[w.min(1) > 1e-4] for t, _, w, _ in rasterise_uv(uv, SIDE)])
    covered = len(np.unique(hits))
    assert len(hits) - covered <= 0.001 * covered, "texels that two faces claim"
    assert covered > 0.35 * SIDE * SIDE
    (ax, ay), (bx, by) = (uv[:, 1] - uv[:, 0]).T, (uv[:, 2] - uv[:, 0]).T
    signed = (ax * by - ay * bx) / 2
    assert bumpy.face_areas[signed < 0].sum() < 0.002 * bumpy.face_areas.sum(), "mirrored"
    stretch = np.sqrt(np.abs(signed) / bumpy.face_areas.clip(1e-12))
    ordinary = bumpy.face_areas > 0.1 * np.median(bumpy.face_areas)
    low, middle, high = np.quantile(stretch[ordinary], [0.05, 0.5, 0.95])
    assert low > 0.6 * middle and high < 1.6 * middle


@pytest.mark.parametrize("shape", ["torus", "box", "two balls"])
def test_simple_shapes_get_an_island_for_each_side(shape: str):
    made = {
        "torus": lambda: trimesh.creation.torus(0.4, 0.15, 48, 24),
        "box": trimesh.creation.box,
        "two balls": lambda: trimesh.creation.icosphere(3) + trimesh.creation.icosphere(2).apply_translation((3, 0, 0)),
    }[shape]()
    mesh = Mesh(np.asarray(made.vertices, np.float32), np.asarray(made.faces), None)
    uv = unwrap(mesh, SIDE)
    assert 6 <= islands(mesh, uv) <= 16
    hits = np.concatenate([t[w.min(1) > 1e-4] for t, _, w, _ in rasterise_uv(uv, SIDE)])
    assert len(hits) == len(np.unique(hits))


def test_a_face_without_area_does_no_harm():
    mesh = Mesh(np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [2, 0, 0]], np.float32), [[0, 1, 2], [0, 3, 1]], None)
    uv = unwrap(mesh, SIDE)
    assert np.isfinite(uv).all() and 0 <= uv.min() and uv.max() <= 1
