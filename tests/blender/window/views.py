# SPDX-License-Identifier: GPL-3.0-or-later
"""Views, refining and fitting in a real window; pictures view_rig, views_to_mesh, novel_views, refine and match.

Ends with status 0 only if real clicks on View Rig, Views to Mesh, the reference images, Refine in Place and Match
Camera did what they say, Ctrl+Z took the rig away, and the unfinished mesh was seen.
"""

import sys

import bpy
import mathutils
import rig

sys.path.insert(0, next(a for a in rig.SESSION["args"] if a.startswith("here=")).removeprefix("here="))
from played import ARGS, PATIENCE_S, extension, meshes, prepare, press

STEPS = 120  # of refining; fewer show no unfinished mesh
PANELS = "views", "novel_view", "refine", "placement"
CLASSES = [getattr(bpy.types, f"IMAGE_TO_MESH_PT_{name}") for name in PANELS]


def show_panels(*wanted):
    """Only these of ours are there, and open: Blender remembers of a panel that it was closed."""
    for cls in CLASSES:
        if cls.is_registered:
            bpy.utils.unregister_class(cls)
        if cls.__name__ in wanted:
            cls.bl_options = set()
            bpy.utils.register_class(cls)
    rig.redraw()


def model():
    """A head of two colours, whose surface Blender's modifiers make."""
    bpy.ops.mesh.primitive_monkey_add(size=1.5)
    head = bpy.context.object
    head.name = "Head"
    head.modifiers.new("Subdivision", "SUBSURF").levels = 1
    material = bpy.data.materials.new("Checks")
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    checks, place = nodes.new("ShaderNodeTexChecker"), nodes.new("ShaderNodeTexCoord")
    checks.inputs["Scale"].default_value = 3
    checks.inputs["Color1"].default_value, checks.inputs["Color2"].default_value = (
        (0.7, 0.1, 0.05, 1),
        (0.9, 0.7, 0.3, 1),
    )
    links.new(place.outputs["Object"], checks.inputs["Vector"])
    links.new(checks.outputs["Color"], nodes["Principled BSDF"].inputs["Base Color"])
    material.diffuse_color = (0.7, 0.25, 0.1, 1)
    head.data.materials.append(material)
    bpy.ops.ed.undo_push(message="Head")


def look(*names, turn=(1.2, 0, 0.5)):
    """At these objects, a little from above."""
    for ob in bpy.data.objects:
        ob.select_set(ob.name in names)
    area = rig.area()
    area.spaces.active.region_3d.view_rotation = mathutils.Euler(turn).to_quaternion()
    with bpy.context.temp_override(window=rig.window(), area=area, region=rig.region("WINDOW")):
        bpy.ops.view3d.view_selected()


def live():
    boxes = []
    yield from rig.buttons(rig.region("UI"), boxes)
    return boxes


def finished():
    yield from rig.wait_until(lambda: not extension.is_busy(), PATIENCE_S)
    job = extension.last_job()
    facts = {k: job.facts.get(k) for k in ("seconds", "faces")}
    rig.log(job.state.value, job.engine, job.message, job.remedy, facts)
    assert job.state.value == "Done"
    yield 1.0


def make_mesh_of_views():
    """From the rig, whose cameras Ctrl+Z takes away, to the mesh beside the head."""
    show_panels("IMAGE_TO_MESH_PT_views")
    yield 1.0
    boxes = yield from live()
    view_rig = boxes[-2]  # Render Views, beside it, is grey until there is a rig
    yield from press(view_rig, lambda: "View Rig" in bpy.data.objects)
    look(*[ob.name for ob in bpy.data.objects if ob.name.startswith(("View", "Head"))])
    yield 1.0
    rig.shot("view_rig")
    rig.xdotool("mousemove", 500, 500)
    rig.key("ctrl+z")
    yield from rig.wait_until(lambda: "View Rig" not in bpy.data.objects, 10)
    look("Head")
    boxes = yield from live()
    yield from press(boxes[-1], extension.is_busy)
    yield from rig.wait_until(lambda: extension.active_job() and extension.active_job().step > 3, PATIENCE_S)
    rig.log("stage:", extension.active_job().stage_text())
    yield from finished()
    new = bpy.context.object
    apart = new.location - bpy.data.objects["Head"].location
    assert apart.x > 0.5 and abs(apart.y) < 0.2 and abs(apart.z) < 0.2, "it stands beside its original"
    look("Head", new.name)
    yield 1.0
    rig.shot("views_to_mesh")
    new.hide_set(True)


