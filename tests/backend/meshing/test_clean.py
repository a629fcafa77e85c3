# SPDX-License-Identifier: GPL-3.0-or-later
"""Mesh cleaning, on boxes and spheres whose every number is known."""

import math

import numpy as np
import pytest
import torch
import trimesh

from backend.meshing.clean import decimate, keep_components, remove_degenerate
from backend.meshing.marching_cubes import extract
from backend.rendering.mesh import Mesh
from tests.support.boxes import BOX, CORNERS, box, join


def test_cleaning_an_empty_mesh_leaves_it_empty():
    mesh = Mesh(np.zeros((0, 3)), np.zeros((0, 3)))
    assert len(keep_components(mesh).faces) == len(decimate(mesh, 10).faces) == len(remove_degenerate(mesh).faces) == 0


def test_largest_component_keeps_its_colours():
    red, green = (255, 0, 0, 255), (0, 255, 0, 255)
    mesh = join(box(0.1, (3, 3, 3), red), box(1, (0, 0, 0), green), box(0.5, (-2, 0, 0), red))
    kept = keep_components(mesh)
    assert kept.is_closed and kept.volume == pytest.approx(1)
    assert (kept.vertex_colors == green).all() and len(kept.vertices) == 8


@pytest.mark.parametrize(("smallest", "boxes"), [(0.1, 2), (0.13, 1)])
def test_components_above_the_smallest_volume_are_kept(smallest, boxes):
    mesh = join(box(0.1, (3, 3, 3)), box(1), box(0.5, (-2, 0, 0)))  # volumes 0.001, 1, 0.125
    assert len(keep_components(mesh, smallest).faces) == 12 * boxes


def test_the_inner_wall_of_a_cavity_is_removed():
    hollow = join(box(1), box(0.8, (0.1, 0.1, 0.1), flip=True))
    assert keep_components(hollow, 0.01).volume == pytest.approx(1)


def test_welding_closes_a_box_made_of_loose_triangles():
    loose = Mesh(CORNERS[BOX].reshape(-1, 3), np.arange(36).reshape(-1, 3))
    assert not loose.is_closed
    welded = remove_degenerate(loose)
    assert welded.is_closed and len(welded.vertices) == 8 and welded.volume == pytest.approx(1)


def test_collapsed_faces_go_and_the_mesh_stays_closed():
    """An edge of the box split by a vertex that lies 1e-4 beside a corner."""
    vertices = np.concatenate([CORNERS, [[0, 0, 1e-4]]])  # between corners 0 and 1, in the faces 0-1-3 and 0-5-1
    faces = np.concatenate([np.delete(BOX, [0, 5], 0), [[0, 8, 3], [8, 1, 3], [0, 5, 8], [8, 5, 1]]])
    assert Mesh(vertices, faces).is_closed
    cleaned = remove_degenerate(Mesh(vertices, faces), distance=1e-3)
    assert cleaned.is_closed and len(cleaned.faces) == 12 and len(cleaned.vertices) == 8


def test_welding_removes_collapsed_faces_of_a_field_that_is_exactly_zero():
    """A ball whose radius is a whole number of cells makes coincident vertices; welding leaves no collapsed face."""
    vertices, faces = extract(lambda p: (p * 16).norm(dim=1) - 6, 16)
    raw = Mesh(vertices, faces)
    cleaned = remove_degenerate(raw, 1e-6)
    assert len(cleaned.vertices) < len(raw.vertices)
    assert cleaned.face_areas.min() > 0
    assert cleaned.volume == pytest.approx(raw.volume, abs=1e-9)


@pytest.fixture(scope="module")
def ball() -> Mesh:
    """Radius 0.4, coloured by height: red = 255 (z + 0.5)."""
    vertices, faces = extract(lambda p: torch.linalg.norm(p, dim=1) - 0.4, 64)
    colors = np.full((len(vertices), 4), 255, np.uint8)
    colors[:, 0] = np.round(255 * (vertices[:, 2] + 0.5))
    return Mesh(vertices, faces, colors)


def test_decimation_keeps_shape_and_colour(ball):
    assert len(ball.faces) > 20_000
    small = decimate(ball, 2000)
    assert 1000 < len(small.faces) <= 2000
    assert small.is_closed
    assert small.volume == pytest.approx(4 / 3 * math.pi * 0.4**3, rel=5e-3)
    np.testing.assert_allclose(np.linalg.norm(small.vertices, axis=1), 0.4, atol=1 / 128)  # half a cell
    wanted = 255 * (small.vertices[:, 2] + 0.5)
    assert np.abs(small.vertex_colors[:, 0] - wanted).max() < 255 / 64  # one cell


@pytest.mark.parametrize("max_faces", [0, 10**6])
def test_decimation_leaves_small_meshes_alone(ball, max_faces):
    assert decimate(ball, max_faces) is ball


SHAPES = {
    "ball": trimesh.creation.icosphere(3, 0.4),
    "ring": trimesh.creation.torus(0.3, 0.1),
    "box": trimesh.creation.box((0.5, 0.1, 0.3)).subdivide().subdivide(),
    "two": trimesh.util.concatenate(
        [trimesh.creation.icosphere(2, 0.3), trimesh.creation.icosphere(2, 0.1).apply_translation((1, 0, 0))]
    ),
}


@pytest.mark.parametrize("max_faces", [1, 2, 3, 4, 5, 6, 7, 10, 17])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_coarsest_mesh_still_encloses_something(shape, max_faces):
    """No solid has fewer than four triangles; two of them back to back enclose nothing."""
    mesh = Mesh(SHAPES[shape].vertices, SHAPES[shape].faces)
    coarse = decimate(mesh, max_faces)
    assert 4 <= len(coarse.faces) <= max(max_faces, 16)
    assert coarse.volume > 0.05 * SHAPES[shape].volume


@pytest.mark.parametrize("max_faces", [1, 2, 3])
def test_a_sheet_is_never_decimated_to_nothing(max_faces):
    """An open mesh: half of a ball."""
    ball = SHAPES["ball"].copy()
    ball.update_faces(ball.triangles_center[:, 2] > 0)
    coarse = decimate(Mesh(ball.vertices, ball.faces), max_faces)
    assert 0 < len(coarse.faces) <= 4 and coarse.face_areas.sum() > 0
