# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Views to Mesh: pictures with known cameras, rendered here, painted over or photographed, become a mesh that lies
where they show it."""

import bpy
import numpy as np

from ...backend.interface.tasks import VIEWS
from ...backend.interface.view_set import FOV_DEG
from ..base import cameras
from ..base.preferences import preferences
from ..base.trouble import Trouble
from ..jobs.job import Job
from ..scene import frame, input_image
from ..settings import scene as properties
from ..setup import environment
from . import generate, novel_view, view_rig

FEWEST = 3  # views: less have no depth
MOST = 60  # a frame's attachments


class ViewsToMesh(bpy.types.Operator):
    """Make a mesh of what the views show, and put it where they show it"""

    bl_idname = "image_to_mesh.views_to_mesh"
    bl_label = "Views to Mesh"

    wait: bpy.props.BoolProperty(
        name="Wait", description="Return when the mesh is there", options={"HIDDEN", "SKIP_SAVE"}
    )

    @classmethod
    def poll(cls, context):
        reason = environment.obstacle() or missing(context)
        cls.poll_message_set(reason)
        return not reason

    def execute(self, context):
        return generate.submit(self, context, make_job)


def missing(context) -> str:
    """Why there are no views, or an empty string."""
    if context.scene.image_to_mesh.views.source == "RENDER":
        return view_rig.missing(context)
    if len(with_images(context)) < FEWEST:
        return f"At least {FEWEST} cameras with a background image are needed: a painted view or a photograph"
    return ""


def with_images(context) -> list[bpy.types.Object]:
    """The cameras with a picture: of the selected ones, or of all where none is selected."""

    def has_image(ob: bpy.types.Object) -> bool:
        return ob.type == "CAMERA" and any(background.image for background in ob.data.background_images)

    return [ob for ob in context.selected_objects if has_image(ob)] or [
        ob for ob in context.scene.objects if has_image(ob)
    ]


def make_job(context) -> Job:
    """A job from the selected objects or the cameras' images. Raises Trouble."""
    settings, scene = context.scene.image_to_mesh, context.scene
    files: list[bytes] = []
    if settings.views.source == "RENDER":
        chosen = frame.selected(context)
        cube = frame.around(chosen, context.evaluated_depsgraph_get())
        shots = [(cube @ cameras.orbit(*angles), FOV_DEG) for angles in view_rig.angles(settings.views)]
        poses = [view_rig.upright(pose) for pose, _ in shots]
        preparation = view_rig.shoot([ob.session_uid for ob in chosen], shots, settings.views.size, files)
        name, middle, fovs = chosen[0].name, cube[:3, 3], [FOV_DEG] * len(poses)
        attachments = lambda: {f"view_{i:03}": data for i, data in enumerate(files)}  # noqa: E731
    else:
        seeing = with_images(context)[:MOST]
        poses = [view_rig.upright(np.array(ob.matrix_world)) for ob in seeing]
        read = [read_view(ob) for ob in seeing]
        fovs, pictures = [fov for fov, _ in read], [picture for _, picture in read]
        name, middle, preparation = "Views", meeting_point(poses), None
        attachments = lambda: {f"view_{i:03}": next(iter(p().values())) for i, p in enumerate(pictures)}  # noqa: E731
    return Job(
        engine=VIEWS.name,
        parameters=properties.parameters_of(VIEWS, settings, preferences().device.lower()),
        seed=settings.seed,
        attachments=attachments,
        name=name,
        location=(float(middle[0]), float(middle[1]), float(middle[2])),
        scene=scene.session_uid,
        inputs={"cameras": [describe(pose, middle, fov) for pose, fov in zip(poses, fovs, strict=True)]},
        preparation=preparation,
    )


def describe(pose: np.ndarray, middle: np.ndarray, fov_deg: float) -> dict:
    """A camera as the backend reads it, in metres from the object's middle, where numbers are small and exact."""
    moved = pose.copy()
    moved[:3, 3] -= middle
    return {"cam_to_world": moved.tolist(), "fov_deg": fov_deg}


def read_view(camera: bpy.types.Object):
    """(vertical field of view in degrees, attachments) of a camera's background image. Raises Trouble."""
    lens = camera.data
    image = next(background.image for background in lens.background_images if background.image)
    if lens.type != "PERSP" or lens.shift_x or lens.shift_y:
        raise Trouble(
            f"{camera.name} is no plain perspective camera", "Set its Type to Perspective, its Shift to 0", "input"
        )
    width, height = image.size
    if not width * height:
        raise Trouble(f"The image {image.name} of {camera.name} has no pixels", "Choose another image", "input")
    return novel_view.field_of_view(lens, width, height), input_image.read_image(image)


def meeting_point(poses: list[np.ndarray]) -> np.ndarray:
    """The point (3,) that cameras look at, in the least squares sense."""
    across = [np.eye(3) - np.outer(pose[:3, 2], pose[:3, 2]) for pose in poses]
    right = sum(a @ pose[:3, 3] for a, pose in zip(across, poses, strict=True))
    return np.linalg.lstsq(np.sum(across, axis=0), right, rcond=None)[0]


def register() -> None:
    bpy.utils.register_class(ViewsToMesh)


def unregister() -> None:
    bpy.utils.unregister_class(ViewsToMesh)
