# SPDX-License-Identifier: GPL-3.0-or-later
"""Make Solid and Print Check, by the real backend: everything on the faces that are kept stays."""

import os
from pathlib import Path

import bmesh
import bpy
import numpy as np
from objects import BLUE, RED, entangled_ball, positions, traits
from stage import DATA, HOST_PYTHON, RESOURCES, cases, extension, run, settings


def use_the_real_backend():
    root = Path(extension.main_panel.__file__).parents[2]
    protocol, jobs = extension.protocol, extension.jobs_folder(DATA)
    command = protocol.command(HOST_PYTHON, root, "serve", "--jobs", jobs)
    environment = protocol.environment(os.environ)
    extension.start_as(extension.process_module.Launch(command, environment, RESOURCES, extension.log_path(DATA)))


def broken_box():
    """A box of 2 x 2 x 2 quads with UVs, two materials and corner colours: one quad turned over, one missing, and a
    smaller box inside."""
    bpy.ops.mesh.primitive_cube_add(size=2)
    ob = bpy.context.object
    made = bmesh.new()
    made.from_mesh(ob.data)
    bmesh.ops.subdivide_edges(made, edges=made.edges, cuts=3, use_grid_fill=True)
    made.faces.ensure_lookup_table()
    for face in made.faces:
        face.material_index = int(face.calc_center_median().x > 0)
    colors = made.loops.layers.color.new("Paint")
    for loop in (loop for face in made.faces for loop in face.loops):
        loop[colors] = [part / 255 for part in (RED if loop.face.material_index else BLUE)]
    bmesh.ops.create_cube(made, size=1)
    made.faces.ensure_lookup_table()
    bmesh.ops.reverse_faces(made, faces=[made.faces[5]])
    bmesh.ops.delete(made, geom=[made.faces[40]], context="FACES_ONLY")
    made.to_mesh(ob.data)
    made.free()
    for name in ("One", "Two"):
        ob.data.materials.append(bpy.data.materials.new(name))
    return ob


def check_what_is_kept_keeps_its_quads_uvs_colors_and_materials():
    use_the_real_backend()
    ob = broken_box()
    old, before = ob.data, by_place(ob.data)
    settings().make_solid.holes = 0.5
    assert bpy.ops.image_to_mesh.make_solid(wait=True) == {"FINISHED"}
    new = ob.data
    assert new != old and len(old.polygons) == 101 and not new.validate()
    sizes = np.bincount([len(polygon.vertices) for polygon in new.polygons])
    assert sizes[4] == 95 and sizes[3] == 2, sizes  # the quads of 6 sides, but for the hole, which has a lid
    after = by_place(new)
    for place, (uvs, color, material) in before.items():
        if max(map(abs, place)) > 0.6:
            assert np.allclose(after[place][0], uvs, atol=1e-6) and after[place][1:] == (color, material), place
    assert [m.name for m in new.materials] == ["One", "Two"]
    made = bmesh.new()
    made.from_mesh(new)
    assert all(edge.is_manifold and edge.is_contiguous for edge in made.edges)
    assert abs(made.calc_volume(signed=True) - 8) < 1e-5
    made.free()
    assert [v.mesh for v in extension.versions()] == [old, new]


def by_place(mesh):
    """(UVs by the corners' places, colour of a corner, material) of every quad, by its middle."""
    uvs, colors, found = mesh.uv_layers.active.data, mesh.color_attributes["Paint"].data, {}
    for polygon in mesh.polygons:
        if len(polygon.vertices) == 4:
            corners = sorted(
                (tuple(np.round(mesh.vertices[mesh.loops[i].vertex_index].co, 4)), i) for i in polygon.loop_indices
            )
            shown = [tuple(uvs[i].uv) for _, i in corners]
            color = tuple(np.rint(np.array(colors[corners[0][1]].color_srgb) * 255).astype(int))
            found[tuple(np.round(polygon.center, 3))] = (shown, color, polygon.material_index)
    return found


