# SPDX-License-Identifier: GPL-3.0-or-later
"""Closed-form shapes with planted faults; volumes and genus are known, and trimesh judges what is closed."""

import numpy as np
import pytest
import trimesh

from backend.meshing.solid.make_solid import SolidError, make_solid
from backend.rendering.mesh import Mesh

BALL = trimesh.creation.icosphere(3, 0.5)
TORUS = trimesh.creation.torus(0.8, 0.3, 48, 24)


def mesh_of(*shapes: trimesh.Trimesh) -> Mesh:
    shape = trimesh.util.concatenate(shapes)
    return Mesh(shape.vertices, shape.faces)


def inverted(shape: trimesh.Trimesh) -> trimesh.Trimesh:
    turned = shape.copy()
    turned.invert()
    return turned


def part(shape: trimesh.Trimesh, keep: np.ndarray) -> trimesh.Trimesh:
    return trimesh.Trimesh(shape.vertices, shape.faces[keep], process=False)


def judged(mesh: Mesh) -> trimesh.Trimesh:
    shape = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    assert shape.is_watertight and shape.is_winding_consistent
    return shape


def turned(shape: trimesh.Trimesh, share: float, seed: int = 0) -> trimesh.Trimesh:
    """Some faces turned over."""
    faces = shape.faces.copy()
    flip = np.random.default_rng(seed).random(len(faces)) < share
    faces[flip] = faces[flip][:, ::-1]
    return trimesh.Trimesh(shape.vertices, faces, process=False)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8, 1.0])
@pytest.mark.parametrize("shape", [BALL, TORUS], ids=["ball", "torus"])
def test_turned_faces_look_outwards_again_and_nothing_else_changes(shape, share):
    solid = make_solid(mesh_of(turned(shape, share)), 0)
    found = judged(solid.mesh)
    assert found.volume == pytest.approx(shape.volume, rel=1e-5) and found.euler_number == shape.euler_number
    assert sorted(map(tuple, np.sort(solid.mesh.faces, 1))) == sorted(map(tuple, np.sort(shape.faces, 1)))
    assert np.array_equal(solid.mesh.vertices, shape.vertices.astype(np.float32))


@pytest.mark.parametrize("shells", [1, 3])
def test_shells_inside_are_removed_however_they_are_wound(shells):
    inner = [BALL.copy().apply_scale(0.9 - 0.2 * i) for i in range(shells)]
    inner[0].invert()
    solid = make_solid(mesh_of(BALL, *inner), 0)
    assert judged(solid.mesh).volume == pytest.approx(BALL.volume, rel=1e-5)
    assert solid.facts["removed"] == shells * len(BALL.faces)


def test_a_cavity_behind_a_crooked_pore_is_filled():
    """A block of 12 x 12 x 12 cells with a cavity of 4 x 4 x 4, and a pore of 6 cells with two bends."""
    filled = np.ones((12, 12, 12), bool)
    filled[4:8, 4:8, 4:8] = False
    filled[6, 6, 8] = filled[6:9, 6, 9] = filled[8, 6, 10:] = False
    seen: dict[tuple, int] = {}
    corners = [seen.setdefault(tuple(corner), len(seen)) for face in voxel_faces(filled) for corner in face]
    mesh = Mesh(np.array(list(seen)), np.array(corners).reshape(-1, 3))
    assert judged(mesh).volume == pytest.approx(1728 - 64 - 6)
    assert 1728 - 6 <= judged(make_solid(mesh, 0.4).mesh).volume <= 1728


def voxel_faces(filled: np.ndarray) -> np.ndarray:
    """Triangles (M, 3, 3) between filled and empty cells of one unit, outwards."""
    around, found = np.pad(filled, 1), []
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 0], [1, 1], [0, 1]])
    for axis in range(3):
        for step in (1, -1):
            bare = np.argwhere(filled & ~np.roll(around, -step, axis)[1:-1, 1:-1, 1:-1])
            side = np.zeros((6, 3), int)
            side[:, [(axis + 1) % 3, (axis + 2) % 3]] = square
            side[:, axis] = step == 1
            side = side.reshape(2, 3, 3)[:, ::step]
            found.append((bare[:, None, None] + side).reshape(-1, 3, 3))
    return np.concatenate(found)


