# SPDX-License-Identifier: GPL-3.0-or-later
"""Ctrl+Z and Ctrl+Shift+Z through every operation, compared by content: all that the file holds, as plain values."""

import json
from pathlib import Path

import bpy
import numpy as np
from content import content, differences
from objects import entangled_ball, png
from stage import cases, extension, generate, select, settings

CAMERA = {"elevation_deg": 20, "radius": 1.2, "fov_deg": 49, "shift": [0, 0], "size": [8, 6], "iou": 1}
RESULT, BALL = "Apple.001", "Ball"  # what the operation works on
ITSELF, BLENDER = True, False  # who makes the undo step


def prepare():
    """An entangled ball, and beside it two results."""
    entangled_ball()
    settings().prompt = "a red car"
    generate()
    press("make_image", wait=True)
    result = generate()
    for ob in extension.made():
        recipe = json.loads(ob["image_to_mesh_recipe"])
        ob["image_to_mesh_recipe"] = json.dumps(recipe | {"inputs": {"variations": "of one click"}})
    assert result.name == RESULT
    extension.history.add_object_mesh(bpy.context.scene, result, result.data.copy(), "Apple, later")
    recipe = json.loads(result["image_to_mesh_recipe"])
    result["image_to_mesh_recipe"] = json.dumps(recipe | {"report": {"picture_camera": CAMERA}})
    bpy.data.objects["Camera"]["image_to_mesh_view"] = 0  # a rig of one
    settings().views.size, settings().views.rig, settings().views.count = 32, "AROUND", 2
    settings().finish.faces, settings().finish.map_size = 60, "512"
    settings().placement.height, settings().placement.place = 3.0, "CURSOR"


def press(button, **arguments):
    """Call an operator; those that begin a job wait for it."""
    getattr(bpy.ops.image_to_mesh, button)(**arguments)


def rig_around():
    press("add_view_rig")
    settings().views.source = "IMAGES"


def prompt_views():
    report = {"poses": [np.eye(4).tolist()], "fov_deg": 40.0}
    extension.deliver_prompt_views([png(1)], report, np.eye(4))


def refine_group():
    settings().refine.group = "Top"
    press("refine", wait=True)


def replace():
    settings().placement.place = "REPLACE"
    press("generate", wait=True)


def import_finished():
    folder = Path(extension.last_job().folder)
    (folder / "imported").unlink()
    press("import_finished", job=folder.name, wait=True)


def back():
    """After an edit of the mesh."""
    ob = bpy.data.objects["Apple"]
    ob.data = ob.data.copy()
    press("go_back")


def normal_map():
    bpy.data.objects["Apple"].select_set(True)
    press("bake_normal_map")


@cases(
    generate=(lambda: press("generate", wait=True), RESULT, ITSELF),
    again=(lambda: press("again", wait=True, other=True), RESULT, ITSELF),
    import_finished=(import_finished, RESULT, ITSELF),
    replace_active=(replace, BALL, ITSELF),
    make_image=(lambda: press("make_image", wait=True), RESULT, ITSELF),
    novel_view=(lambda: press("novel_view", wait=True), RESULT, ITSELF),
    reference_images=(lambda: press("novel_view", where="AROUND", wait=True), RESULT, ITSELF),
    views_of_a_prompt=(prompt_views, RESULT, ITSELF),
    views_to_mesh=(lambda: press("views_to_mesh", wait=True), BALL, ITSELF),
    render_views=(lambda: press("render_views", wait=True), BALL, ITSELF),
    refine=(lambda: press("refine", wait=True), BALL, ITSELF),
    refine_group=(refine_group, BALL, ITSELF),
    view_rig=(rig_around, BALL, BLENDER),
    back=(back, RESULT, BLENDER),
    compare=(lambda: press("put_beside"), BALL, BLENDER),
    delete_version=(lambda: press("forget"), RESULT, BLENDER),
    fit=(lambda: press("fit"), BALL, BLENDER),
    match_camera=(lambda: press("match_camera"), RESULT, BLENDER),
    decimate=(lambda: press("decimate"), BALL, BLENDER),
    quad_remesh=(lambda: press("quad_remesh"), BALL, BLENDER),
    smooth_by_angle=(lambda: press("smooth_by_angle"), BALL, BLENDER),
    mark_asset=(lambda: press("mark_asset"), BALL, BLENDER),
    texture=(lambda: press("bake_texture"), RESULT, BLENDER),
    normal_map=(normal_map, RESULT, BLENDER),
    choose_image=(lambda: press("choose_image", filepath="/nowhere/Pear.png"), RESULT, BLENDER),
    use_drawn=(lambda: press("use_drawn"), RESULT, BLENDER),
    crop=(lambda: press("crop", box=(0.1, 0.2, 0.6, 0.7)), RESULT, BLENDER),
    paint_mask=(lambda: press("paint_mask", wait=True), RESULT, ITSELF),
    before_after=(lambda: press("before_after"), RESULT, BLENDER),
    keep_this=(lambda: press("keep_this"), RESULT, BLENDER),
)
def check_undo_and_redo_leave_the_file_as_it_was(act, active, pushes):
    prepare()
    select(bpy.data.objects[active])
    bpy.ops.ed.undo_push(message="Before")
    before = content()
    act()
    if not pushes:  # Blender does, for operators with UNDO that an artist calls
        bpy.ops.ed.undo_push(message="After")
    after = content()
    assert after != before, "nothing was done"
    for move, expected in ((bpy.ops.ed.undo, before), (bpy.ops.ed.redo, after), (bpy.ops.ed.undo, before)):
        move()
        wrong = differences(content(), expected)
        assert not wrong, (move, wrong[:4])
