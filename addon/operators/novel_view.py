# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Novel View: the object in the image as a camera of the scene, or the viewport, would see it."""

import math

import bpy
import numpy as np
from mathutils import Matrix

from ...backend.interface.tasks import NOVEL_VIEW
from ...backend.interface.view_set import FOV_DEG, RADIUS
from ..base import cameras
from ..base.preferences import preferences
from ..base.trouble import Trouble
from ..jobs.job import Job
from ..scene import frame, image_import, input_image, mesh_import
from ..settings import scene as properties
from ..setup import environment
from . import generate

SIDE = 2 * RADIUS * math.tan(math.radians(FOV_DEG) / 2)  # of what a view shows around the cube's middle
BEHIND = 0.75  # how far behind the cube's middle a reference image stands, in the cube's sides
LONGEST = 768  # pixels of a camera's background
ROW = "Novel Views"  # the collection of reference images


class NovelView(bpy.types.Operator):
    """Imagine the object in the image as it looks from here"""

    bl_idname = "image_to_mesh.novel_view"
    bl_label = "Novel View"

    where: bpy.props.EnumProperty(
        name="From",
        items=(
            ("CAMERA", "Camera", "The scene's active camera"),
            ("VIEWPORT", "Viewport", "Where this 3D View looks from"),
            ("AROUND", "Around", "Reference images that stand around the object"),
        ),
        options={"SKIP_SAVE"},
    )
    wait: bpy.props.BoolProperty(
        name="Wait", description="Return when the view is there", options={"HIDDEN", "SKIP_SAVE"}
    )

    @classmethod
    def description(cls, context, properties):
        return {
            "CAMERA": "Imagine the object in the image as the scene's camera sees it",
            "VIEWPORT": "Imagine the object in the image as this 3D View sees it",
            "AROUND": "Imagine the object in the image from all around, as reference images that stand there",
        }[properties.where]

    @classmethod
    def poll(cls, context):
        reason = environment.obstacle() or missing(context)
        cls.poll_message_set(reason)
        return not reason

    def execute(self, context):
        return generate.submit(self, context, lambda context: make_job(context, self.where))


def missing(context) -> str:
    """Why there is nothing to be seen, or an empty string."""
    return input_image.missing_image(context.scene.image_to_mesh)


def make_job(context, where: str) -> Job:
    """A job that shows the image's object from where the artist looks. Raises Trouble."""
    settings, scene = context.scene.image_to_mesh, context.scene
    name, picture = input_image.read_chosen_image(settings, scene)
    cube = frame.of(context)
    if where == "AROUND":
        height = 0.0 if settings.views.level else None  # the image's own
        angles = [(360.0 * i / settings.views.count, height) for i in range(settings.views.count)]
        place = lambda job, scene: stand_around(job, scene, cube)  # noqa: E731
    else:
        view = seen_from(context, where, cube)
        angles = [(view.azimuth, view.elevation)]
        behind = scene.camera if where == "CAMERA" and settings.views.shown_as == "BACKGROUND" else None
        uid = behind.session_uid if behind else 0
        place = lambda job, scene: show(job, scene, view, cube, uid)  # noqa: E731
    return Job(
        engine=NOVEL_VIEW.name,
        parameters=properties.parameters_of(NOVEL_VIEW, settings, preferences().device.lower()),
        seed=settings.seed,
        attachments=picture,
        name=name,
        scene=scene.session_uid,
        inputs={"angles": angles},
        place=place,
    )


def seen_from(context, where: str, cube: np.ndarray) -> cameras.View:
    """How the camera or the viewport sees the cube. Raises Trouble."""
    scene = context.scene
    try:
        if where == "VIEWPORT":
            if not context.region_data:
                raise Trouble("There is no 3D View here", "Press the button in a 3D View", "input")
            return cameras.look(np.array(context.region_data.view_matrix.inverted()), cube)
        if scene.camera is None or scene.camera.type != "CAMERA":
            raise Trouble("The scene has no camera", "Add one, or take the viewport", "input")
        return cameras.look(np.array(scene.camera.matrix_world), cube)
    except ValueError as error:
        raise Trouble(str(error), "Move it away", "input") from error