def test_small_holes_get_lids_and_large_ones_stay_open():
    top = BALL.triangles_center[:, 2]
    holed = part(BALL, (top < 0.45) & (top > -0.3))  # caps of radius 0.22 and 0.4
    assert not judged_open(make_solid(mesh_of(holed), 0.3).mesh) == 0
    both = judged(make_solid(mesh_of(holed), 1.0).mesh)
    hull = trimesh.Trimesh(holed.vertices[np.unique(holed.faces)]).convex_hull.volume
    assert both.volume == pytest.approx(hull, rel=0.01)


def judged_open(mesh: Mesh) -> int:
    """Number of open edges, counted by trimesh."""
    shape = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    return len(trimesh.grouping.group_rows(shape.edges_sorted, require_count=1))


def test_each_of_many_single_missing_faces_is_put_back():
    keep = np.random.default_rng(1).random(len(BALL.faces)) < 0.9
    solid = make_solid(mesh_of(turned(part(BALL, keep), 0.2)), 0.5)
    assert judged(solid.mesh).volume == pytest.approx(BALL.volume, rel=0.01)


def test_two_cubes_that_share_an_edge_become_two_closed_parts():
    one = trimesh.creation.box((1, 1, 1))
    other = one.copy().apply_translation((1, 1, 0))
    solid = make_solid(mesh_of(one, other), 0)
    shape = judged(solid.mesh)
    assert shape.body_count == 2 and shape.volume == pytest.approx(2) and len(shape.vertices) == 16


def test_a_wall_between_two_rooms_is_removed():
    """A box of 2 x 1 x 1 of shared corners with a partition in its middle, wound at random."""
    points = np.array([[x, y, z] for x in range(3) for y in range(2) for z in range(2)], float)
    quads = [[4 * i, 4 * i + 1, 4 * i + 3, 4 * i + 2] for i in range(3)]
    for i in range(2):
        a, b = 4 * i, 4 * i + 4
        quads += [[a + p, a + q, b + q, b + p] for p, q in ((0, 1), (1, 3), (3, 2), (2, 0))]
    faces = np.array(quads)[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)
    solid = make_solid(mesh_of(turned(trimesh.Trimesh(points, faces, process=False), 0.4)), 0)
    assert judged(solid.mesh).volume == pytest.approx(2) and len(solid.mesh.faces) == 20


def test_duplicates_of_faces_and_of_vertices_vanish():
    soup = trimesh.Trimesh(BALL.triangles.reshape(-1, 3), np.arange(BALL.faces.size).reshape(-1, 3), process=False)
    solid = make_solid(mesh_of(soup, inverted(soup)), 0)
    assert judged(solid.mesh).volume == pytest.approx(BALL.volume, rel=1e-5)
    assert len(solid.mesh.faces) == len(BALL.faces) and len(solid.mesh.vertices) == len(BALL.vertices)


def test_a_sheet_stays_a_sheet_unless_a_skin_is_wanted():
    sheet = Mesh([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], [[0, 1, 2], [2, 1, 3]])
    assert len(make_solid(sheet, 2).mesh.faces) == 2
    slab = judged(make_solid(sheet, 2, 40).mesh)
    assert 1 / 40 <= slab.extents[2] <= 1.5 / 40 and slab.euler_number == 2


@pytest.mark.parametrize(("shape", "euler"), [(BALL, 2), (TORUS, 0)], ids=["ball", "torus"])
def test_a_skin_keeps_genus_volume_and_the_surface_within_a_cell(shape, euler):
    cells = 64
    cell = shape.extents.max() / cells
    skin = judged(make_solid(mesh_of(turned(shape, 0.3), shape.copy().apply_scale(1e-3)), 0, cells).mesh)
    assert skin.euler_number == euler and skin.volume == pytest.approx(shape.volume, rel=0.01)
    points = np.asarray(skin.vertices)
    ring = points[:, :2] * (1 - 0.8 / np.maximum(np.linalg.norm(points[:, :2], axis=1, keepdims=True), 1e-9))
    away = np.linalg.norm(points, axis=1) - 0.5 if euler else np.hypot(np.linalg.norm(ring, axis=1), points[:, 2]) - 0.3
    assert np.abs(away).max() < cell  # from the true ball or torus, by formula