def stand_images_around():
    show_panels("IMAGE_TO_MESH_PT_novel_view")
    bpy.data.objects["Head"].hide_set(True)
    bpy.context.scene.image_to_mesh.filepath = ARGS["image"]
    yield 1.0
    boxes = yield from live()
    yield from press(boxes[-1], extension.is_busy)
    yield from finished()
    stands = [ob.name for ob in bpy.data.objects if ob.empty_display_type == "IMAGE" and ob.type == "EMPTY"]
    assert len(stands) == 4
    look(*stands, turn=(1.0, 0, 0.5))
    yield 1.0
    rig.shot("novel_views")
    for stand in stands:
        bpy.data.objects[stand].hide_set(True)


def refine():
    """An egg becomes more like the image; the unfinished mesh is seen meanwhile."""
    settings = bpy.context.scene.image_to_mesh
    settings.filepath = ARGS["image"]
    bpy.data.objects["Head"].hide_set(True)
    bpy.ops.mesh.primitive_uv_sphere_add(radius=0.45, location=(0, 0, 0))
    egg = bpy.context.object
    egg.name, settings.zero123_sds.steps, settings.zero123_sds.mesh_resolution = "Egg", STEPS, 64
    egg.modifiers.new("Smooth", "SMOOTH")
    bpy.ops.ed.undo_push(message="Egg")
    look("Egg")
    bpy.context.view_layer.objects.active = egg
    show_panels("IMAGE_TO_MESH_PT_refine")
    yield 1.0
    count, boxes = len(egg.data.vertices), (yield from live())
    yield from press(boxes[-1], extension.is_busy)
    egg.hide_set(True)
    yield from rig.wait_until(
        lambda: not extension.is_busy() or (extension.active_job() and extension.active_job().preview is not None),
        PATIENCE_S,
    )
    assert extension.is_busy(), "there was no preview"
    yield 1.0
    rig.shot("refine")
    yield from finished()
    egg = bpy.data.objects["Egg"]
    egg.hide_set(False)
    assert len(egg.data.vertices) != count and [m.name for m in egg.modifiers] == ["Smooth"]
    rig.xdotool("mousemove", 500, 500)
    rig.key("ctrl+z")
    yield from rig.wait_until(lambda: len(bpy.data.objects["Egg"].data.vertices) == count, 10)
    rig.key("ctrl+shift+z")
    yield from rig.wait_until(lambda: len(bpy.data.objects["Egg"].data.vertices) != count, 10)
    yield 1.0


def match_camera():
    egg = bpy.data.objects["Egg"]
    egg.hide_set(False)  # undoing has hidden it again
    bpy.context.view_layer.objects.active = egg
    show_panels("IMAGE_TO_MESH_PT_placement")
    yield 1.0
    boxes = yield from live()
    yield from press(boxes[-1], lambda: "Egg Camera" in bpy.data.objects)
    rig.area().spaces.active.region_3d.view_perspective = "CAMERA"
    facts = extension.match_camera.facts_of(egg)
    rig.log("camera:", facts)
    yield 1.0
    rig.shot("match")


def steps():
    """All of it, or what `--stages` names: mesh, images, refine."""
    stages = ARGS.get("stages", "mesh,images,refine").split(",")
    prepare()
    bpy.context.scene.image_to_mesh.views.size = 64
    model()
    show_panels()
    yield from rig.open_sidebar("Image to Mesh")
    if "mesh" in stages:
        yield from make_mesh_of_views()
    if "images" in stages:
        yield from stand_images_around()
    if "refine" in stages:
        yield from refine()
        if "double" not in ARGS:  # which does not know from where its picture looks
            yield from match_camera()
    show_panels(*[cls.__name__ for cls in CLASSES])
    rig.log("longest hold", round(extension.session().longest_ms), "ms", meshes())


rig.play(steps)
