# SPDX-License-Identifier: GPL-3.0-or-later
"""Refine in Place: another mesh for an object that stays what it is."""

import json
from pathlib import Path

import bpy
import numpy as np
from content import content, differences
from stage import choose, made, module, run, settings, the_session, use_double


def positions(mesh):
    flat = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", flat)
    return flat.reshape(-1, 3)


def stand_in():
    """A ball of 2 x 2 x 4 with a parent, a driver, modifiers, a material and a vertex group of its upper half, linked
    into a second scene, where a twin has the same data."""
    bpy.ops.wm.read_homefile()
    use_double()
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    bpy.ops.mesh.primitive_uv_sphere_add(segments=16, ring_count=9, location=(3, 2, 1))
    ob = bpy.context.object
    ob.name, ob.scale, ob.rotation_euler = "Ball", (1, 1, 2), (0.3, 0.2, 0.1)
    parent = bpy.data.objects.new("Parent", None)
    bpy.context.collection.objects.link(parent)
    parent.location, ob.parent = (1, 1, 1), parent
    ob.driver_add("location", 0).driver.expression = "3.5"
    ob.modifiers.new("Smooth", "SUBSURF").levels = 1
    ob.data.materials.append(bpy.data.materials.new("Mine"))
    group = ob.vertex_groups.new(name="Top")
    group.add([v.index for v in ob.data.vertices if v.co.z > 0.1], 1.0, "REPLACE")
    ob.modifiers.new("Push", "DISPLACE").vertex_group = "Top"
    extra = bpy.data.collections.new("Extra")
    bpy.context.scene.collection.children.link(extra)
    extra.objects.link(ob)
    other = bpy.data.scenes.new("Other")
    for linked in (ob, bpy.data.objects.new("Twin", ob.data)):
        other.collection.objects.link(linked)
    bpy.context.view_layer.update()
    bpy.ops.ed.undo_push(message="Ball")
    return ob


def traits(ob):
    """All that has to stay."""
    return {
        "name": ob.name,
        "matrix": np.round(np.array(ob.matrix_world), 5).tolist(),
        "parent": ob.parent.name,
        "collections": sorted(c.name for c in ob.users_collection),
        "modifiers": [(m.name, m.type, getattr(m, "vertex_group", "")) for m in ob.modifiers],
        "drivers": [d.data_path for d in ob.animation_data.drivers],
        "materials": [slot.name for slot in ob.material_slots],
        "groups": [group.name for group in ob.vertex_groups],
    }


def check_a_refined_object_keeps_all_but_its_mesh():
    """The double's cube reaches 0.5 to each side of the engine's: in the scene that is the ball's height."""
    ob = stand_in()
    before, old, objects = traits(ob), ob.data, len(bpy.data.objects)
    choose("views")
    settings().refine.group = ""
    assert bpy.ops.image_to_mesh.refine(wait=True) == {"FINISHED"}
    ob = bpy.data.objects["Ball"]
    assert traits(ob) == before and len(bpy.data.objects) == objects and ob.data != old and len(ob.data.vertices) == 8
    job = the_session().queue.last
    request = json.loads((Path(job.outcome.folder) / "request.json").read_text())
    assert request["attached"] == ["image_file", "mesh"] and request["parameters"]["start"] == "mesh"
    corners = positions(ob.data) @ np.array(ob.matrix_world)[:3, :3].T
    sides = np.ptp(corners, axis=0)
    assert np.allclose(sides, sides[0], rtol=1e-4), "the cube is not a cube any more"
    points = positions(old) @ np.array(ob.matrix_world)[:3, :3].T
    reach = np.linalg.norm(points - (points.min(0) + points.max(0)) / 2, axis=1).max()
    assert abs(sides[0] / 2 - reach * 0.5 / 0.499) < 1e-3
    top = [v.index for v in ob.data.vertices if v.groups]
    assert top and all(ob.data.vertices[i].co.z > 0 for i in top)


def check_undo_brings_the_old_mesh_back_and_redo_the_new_one():
    bpy.ops.ed.undo()
    ob = bpy.data.objects["Ball"]
    assert len(ob.data.vertices) > 100 and ob.material_slots[0].name == "Mine"
    bpy.ops.ed.redo()
    assert len(bpy.data.objects["Ball"].data.vertices) == 8


def check_the_old_mesh_is_a_version():
    ob, scene = bpy.data.objects["Ball"], bpy.context.scene
    bpy.context.view_layer.objects.active = ob
    versions = list(scene.image_to_mesh_versions)
    assert [len(version.mesh.vertices) for version in versions[-2:]][1] == 8 and len(versions[-2].mesh.vertices) > 100
    scene.image_to_mesh_version = len(versions) - 2
    bpy.ops.image_to_mesh.go_back()
    assert len(bpy.data.objects["Ball"].data.vertices) > 100


