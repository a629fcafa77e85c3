# SPDX-License-Identifier: GPL-3.0-or-later
"""Boxes, tubes and balls, whose walls, sizes and faults are known."""

import pytest
import trimesh

from backend.interface.print_report import problems
from backend.meshing.print_check import check_print
from backend.rendering.mesh import Mesh

BOX = trimesh.creation.box((2, 3, 4))
FAULTLESS = {"open_edges": 0, "flipped_edges": 0, "touching": 0, "crossing": 0, "inside_out": False, "cavities": 0}


def found_in(*shapes: trimesh.Trimesh, least: float = 0.0):
    shape = trimesh.util.concatenate(shapes)
    return check_print(Mesh(shape.vertices, shape.faces), 10, least)


def test_a_box_has_no_fault_and_its_thinnest_wall_is_its_shortest_side():
    found = found_in(BOX)
    assert {name: found[name] for name in FAULTLESS} == FAULTLESS and found["shells"] == 1
    assert found["size_mm"] == pytest.approx([20, 30, 40]) and found["wall_mm"] == pytest.approx(20, rel=1e-4)
    assert found["volume_mm3"] == pytest.approx(24_000) and problems(found) == []


def test_a_hollow_box_has_the_wall_between_its_shells():
    inner = trimesh.creation.box((1.9, 2.8, 3.7))
    inner.invert()
    found = found_in(BOX, inner, least=0.8)
    assert found["wall_mm"] == pytest.approx(0.5, rel=1e-3) and (found["cavities"], found["shells"]) == (1, 2)
    assert problems(found) == [
        "It is hollow. Closed spaces inside: 1",
        "A wall is too thin: 0.5 mm, at least 0.8 mm is needed",
    ]


def test_a_tube_has_the_wall_between_its_radii():
    wall = found_in(trimesh.creation.annulus(0.8, 1.0, 3, sections=256))["wall_mm"]
    assert wall == pytest.approx(2, rel=0.01)


def test_a_missing_face_has_three_open_edges_and_a_turned_one_three_that_disagree():
    box = trimesh.creation.icosphere(1)
    opened = trimesh.Trimesh(box.vertices, box.faces[1:], process=False)
    found = found_in(opened)
    assert (found["open_edges"], found["flipped_edges"], found["wall_mm"]) == (3, 0, None)
    faces = box.faces.copy()
    faces[0] = faces[0][::-1]
    found = found_in(trimesh.Trimesh(box.vertices, faces, process=False))
    assert (found["open_edges"], found["flipped_edges"]) == (0, 3) and len(problems(found)) == 1


def test_inside_out():
    turned = BOX.copy()
    turned.invert()
    assert problems(found_in(turned)) == ["It is inside out"]


@pytest.mark.parametrize(("moved", "touching"), [((2, 3, 0), 1), ((2, 3, 4), 1), ((2.5, 3, 4), 0)])
def test_boxes_that_share_an_edge_or_a_corner_only_touch(moved, touching):
    assert found_in(BOX, BOX.copy().apply_translation(moved))["touching"] == touching


def test_faces_that_cut_through_each_other_are_counted():
    """A thin bar through two opposite sides of a box: its 4 long sides, 8 faces, and the triangles that they pierce."""
    bar = trimesh.creation.box((0.2, 0.2, 8)).apply_translation((0.7, 0, 0))
    found = found_in(BOX, bar)
    assert found["crossing"] == pytest.approx((8 + 2) / 24)
    assert found_in(BOX, BOX.copy().apply_translation((9, 0, 0)))["crossing"] == 0
