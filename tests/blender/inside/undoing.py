# SPDX-License-Identifier: GPL-3.0-or-later
"""Ctrl+Z and Ctrl+Shift+Z through every operation, compared by content: all that the file holds, as plain values."""

import json
import zlib
from pathlib import Path

import bpy
import numpy as np
from prompt_views import make_job as views_job
from prompt_views import picture
from refining import stand_in
from stage import choose, module, settings

KINDS = "objects", "meshes", "materials", "images", "cameras", "collections", "scenes", "actions", "worlds"
READ = ("filepath", "source", "prompt", "seed", "engine")  # of the panel's settings
CAMERA = {"elevation_deg": 20, "radius": 1.2, "fov_deg": 49, "shift": [0, 0], "size": [8, 6], "iou": 1}


def content():
    """Every data-block by kind and name, described by DESCRIBE."""
    return {kind: {block.name: DESCRIBE[kind](block) for block in getattr(bpy.data, kind)} for kind in KINDS}


def called(block):
    return block and block.name


def sum_of(values, name, width, kind=np.float32):
    found = np.empty(len(values) * width, kind)
    values.foreach_get(name, found)
    return len(values), zlib.crc32(found.tobytes())


def describe_object(ob):
    return (
        (
            called(ob.data),
            called(ob.parent),
            ob.type,
            ob.select_get() if ob.name in bpy.context.view_layer.objects else 0,
        ),
        [tuple(row) for row in ob.matrix_basis] + [tuple(row) for row in ob.matrix_parent_inverse],
        [(m.name, m.type, getattr(m, "vertex_group", ""), getattr(m, "levels", 0)) for m in ob.modifiers],
        [group.name for group in ob.vertex_groups],
        [(slot.link, called(slot.material)) for slot in ob.material_slots],
        [(d.data_path, d.driver.expression) for d in ob.animation_data.drivers] if ob.animation_data else [],
        {key: str(ob[key]) for key in ob.keys()},
        ob.asset_data and (ob.asset_data.description, [tag.name for tag in ob.asset_data.tags]),
    )


def describe_mesh(mesh):
    groups = [(g.group, round(g.weight, 6)) for vertex in mesh.vertices for g in vertex.groups]
    return (
        sum_of(mesh.vertices, "co", 3),
        sum_of(mesh.loops, "vertex_index", 1, np.int32),
        sum_of(mesh.polygons, "use_smooth", 1, bool),
        sum_of(mesh.edges, "use_edge_sharp", 1, bool),
        [(a.name, a.domain, sum_of(a.data, "color_srgb", 4)) for a in mesh.color_attributes],
        [(layer.name, sum_of(layer.uv, "vector", 2)) for layer in mesh.uv_layers],
        [called(material) for material in mesh.materials],
        zlib.crc32(json.dumps(groups).encode()),
    )


def describe_material(material):
    tree = material.node_tree
    nodes = [(n.name, n.type, called(getattr(n, "image", None))) for n in tree.nodes] if tree else []
    return nodes, [(k.from_node.name, k.to_node.name, k.to_socket.name) for k in tree.links] if tree else []


def describe_image(image):
    pixels = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(pixels)
    return tuple(image.size), image.colorspace_settings.name, bool(image.packed_file), zlib.crc32(pixels.tobytes())


def describe_camera(lens):
    return lens.lens, lens.shift_x, lens.sensor_fit, [called(b.image) for b in lens.background_images]


def describe_scene(scene):
    ours, versions = scene.image_to_mesh, scene.image_to_mesh_versions
    return (
        (called(scene.camera), scene.render.engine, scene.render.resolution_x, scene.render.resolution_y),
        sorted(ob.name for ob in scene.objects),
        [
            (v.name, v.recipe, v.thumbnail, called(v.mesh), v.filepath, called(v.image), called(v.dense))
            for v in versions
        ],
        scene.image_to_mesh_version,
        [getattr(ours, name) for name in READ] + [called(ours.image), ours.views.source, ours.one2345.mesh_resolution],
    )


DESCRIBE = {
    "objects": describe_object,
    "meshes": describe_mesh,
    "materials": describe_material,
    "images": describe_image,
    "cameras": describe_camera,
    "collections": lambda collection: sorted(ob.name for ob in collection.objects),
    "scenes": describe_scene,
    "actions": lambda action: len(action.groups) if hasattr(action, "groups") else 0,
    "worlds": lambda world: bool(world.node_tree),
}


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
        assert not (told := differences(content(), expected)), (move, told)


def differences(found, expected):
    """The parts of data-blocks that are not as expected."""
    wrong = []
    for kind in KINDS:
        for name in {*found[kind], *expected[kind]}:
            pair = found[kind].get(name, ()), expected[kind].get(name, ())
            if pair[0] != pair[1]:
                parts = zip(*pair, strict=True) if all(type(side) is tuple for side in pair) and all(pair) else [pair]
                wrong += [(kind, name, *(str(side)[:150] for side in part)) for part in parts if part[0] != part[1]]
    return wrong[:4]


def prepare():
    """The ball of Refine in Place, linked into a second scene with a twin of the same data; beside it two results."""
    ob = stand_in()
    twin = bpy.data.objects.new("Twin", ob.data)
    other = bpy.data.scenes.new("Other")
    for linked in (ob, twin):
        other.collection.objects.link(linked)
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
        module("addon.prompt_views").hang(views_job(images=[picture(1)], report=report), bpy.context.scene, np.eye(4))

    def refine_group():
        settings().refine.group = "Top"
        ops.refine(wait=True)

    def replace():
        settings().placement.place = "REPLACE"
        ops.generate(wait=True)

    def import_finished():
        folder = Path(next(job.folder for job in module("addon.session").queue.ended if job.engine == "one2345"))
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