def check_nothing_else_in_the_file_changes():
    """The object has another mesh and its recipe, the scene the versions: all else in the file is as it was."""
    for group in ("", "Top"):
        stand_in()
        choose("views")
        settings().refine.group = group
        before = content()
        assert bpy.ops.image_to_mesh.refine(wait=True) == {"FINISHED"}
        after = content()
        new = bpy.data.objects["Ball"].data.name
        told = {(kind, name) for kind, name, *_ in differences(after, before)}
        assert told == {("objects", "Ball"), ("meshes", new), ("scenes", "Scene")}, told
        parts = [
            i
            for i, pair in enumerate(zip(after["objects"]["Ball"], before["objects"]["Ball"], strict=True))
            if pair[0] != pair[1]
        ]
        assert parts == [0, 6], "more than the data's name and the recipe"
        assert bpy.data.objects["Twin"].data.name == "Sphere" != new


def check_outside_the_group_nothing_moves():
    """Not by a bit. Inside, vertices lie on the cube's sides."""
    ob = stand_in()
    old, inside = positions(ob.data), np.array([bool(v.groups) for v in ob.data.vertices])
    faces, uvs = len(ob.data.polygons), len(ob.data.uv_layers)
    choose("views")
    settings().refine.group = "Top"
    assert bpy.ops.image_to_mesh.refine(wait=True) == {"FINISHED"}
    ob = bpy.data.objects["Ball"]
    new = positions(ob.data)
    assert (new[~inside] == old[~inside]).all() and (new[inside] != old[inside]).any(1).mean() > 0.9
    assert len(ob.data.polygons) == faces and len(ob.data.uv_layers) == uvs
    job = the_session().queue.last
    local = module("addon.scene.frame").cube_of(ob)
    in_cube = (new[inside] - local[:3, 3]) @ np.linalg.inv(local[:3, :3]).T
    assert np.allclose(np.abs(in_cube).max(1), 0.5, atol=1e-4) and job.name == "Ball"


def check_half_a_weight_moves_half_the_way():
    ob = stand_in()
    old = positions(ob.data)
    inside = np.array([bool(v.groups) for v in ob.data.vertices])
    choose("views")
    settings().refine.group = "Top"
    bpy.ops.image_to_mesh.refine(wait=True)
    whole = positions(bpy.data.objects["Ball"].data)
    ob = stand_in()
    ob.vertex_groups["Top"].add(np.nonzero(inside)[0].tolist(), 0.5, "REPLACE")
    choose("views")
    settings().refine.group = "Top"
    bpy.ops.image_to_mesh.refine(wait=True)
    assert np.allclose(positions(bpy.data.objects["Ball"].data), (old + whole) / 2, atol=1e-5)


def check_what_was_made_here_is_refined_in_the_engines_own_frame():
    """Moved, turned and scaled: the cube comes back with its corners where they were."""
    bpy.ops.wm.read_homefile()
    use_double()
    choose("views")
    bpy.ops.image_to_mesh.generate(wait=True)
    [ob] = made()
    ob.location, ob.rotation_euler, ob.scale = (1, 2, 3), (0.1, 0.2, 0.3), (2, 2, 2)
    bpy.context.view_layer.update()
    before = positions(ob.data)
    assert bpy.ops.image_to_mesh.refine(wait=True) == {"FINISHED"}
    [ob] = made()
    assert np.allclose(positions(ob.data), before, atol=1e-6) and ob.material_slots[0].material


def check_a_prompt_refines_too():
    settings().refine.engine, settings().prompt, settings().refine.group = "DREAMFUSION", "", ""
    assert "prompt" in module("addon.operators.refine").IMAGE_TO_MESH_OT_refine.missing(bpy.context)
    settings().prompt = "a box"
    assert bpy.ops.image_to_mesh.refine(wait=True) == {"FINISHED"}
    request = json.loads((Path(the_session().queue.last.outcome.folder) / "request.json").read_text())
    assert request["attached"] == ["mesh"] and request["inputs"] == {"prompt": "a box"}
    assert request["parameters"]["start"] == "mesh" and request["engine"] == "dreamfusion"
    settings().refine.engine = "ZERO123_SDS"


def check_refining_says_why_it_cannot():
    refine = module("addon.operators.refine").IMAGE_TO_MESH_OT_refine
    ob = bpy.context.object
    ob.shape_key_add(name="Basis")
    assert "shape keys" in refine.missing(bpy.context) and not bpy.ops.image_to_mesh.refine.poll()
    ob.shape_key_clear()
    settings().refine.group = "No such"
    assert "No such" in refine.missing(bpy.context)
    settings().refine.group = ""
    bpy.ops.object.mode_set(mode="EDIT")
    assert "mode" in refine.missing(bpy.context)
    bpy.ops.object.mode_set(mode="OBJECT")
    assert not refine.missing(bpy.context)
    bpy.context.view_layer.objects.active = bpy.data.objects["Camera"]
    assert "active object" in refine.missing(bpy.context)


def check_a_mesh_whose_object_is_gone_can_be_imported():
    ob = stand_in()
    choose("views wait:0.3")
    settings().refine.group = ""
    bpy.ops.image_to_mesh.refine()
    session = the_session()
    [job] = session.queue.jobs()
    run(lambda: job.progress.stage == "wait")
    bpy.data.objects.remove(ob)
    run(lambda: not session.queue.busy)
    assert job.state.name == "FAILED" and "Import Finished Job" in job.outcome.remedy
    assert job.id in [item[0] for item in module("addon.operators.jobs").finished_items(None, None)]