def field_of_view(lens: bpy.types.Camera, width: int, height: int) -> float:
    """Of a camera of Blender's, vertical, in degrees."""
    return cameras.field_of_view(lens.lens, (lens.sensor_width, lens.sensor_height), lens.sensor_fit, width, height)


def show(job: Job, scene: bpy.types.Scene, view: cameras.View, cube: np.ndarray, camera: int) -> None:
    """A view as an image, or behind what the camera of this session_uid sees, if there is one."""
    name = f"{job.name} {view.azimuth:.0f}\N{DEGREE SIGN} {view.elevation:.0f}\N{DEGREE SIGN}"
    image = image_import.load(job.images[0], name)
    ob = next((ob for ob in scene.objects if ob.session_uid == camera), None)
    if ob and ob.type == "CAMERA":
        put_behind(ob, image, view, cube, scene)
        bpy.data.images.remove(image)
    else:
        image.use_fake_user = True
    mesh_import.push_undo("Novel View")


def put_behind(
    camera: bpy.types.Object, image: bpy.types.Image, view: cameras.View, cube: np.ndarray, scene: bpy.types.Scene
) -> None:
    """The image where and as large as the object is in the camera's picture."""
    width, height = frame_size(scene.render)
    pixels = np.empty(4 * image.size[0] * image.size[1], np.float32)
    image.pixels.foreach_get(pixels)
    square = pixels.reshape(image.size[1], image.size[0], 4)[::-1]
    laid = cameras.lay_behind(square, view, np.array(camera.matrix_world), cube, lens_of(camera.data, width, height))
    behind = bpy.data.images.new(image.name, width, height, alpha=True)
    behind.pixels.foreach_set(np.ascontiguousarray(laid[::-1]).reshape(-1))
    behind.pack()
    background = camera.data.background_images.new()
    background.image, background.alpha = behind, 0.6
    camera.data.show_background_images = True


def frame_size(render: bpy.types.RenderSettings) -> tuple[int, int]:
    """Pixels of a picture with the render's proportions."""
    scale = LONGEST / max(render.resolution_x, render.resolution_y)
    return max(1, round(render.resolution_x * scale)), max(1, round(render.resolution_y * scale))


def lens_of(lens: bpy.types.Camera, width: int, height: int) -> cameras.Lens:
    """A camera of Blender's for a picture of this size; its shift counts in the side that the sensor lies along."""
    unit = {"HORIZONTAL": width, "VERTICAL": height}.get(lens.sensor_fit, max(width, height))
    return cameras.Lens(field_of_view(lens, width, height), width, height, (lens.shift_x * unit, lens.shift_y * unit))


def stand_around(job: Job, scene: bpy.types.Scene, cube: np.ndarray) -> None:
    """Each view as an image that stands behind the object and is seen from its own side only."""
    collection = bpy.data.collections.new(ROW)
    scene.collection.children.link(collection)
    own = job.report.get("elevation_deg") or 0.0
    for data, (azimuth, height) in zip(job.images, job.inputs["angles"], strict=False):
        image = image_import.load(data, f"{job.name} {azimuth:.0f}\N{DEGREE SIGN}")
        stand = bpy.data.objects.new(image.name, None)
        stand.empty_display_type, stand.data, stand.empty_image_side = "IMAGE", image, "FRONT"
        pose = cube @ cameras.orbit(azimuth, own if height is None else height, -BEHIND)
        stand.matrix_world = Matrix(pose.tolist())
        stand.empty_display_size = SIDE
        collection.objects.link(stand)
    mesh_import.push_undo("Novel Views")


def register() -> None:
    bpy.utils.register_class(NovelView)


def unregister() -> None:
    bpy.utils.unregister_class(NovelView)
