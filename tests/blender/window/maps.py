# SPDX-License-Identifier: GPL-3.0-or-later
"""From the image to a light mesh with texture and normal map, in a real window, with the picture maps.

Ends with status 0 only if real clicks on Decimate, Texture and Normal Map did what they say, in local view and from a
camera, both of which stay, Esc stopped a texture, and Ctrl+Z took them back one by one.
"""

import sys
import time

import bpy
import mathutils
import rig

sys.path.insert(0, next(a for a in rig.SESSION["args"] if a.startswith("here=")).removeprefix("here="))
from played import ARGS, PATIENCE_S, extension, prepare, press
from widgets import live_in, of_area, picture, toggle_panel

FACES = 600
SHOWN_PX = 150, 480, 905, 745  # of the 3D View, from its upper left corner, in the picture


def nodes():
    return bpy.context.object.material_slots[0].material.node_tree.nodes


def images():
    """Names of the material's images; a new mesh has a texture already."""
    return {node.image.name for node in nodes() if node.type == "TEX_IMAGE" and node.image}


def has_relief():
    return any(node.type == "NORMAL_MAP" for node in nodes())


def steps():
    settings = bpy.context.scene.image_to_mesh
    prepare(cube=False)
    settings.filepath, settings.lrm.mesh_resolution = ARGS["image"], 128
    settings.finish.faces = FACES
    yield from rig.open_sidebar("Image to Mesh")
    bpy.ops.image_to_mesh.generate()
    yield from rig.wait_until(lambda: not extension.is_busy(), PATIENCE_S)
    assert extension.last_job().state.value == "Done", extension.last_job().message
    area, ob = rig.area(), bpy.context.object
    space, name, dense = area.spaces.active, ob.name, len(ob.data.polygons)
    with bpy.context.temp_override(window=rig.window(), area=area, region=rig.region("WINDOW")):
        bpy.ops.view3d.localview(frame_selected=True)
        space.region_3d.view_perspective = "CAMERA"
    bpy.ops.ed.undo_push(message="Local View")
    yield 1.0
    yield from toggle_panel("Ready to Use")
    decimate, _, *maps = (yield from live_in("Ready to Use"))[:4]
    yield from press(decimate, lambda: len(bpy.context.object.data.polygons) <= FACES)
    yield from stop_baking(settings, maps[0])
    before = images()
    for box, done in zip(maps, (lambda: images() != before, has_relief), strict=True):
        began = time.monotonic()
        yield from press(box, done)
        rig.log(f"baked in {time.monotonic() - began:.1f} s:", images())
    assert space.local_view and space.region_3d.view_perspective == "CAMERA", "the viewport has changed"
    rig.xdotool("mousemove", 500, 500)
    for is_undone in (lambda: not has_relief(), lambda: images() == before):
        rig.key("ctrl+z")
        yield from rig.wait_until(is_undone, 10)
    rig.key("ctrl+z")
    yield from rig.wait_until(lambda: len(bpy.data.objects[name].data.polygons) == dense, 10)
    for _ in range(3):
        rig.key("ctrl+shift+z")
        yield 1.0
    assert has_relief()
    rig.log([version.name for version in bpy.context.scene.image_to_mesh_versions])
    yield from show_side_by_side(area)
    left, _, _, top = of_area()
    picture("maps", (left + SHOWN_PX[0], top - SHOWN_PX[3], left + SHOWN_PX[2], top - SHOWN_PX[1]))


def stop_baking(settings, box):
    """Esc amid a large texture leaves the mesh and the file as they were."""
    settings.finish.map_size, mesh, scenes = "4096", bpy.context.object.data, len(bpy.data.scenes)
    count = len(bpy.data.images)
    yield from press(box, lambda: len(bpy.data.images) > count)
    rig.shot("baking")
    rig.key("Escape")
    yield from rig.wait_until(lambda: len(bpy.data.images) == count, 60)
    assert bpy.context.object.data == mesh and len(bpy.data.scenes) == scenes
    settings.finish.map_size = "1024"
    yield 0.5


def show_side_by_side(area):
    """The dense mesh, the light one, and the light one with its maps, as Cycles shows them under one light."""
    scene, bent = bpy.context.scene, bpy.context.object
    light = bpy.data.objects.new("Light one", scene.image_to_mesh_versions[1].mesh)
    dense = bpy.data.objects.new("Dense", scene.image_to_mesh_versions[0].mesh)
    for number, ob in enumerate((dense, light, bent)):
        if ob != bent:
            scene.collection.objects.link(ob)
        ob.location = (1.05 * number, 0, 0)
    with bpy.context.temp_override(window=rig.window(), area=area, region=rig.region("WINDOW")):
        bpy.ops.view3d.localview()
        bpy.ops.object.select_all(action="SELECT")
        for name in ("Camera", "Light"):
            bpy.data.objects[name].select_set(False)
        space = area.spaces.active
        space.region_3d.view_perspective = "ORTHO"
        space.region_3d.view_rotation = mathutils.Euler((1.3, 0, 0.3)).to_quaternion()
        bpy.ops.view3d.view_selected()
        space.region_3d.view_distance *= 1.3
        space.region_3d.view_location.x += 0.6  # beside the sidebar
        bpy.ops.object.select_all(action="DESELECT")
    sun = bpy.data.objects["Light"]
    sun.data.type, sun.data.energy, sun.rotation_euler = "SUN", 3, (0.9, 0, 0.9)
    scene.render.engine, scene.cycles.preview_samples, scene.cycles.use_preview_denoising = "CYCLES", 16, False
    space.overlay.show_overlays = False
    space.shading.type, space.shading.use_scene_lights, space.shading.use_scene_world = "RENDERED", True, True
    yield 25.0


rig.play(steps)