def test_a_skin_joins_parts_that_overlap():
    one = trimesh.creation.box((1, 1, 1))
    skin = judged(make_solid(mesh_of(one, one.copy().apply_translation((0.5, 0, 0))), 0, 60).mesh)
    assert skin.body_count == 1 and skin.volume == pytest.approx(1.5, rel=0.01)


def test_a_skin_keeps_walls_that_are_thinner_than_its_cells():
    """A tube of radius 0.5 with a wall of a fifth of a cell stays one piece with one bore."""
    tube = trimesh.creation.annulus(0.49, 0.5, 1.0, sections=64)
    skin = judged(make_solid(mesh_of(tube), 0, 24).mesh)
    assert skin.body_count == 1 and skin.euler_number == 0


def test_needles_without_area_are_no_obstacle_to_a_skin():
    """A box with a vertex in the middle of an edge that only a face of three points in a line uses."""
    box = trimesh.creation.box((1, 1, 1))
    points = np.append(box.vertices, [box.vertices[[0, 1]].mean(0)], 0)
    solid = make_solid(Mesh(points, np.append(box.faces, [[0, 8, 1]], 0)), 0, 32)
    assert judged(solid.mesh).volume == pytest.approx(1, rel=0.02)


def test_colours_and_texture_stay_where_faces_stay_and_follow_where_they_are_new():
    shape, random = BALL, np.random.default_rng(0)
    colors = np.concatenate([(shape.vertices + 0.5) * 255, np.full((len(shape.vertices), 1), 255)], 1).astype(np.uint8)
    uv = (shape.triangles[..., :2] + 0.5).astype(np.float32)
    texture = random.integers(0, 255, (8, 8, 4)).astype(np.uint8)
    flip = random.random(len(uv)) < 0.5
    faces = shape.faces.copy()
    faces[flip], uv[flip] = faces[flip][:, ::-1], uv[flip][:, ::-1]
    mesh = Mesh(shape.vertices, faces, colors, uv, texture)
    for cells, tolerance in ((0, 1e-6), (48, 1 / 48)):
        made = make_solid(mesh, 0, cells).mesh
        assert made.uv is not None and made.texture is texture
        assert np.abs(made.uv - (made.vertices[made.faces][..., :2] + 0.5)).max() < tolerance
        assert np.abs(made.vertex_colors[:, :3] - (made.vertices + 0.5) * 255).max() < 1.5 + 255 * tolerance


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1e30])
def test_any_size_and_place_will_do(scale):
    solid = make_solid(Mesh(BALL.vertices * scale + 0, turned(BALL, 0.3).faces), 0)
    assert judged(Mesh(solid.mesh.vertices / np.float32(scale), solid.mesh.faces)).volume == pytest.approx(
        BALL.volume, rel=1e-4
    )


@pytest.mark.parametrize(
    ("mesh", "words"),
    [
        (Mesh(np.zeros((0, 3)), np.zeros((0, 3), int)), "no faces"),
        (Mesh([[0, 0, 0], [1, 0, 0]], [[0, 1, 1]]), "no area"),
        (Mesh([[1, 1, 1]], [[0, 0, 0]]), "no area"),
        (Mesh([[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 1, 2]]), "no area"),
        (Mesh(np.eye(3), np.tile([0, 1, 2], (2_000_001, 1))), "2,000,001 triangles"),
    ],
)
@pytest.mark.parametrize("cells", [0, 32])
def test_a_mesh_without_a_surface_gets_a_sentence(mesh, words, cells):
    with pytest.raises(SolidError, match=words) as caught:
        make_solid(mesh, 0.1, cells)
    assert caught.value.remedy.endswith(".")


@pytest.mark.parametrize("cells", [0, 32])
def test_one_face_is_no_error(cells):
    made = make_solid(Mesh([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]]), 0.1, cells).mesh
    assert len(made.faces) == 1 if not cells else judged(made).volume > 0


def test_a_cancel_ends_the_work():
    def cancel() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        make_solid(mesh_of(BALL), 0, 0, cancel)
