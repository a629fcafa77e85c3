# SPDX-License-Identifier: GPL-3.0-or-later
"""Ctrl+Z and Ctrl+Shift+Z through every operation, compared by content: all that the file holds, as plain values."""

import json
from pathlib import Path

import bpy
import numpy as np
from content import content, differences
from prompt_views import deliver_views, picture
from refining import stand_in
from stage import choose, settings, the_session

CAMERA = {"elevation_deg": 20, "radius": 1.2, "fov_deg": 49, "shift": [0, 0], "size": [8, 6], "iou": 1}


def step(act, pushes):
    """Do it, undo it, redo it, undo it, and look each time."""
    bpy.ops.ed.undo_push(message="Before")
    before = content()
    act()
    if not pushes:  # Blender does, for operators with UNDO that an artist calls
        bpy.ops.ed.undo_push(message="After")
    after = content()
    assert after != before, "nothing was done"
    for move, expected in ((bpy.ops.ed.undo, before), (bpy.ops.ed.redo, after), (bpy.ops.ed.undo, before)):
        move()
        assert not (told := differences(content(), expected)), (move, told[:4])


def prepare():
    """The ball of Refine in Place, and beside it two results."""
    stand_in()
    choose("views")
    settings().prompt = "a red car"
    for _ in range(2):
        assert bpy.ops.image_to_mesh.generate(wait=True) == {"FINISHED"}
    result = bpy.context.object
    result["image_to_mesh_recipe"] = json.dumps(
        json.loads(result["image_to_mesh_recipe"]) | {"report": {"picture_camera": CAMERA}}
    )
    bpy.data.objects["Camera"]["image_to_mesh_view"] = 0  # a rig of one
    settings().views.size, settings().views.rig, settings().views.count = 32, "AROUND", 2
    settings().finish.faces, settings().finish.map_size = 60, "512"
    return result.name


def activate(name):
    for ob in bpy.context.view_layer.objects:
        ob.select_set(ob.name == name)
    bpy.context.view_layer.objects.active = bpy.data.objects[name]


def check_undo_and_redo_through_every_operation_leave_the_file_as_it_was():
    result, ops, failures = prepare(), bpy.ops.image_to_mesh, []

    def around():
        ops.add_view_rig()
        settings().views.source = "IMAGES"

    def prompt_views():
        report = {"poses": [np.eye(4).tolist()], "fov_deg": 40.0}
        deliver_views([picture(1)], report, np.eye(4))

    def refine_group():
        settings().refine.group = "Top"
        ops.refine(wait=True)

    def replace():
        settings().placement.place = "REPLACE"
        ops.generate(wait=True)

    def import_finished():
        folder = Path(next(j.outcome.folder for j in the_session().queue.ended if j.request.engine == "one2345"))
        (folder / "imported").unlink()
        ops.import_finished(job=folder.name)

    def normal_map():
        bpy.data.objects["Apple"].select_set(True)
        ops.bake_normal_map()

    itself, blender = True, False  # who makes the undo step
    for name, act, active, pushes in (
        ("generate", lambda: ops.generate(wait=True), result, itself),
        ("again", lambda: ops.again(wait=True, other=True), result, itself),
        ("import", import_finished, result, itself),
        ("replace active", replace, "Ball", itself),
        ("make image", lambda: ops.make_image(wait=True, again=True), result, itself),
        ("novel view", lambda: ops.novel_view(wait=True), result, itself),
        ("reference images", lambda: ops.novel_view(where="AROUND", wait=True), result, itself),
        ("views of a prompt", prompt_views, result, itself),
        ("views to mesh", lambda: ops.views_to_mesh(wait=True), "Ball", itself),
        ("render views", lambda: ops.render_views(wait=True), "Ball", itself),
        ("refine", lambda: ops.refine(wait=True), "Ball", itself),
        ("refine a group", refine_group, "Ball", itself),
        ("view rig", around, "Ball", blender),
        ("back", ops.go_back, "Ball", blender),
        ("compare", ops.put_beside, "Ball", blender),
        ("delete version", ops.forget, result, blender),
        ("fit", ops.fit, "Ball", blender),
        ("match camera", ops.match_camera, result, blender),
        ("decimate", ops.decimate, "Ball", blender),
        ("quad remesh", ops.quad_remesh, "Ball", blender),
        ("smooth by angle", ops.smooth_by_angle, "Ball", blender),
        ("asset", ops.mark_asset, "Ball", blender),
        ("texture", ops.bake_texture, result, blender),
        ("normal map", normal_map, result, blender),
        ("preset", lambda: ops.use_preset(name="BEST"), result, blender),
    ):
        settings().placement.height, settings().placement.place = 3.0, "CURSOR"
        activate(active)
        try:
            step(act, pushes)
        except (AssertionError, RuntimeError, StopIteration) as error:
            failures.append(f"{name}: {error}"[:900])
    assert not failures, "\n".join(failures)