def check_all_else_of_the_object_stays_and_undo_brings_the_mesh_back():
    use_the_real_backend()
    ob = entangled_ball()
    before, count = traits(ob), len(ob.data.polygons)
    settings().make_solid.remesh, settings().make_solid.cells = True, 32
    assert bpy.ops.image_to_mesh.make_solid(wait=True) == {"FINISHED"}
    ob = bpy.data.objects["Ball"]
    assert traits(ob) == before and len(ob.data.polygons) > 1000
    assert np.abs(np.linalg.norm(positions(ob.data), axis=1) - 1).max() < 2 / 32 + 0.02  # a cell; the ball has corners
    in_top = np.array([bool(vertex.groups) for vertex in ob.data.vertices])
    assert (positions(ob.data)[in_top, 2] > -0.1).all() and (positions(ob.data)[~in_top, 2] < 0.45).all()
    bpy.ops.ed.undo()
    assert len(bpy.data.objects["Ball"].data.polygons) == count


@cases(metres=(1.0, (2, 3, 4)), millimetres=(0.001, (2, 3, 4)), mirrored=(1.0, (-2, 3, 4)))
def check_the_size_is_that_of_the_scene(length, scale):
    use_the_real_backend()
    bpy.context.scene.unit_settings.scale_length = length
    bpy.ops.mesh.primitive_cube_add(size=1)
    bpy.context.object.scale = scale
    bpy.context.view_layer.update()
    assert bpy.ops.image_to_mesh.print_check(wait=True) == {"FINISHED"}
    found = extension.mesh_use.found_in(bpy.context.object)
    assert np.allclose(found["size_mm"], np.abs(scale) * np.float64(1000 * length), rtol=1e-5)
    assert abs(found["wall_mm"] / (2000 * length) - 1) < 1e-3 and not found["inside_out"]
    assert not extension.print_report.problems(found)


def check_the_check_sees_the_modifiers_and_forgets_a_mesh_that_was_changed():
    use_the_real_backend()
    bpy.ops.mesh.primitive_cube_add(size=2)
    ob = bpy.context.object
    wall = ob.modifiers.new("Wall", "SOLIDIFY")
    wall.thickness, wall.use_even_offset = 0.1, True
    bpy.ops.image_to_mesh.print_check(wait=True)
    found = extension.mesh_use.found_in(ob)
    assert abs(found["wall_mm"] - 100) < 1 and found["cavities"] == 1
    assert extension.print_report.problems(found)[0].startswith("It is hollow")
    ob.data.clear_geometry()
    assert not extension.mesh_use.found_in(ob)


def check_a_mesh_that_was_changed_meanwhile_is_left_alone():
    use_the_real_backend()
    ob = broken_box()
    bpy.ops.image_to_mesh.make_solid()
    [job] = extension.jobs()
    ob.data.clear_geometry()
    run(lambda: not extension.is_busy())
    assert job.state.name == "FAILED" and "changed meanwhile" in job.message and not len(ob.data.polygons)


def check_buttons_say_why_they_are_grey():
    bpy.ops.mesh.primitive_cube_add()
    assert not extension.why_unavailable("make_solid")
    bpy.context.object.shape_key_add(name="Basis")
    assert "shape keys" in extension.why_unavailable("make_solid")
    assert not extension.why_unavailable("print_check")
    bpy.context.view_layer.objects.active = bpy.data.objects["Camera"]
    assert "Select a mesh" in extension.why_unavailable("print_check")


def check_a_mesh_that_cannot_be_worked_on_gets_a_sentence():
    mesh = bpy.data.meshes.new("Broken")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, float("nan"))], [], [(0, 1, 2)])
    ob = bpy.data.objects.new("Broken", mesh)
    bpy.context.collection.objects.link(ob)
    bpy.context.view_layer.objects.active = ob
    for operator in (bpy.ops.image_to_mesh.make_solid, bpy.ops.image_to_mesh.print_check):
        try:
            operator(wait=True)
        except RuntimeError as error:
            assert "vertices without a place" in str(error)
        else:
            raise AssertionError("no error was reported")
