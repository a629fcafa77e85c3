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
from widgets import live_in, of_area, open_only, picture

STEPS, SHOWN_STEP = 120, 24  # of refining: all, and the one whose unfinished mesh is in the picture


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
    space = rig.area().spaces.active
    extension.viewport.look_at(rig.area(), [bpy.data.objects[name] for name in names])
    space.region_3d.view_rotation = mathutils.Euler(turn).to_quaternion()


def finished():
    yield from rig.wait_until(lambda: not extension.is_busy(), PATIENCE_S)
    job = extension.last_job()
    facts = {k: job.facts.get(k) for k in ("seconds", "faces")}
    rig.log(job.state.value, job.engine, job.message, job.remedy, facts)
    assert job.state.value == "Done"
    yield 1.0


def make_mesh_of_views():
    """From the rig, whose cameras Ctrl+Z takes away, to the mesh beside the head."""
    yield from open_only("Views to Mesh")
    view_rig = (yield from live_in("Views to Mesh"))[0]
    yield from press(view_rig, lambda: "View Rig" in bpy.data.objects)
    look(*[ob.name for ob in bpy.data.objects if ob.name.startswith(("View", "Head"))])
    yield 1.0
    picture("view_rig", of_area())
    rig.xdotool("mousemove", 500, 500)
    rig.key("ctrl+z")
    yield from rig.wait_until(lambda: "View Rig" not in bpy.data.objects, 10)
    look("Head")
    boxes = yield from live_in("Views to Mesh")
    yield from press(boxes[-1], extension.is_busy)
    yield from rig.wait_until(lambda: extension.active_job() and extension.active_job().step > 3, PATIENCE_S)
    rig.log("stage:", extension.active_job().stage_text())
    yield from finished()
    new = bpy.context.object
    apart = new.location - bpy.data.objects["Head"].location
    assert apart.x > 0.5 and abs(apart.y) < 0.2 and abs(apart.z) < 0.2, "it stands beside its original"
    look("Head", new.name)
    yield 1.0
    picture("views_to_mesh", of_area())
    new.hide_set(True)


def stand_images_around():
    yield from open_only("Novel View")
    bpy.data.objects["Head"].hide_set(True)
    bpy.context.scene.image_to_mesh.filepath = ARGS["image"]
    yield 1.0
    yield from press((yield from live_in("Novel View"))[2], extension.is_busy)
    yield from finished()
    stands = [ob.name for ob in bpy.data.objects if ob.empty_display_type == "IMAGE" and ob.type == "EMPTY"]
    assert len(stands) == 4
    look(*stands, turn=(1.0, 0, 0.5))
    yield 1.0
    picture("novel_views", of_area())
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
    yield from open_only("Refine in Place")
    count, boxes = len(egg.data.vertices), (yield from live_in("Refine in Place"))
    yield from press(boxes[-1], extension.is_busy)
    egg.hide_set(True)
    shown = lambda job: job and job.stage.startswith("Optimising") and job.step > SHOWN_STEP  # noqa: E731
    yield from rig.wait_until(lambda: not extension.is_busy() or shown(extension.active_job()), PATIENCE_S)
    assert extension.is_busy() and extension.active_job().preview is not None, "there was no preview"
    yield 1.0
    picture("refine", of_area())
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
    yield from open_only("Fit to Scene")
    boxes = yield from live_in("Fit to Scene")
    yield from press(boxes[-1], lambda: "Egg Camera" in bpy.data.objects)
    assert rig.area().spaces.active.region_3d.view_perspective == "CAMERA"
    facts = extension.match_camera.facts_of(egg)
    rig.log("camera:", facts)
    yield 1.0
    picture("match", of_area())


def steps():
    """All of it, or what `--stages` names: mesh, images, refine."""
    stages = ARGS.get("stages", "mesh,images,refine").split(",")
    prepare(cube=False)
    bpy.context.scene.image_to_mesh.views.size = 64
    model()
    yield from rig.open_sidebar("Image to Mesh")
    if "mesh" in stages:
        yield from make_mesh_of_views()
    if "images" in stages:
        yield from stand_images_around()
    if "refine" in stages:
        yield from refine()
        if "double" not in ARGS:  # which does not know from where its picture looks
            yield from match_camera()
    rig.log("longest hold", round(extension.session().longest_ms), "ms", meshes())


rig.play(steps)
