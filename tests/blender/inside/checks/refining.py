# SPDX-License-Identifier: GPL-3.0-or-later
"""Refine in Place: another mesh for an object that stays as it is."""

import bpy
import numpy as np
from content import content, differences
from objects import entangled_ball, in_group, positions, traits
from stage import activate, cases, choose, extension, generate, request_of, run, settings


def refine(group=""):
    """Refine the active object, or a vertex group of it, and return it."""
    name = bpy.context.object.name
    choose("views")
    settings().refine.group = group
    assert bpy.ops.image_to_mesh.refine(wait=True) == {"FINISHED"}
    return bpy.data.objects[name]


def check_a_refined_object_keeps_all_but_its_mesh():
    """The double's cube reaches 0.5 to each side of the engine's: in the scene that is the ball's height."""
    ob = entangled_ball()
    before, old, objects = traits(ob), ob.data, len(bpy.data.objects)
    ob = refine()
    assert traits(ob) == before and len(bpy.data.objects) == objects and ob.data != old and len(ob.data.vertices) == 8
    request = request_of(extension.last_job())
    assert request["attached"] == ["image_file", "mesh"] and request["parameters"]["start"] == "mesh"
    turn = np.array(ob.matrix_world)[:3, :3].T
    sides = np.ptp(positions(ob.data) @ turn, axis=0)
    assert np.allclose(sides, sides[0], rtol=1e-4), "the cube is not a cube any more"
    points = positions(old) @ turn
    reach = np.linalg.norm(points - (points.min(0) + points.max(0)) / 2, axis=1).max()
    assert abs(sides[0] / 2 - reach * 0.5 / 0.499) < 1e-3
    assert in_group(ob).any() and (positions(ob.data)[in_group(ob), 2] > 0).all()


def check_undo_brings_the_old_mesh_back_and_redo_the_new_one():
    entangled_ball()
    refine()
    bpy.ops.ed.undo()
    ob = bpy.data.objects["Ball"]
    assert len(ob.data.vertices) > 100 and ob.material_slots[0].name == "Mine"
    bpy.ops.ed.redo()
    assert len(bpy.data.objects["Ball"].data.vertices) == 8


def check_the_old_mesh_is_a_version():
    entangled_ball()
    activate(refine())
    old, new = extension.versions()
    assert len(new.mesh.vertices) == 8 and len(old.mesh.vertices) > 100
    bpy.context.scene.image_to_mesh_version = 0
    bpy.ops.image_to_mesh.go_back()
    assert len(bpy.data.objects["Ball"].data.vertices) > 100


@cases(whole=("",), group=("Top",))
def check_nothing_else_in_the_file_changes(group):
    """The object has another mesh and its recipe, the scene the versions: all else in the file is as it was."""
    entangled_ball()
    choose("views")
    settings().refine.group = group
    before = content()
    assert bpy.ops.image_to_mesh.refine(wait=True) == {"FINISHED"}
    after, new = content(), bpy.data.objects["Ball"].data.name
    changed = {(kind, name) for kind, name, *_ in differences(after, before)}
    assert changed == {("objects", "Ball"), ("meshes", new), ("scenes", "Scene")}, changed
    pairs = zip(after["objects"]["Ball"], before["objects"]["Ball"], strict=True)
    assert [i for i, (now, then) in enumerate(pairs) if now != then] == [0, 6], "more than the data's name and recipe"
    assert bpy.data.objects["Twin"].data.name == "Sphere" != new


def check_outside_the_group_nothing_moves():
    """Not by a bit. Inside, vertices lie on the cube's sides."""
    ob = entangled_ball()
    old, inside = positions(ob.data), in_group(ob)
    faces, uvs = len(ob.data.polygons), len(ob.data.uv_layers)
    ob = refine("Top")
    new = positions(ob.data)
    assert (new[~inside] == old[~inside]).all() and (new[inside] != old[inside]).any(1).mean() > 0.9
    assert len(ob.data.polygons) == faces and len(ob.data.uv_layers) == uvs
    local = extension.frame.cube_of(ob)
    in_cube = (new[inside] - local[:3, 3]) @ np.linalg.inv(local[:3, :3]).T
    assert np.allclose(np.abs(in_cube).max(1), 0.5, atol=1e-4) and extension.last_job().name == "Ball"


def check_half_a_weight_moves_half_the_way():
    ob = entangled_ball()
    old, inside = positions(ob.data), in_group(ob)
    whole = positions(refine("Top").data)
    bpy.ops.ed.undo()
    ob = bpy.data.objects["Ball"]
    assert (positions(ob.data) == old).all()
    ob.vertex_groups["Top"].add(np.nonzero(inside)[0].tolist(), 0.5, "REPLACE")
    assert np.allclose(positions(refine("Top").data), (old + whole) / 2, atol=1e-5)


def check_a_mesh_that_was_made_here_is_refined_in_the_engines_own_frame():
    """Moved, turned and scaled: the cube comes back with its corners where they were."""
    ob = generate()
    ob.location, ob.rotation_euler, ob.scale = (1, 2, 3), (0.1, 0.2, 0.3), (2, 2, 2)
    bpy.context.view_layer.update()
    before = positions(ob.data)
    ob = refine()
    assert extension.made() == [ob]
    assert np.allclose(positions(ob.data), before, atol=1e-6) and ob.material_slots[0].material


def check_a_prompt_refines_too():
    generate()
    settings().refine.engine, settings().prompt, settings().refine.group = "DREAMFUSION", "", ""
    assert "prompt" in extension.why_unavailable("refine")
    settings().prompt = "a box"
    assert bpy.ops.image_to_mesh.refine(wait=True) == {"FINISHED"}
    request = request_of(extension.last_job())
    assert request["attached"] == ["mesh"] and request["inputs"] == {"prompt": "a box"}
    assert request["parameters"]["start"] == "mesh" and request["engine"] == "dreamfusion"


def check_refining_says_why_it_cannot():
    ob = generate()
    ob.shape_key_add(name="Basis")
    assert "shape keys" in extension.why_unavailable("refine") and not bpy.ops.image_to_mesh.refine.poll()
    ob.shape_key_clear()
    settings().refine.group = "No such"
    assert "No such" in extension.why_unavailable("refine")
    settings().refine.group = ""
    bpy.ops.object.mode_set(mode="EDIT")
    assert "Object Mode" in extension.why_unavailable("refine")
    bpy.ops.object.mode_set(mode="OBJECT")
    assert not extension.why_unavailable("refine")
    activate(bpy.data.objects["Camera"])
    assert "Select the mesh" in extension.why_unavailable("refine")


def check_a_mesh_whose_object_is_gone_can_be_imported():
    ob = entangled_ball()
    choose("views wait:0.3")
    bpy.ops.image_to_mesh.refine()
    [job] = extension.jobs()
    run(lambda: job.stage == "wait")
    bpy.data.objects.remove(ob)
    run(lambda: not extension.is_busy())
    assert job.state.name == "FAILED" and "Import Finished Job" in job.remedy
    assert job.id in [item[0] for item in extension.job_buttons.finished_items(None, None)]
