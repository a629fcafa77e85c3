# SPDX-License-Identifier: GPL-3.0-or-later
"""Views to Mesh: images with known cameras, rendered here, painted over or photographed, become a mesh where they
show it."""

import bpy
import numpy as np

from ...backend.interface.tasks import VIEWS_TO_MESH
from ...backend.interface.view_set import FOV_DEG
from ..base import cameras
from ..base.trouble import Trouble
from ..jobs.job import Job
from ..jobs.process import Attachments
from ..scene import delivery, frame, view_cameras
from ..scene.images import input_image
from ..scene.render_view import Renders
from .job_operator import JobOperator, request_of
from .view_rig import nothing_selected, rig_angles

FEWEST = 3  # views; fewer give no depth
MOST = 60  # attachments of a frame


class IMAGE_TO_MESH_OT_views_to_mesh(JobOperator, bpy.types.Operator):
    """Make a mesh from the views, at the place that they show"""

    bl_idname = "image_to_mesh.views_to_mesh"
    bl_label = "Views to Mesh"

    @classmethod
    def missing(cls, context) -> str:
        if context.scene.image_to_mesh.views.source == "RENDER":
            return nothing_selected(context)
        if len(cameras_with_images(context)) < FEWEST:
            return f"At least {FEWEST} cameras with a background image are needed"
        return ""

    def make_job(self, context):
        if context.scene.image_to_mesh.views.source == "RENDER":
            return rendered_views_job(context)
        return camera_images_job(context)


def cameras_with_images(context) -> list[bpy.types.Object]:
    """The selected cameras with an image, or all of them if none is selected."""
    selected = [ob for ob in context.selected_objects if view_cameras.has_image(ob)]
    return selected or [ob for ob in context.scene.objects if view_cameras.has_image(ob)]


def rendered_views_job(context) -> Job:
    """A job from the selected objects, which Blender renders first from the rig's cameras. Raises Trouble."""
    views, selected = context.scene.image_to_mesh.views, frame.selected(context)
    cube = frame.around(selected, context.evaluated_depsgraph_get())
    shots = [(cube @ cameras.orbit(*angles), FOV_DEG) for angles in rig_angles(views)]
    renders = Renders(selected, shots, views.size)
    inputs = cameras_input([(pose, {"fov_deg": fov_deg}) for pose, fov_deg in shots], cube[:3, 3])
    steps = renders.steps()
    request = request_of(
        context, VIEWS_TO_MESH, selected[0].name, renders.attachments, inputs=inputs, preparation=steps
    )
    return Job(request, delivery.at(context.scene, cube[:3, 3]))


def camera_images_job(context) -> Job:
    """A job from the background images of cameras. Raises Trouble."""
    chosen = cameras_with_images(context)[:MOST]
    read = [read_view(camera, context.scene.render) for camera in chosen]
    shots = [(np.array(camera.matrix_world), lens) for camera, (lens, _) in zip(chosen, read, strict=True)]
    middle = meeting_point([view_cameras.upright(pose) for pose, _ in shots])
    images = [image for _, image in read]

    def attachments() -> dict[str, bytes]:
        return {f"view_{number:03}": next(iter(image().values())) for number, image in enumerate(images)}

    request = request_of(context, VIEWS_TO_MESH, "Views", attachments, inputs=cameras_input(shots, middle))
    return Job(request, delivery.at(context.scene, middle))


def cameras_input(shots: list[tuple[np.ndarray, dict[str, float]]], middle: np.ndarray) -> dict:
    """The request's cameras: of each shot the pose in the world 4 x 4, around a point (3,), and the lens."""
    return {"cameras": [describe(view_cameras.upright(pose), middle) | lens for pose, lens in shots]}


def describe(pose: np.ndarray, middle: np.ndarray) -> dict:
    """A pose as the backend reads it, in metres from the object's middle, where numbers are small and exact."""
    moved = pose.copy()
    moved[:3, 3] -= middle
    return {"cam_to_world": moved.tolist()}


def read_view(camera: bpy.types.Object, render: bpy.types.RenderSettings) -> tuple[dict[str, float], Attachments]:
    """(lens, attachments) of a camera's background image. Raises Trouble."""
    lens = camera.data
    background = next(background for background in lens.background_images if background.image)
    image = background.image
    if lens.type != "PERSP":
        raise Trouble(f"{camera.name} is not a perspective camera", "Set its Type to Perspective", "input")
    if is_moved(background):
        raise Trouble(
            f"The background image of {camera.name} is moved, so the camera does not see it",
            "Reset its Offset, Rotation, Scale and Flip",
            "input",
        )
    width, height = image.size
    if not width * height:
        raise Trouble(f"The image {image.name} of {camera.name} has no pixels", "Choose another image", "input")
    return view_cameras.intrinsics(lens, width, height, render), input_image.read_unturned(image)


def is_moved(background: bpy.types.CameraBackgroundImage) -> bool:
    """Whether the artist has moved, turned, scaled or flipped an image behind a camera."""
    still = (*background.offset, background.rotation, background.scale - 1)
    return any(abs(value) > 1e-4 for value in still) or background.use_flip_x or background.use_flip_y


def meeting_point(poses: list[np.ndarray]) -> np.ndarray:
    """The point (3,) that cameras look at, in the least squares sense."""
    across = [np.eye(3) - np.outer(pose[:3, 2], pose[:3, 2]) for pose in poses]
    right = sum(a @ pose[:3, 3] for a, pose in zip(across, poses, strict=True))
    return np.linalg.lstsq(np.sum(across, axis=0), right, rcond=None)[0]


register, unregister = bpy.utils.register_classes_factory((IMAGE_TO_MESH_OT_views_to_mesh,))
