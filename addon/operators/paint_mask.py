# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Paint Mask: the cut-out as an image in Blender, whose transparency the artist paints with Blender's own brush."""

import time

import bpy
import numpy as np

from .. import session
from ..base.trouble import Trouble
from ..scene import mesh_import, versions
from ..scene.images import image_editor, input_image, input_preview
from .job_operator import ExplainedOperator, report_trouble

MASK = "image_to_mesh_mask"  # custom property of images that this button has made


class IMAGE_TO_MESH_OT_paint_mask(ExplainedOperator, bpy.types.Operator):
    """Paint away what does not belong to the object, in the Image Editor. The image itself is not changed"""

    bl_idname = "image_to_mesh.paint_mask"
    bl_label = "Paint Mask"

    wait: bpy.props.BoolProperty(
        name="Wait", description="Return when the image is there", options={"HIDDEN", "SKIP_SAVE"}
    )

    @classmethod
    def why_unavailable(cls, context) -> str:
        return session.current().setup.why_unavailable() or input_image.missing_image(context.scene.image_to_mesh)

    def execute(self, context):
        now, scene = session.current(), context.scene
        settings = scene.image_to_mesh
        image_editor.ensure()
        if is_mask(settings.image) and settings.source == "IMAGE":
            image_editor.paint(settings.image)
            return {"FINISHED"}
        name, uid, came = input_image.name_of(settings), scene.session_uid, []

        def take(answer: dict) -> None:
            came.append(answer)
            if target := versions.find(bpy.data.scenes, uid):
                use_mask(target, name, answer)

        mode, chosen = input_preview.background_mode(settings), input_image.selection(settings)
        try:
            now.input.ask_whole(scene, mode, take, chosen)
        except Trouble as trouble:
            return report_trouble(self, trouble)
        while self.wait and not came:
            now.tick()
            time.sleep(0.02)
        if self.wait and "picture" not in came[0]:
            self.report({"ERROR"}, str(came[0].get("message")))
            return {"CANCELLED"}
        return {"FINISHED"}


class IMAGE_TO_MESH_OT_mask_brush(ExplainedOperator, bpy.types.Operator):
    """Let the brush erase the image, or bring back what was erased"""

    bl_idname = "image_to_mesh.mask_brush"
    bl_label = "Mask Brush"

    blend: bpy.props.EnumProperty(
        items=((image_editor.ERASE, "Erase", ""), (image_editor.RESTORE, "Restore", "")),
        options={"HIDDEN", "SKIP_SAVE"},
    )

    @classmethod
    def why_unavailable(cls, context) -> str:
        return "" if is_mask(context.scene.image_to_mesh.image) else "Press Paint Mask first"

    def execute(self, context):
        image_editor.ensure()
        image_editor.paint(context.scene.image_to_mesh.image, self.blend)
        return {"FINISHED"}


def is_mask(image: bpy.types.Image | None) -> bool:
    return bool(image and image.get(MASK))


def use_mask(scene: bpy.types.Scene, name: str, answer: dict) -> None:
    """Make the cut-out that came an image, choose it, and open it for painting."""
    picture = answer.get("picture")
    if picture is None:  # the panel says why
        return
    height, width, _ = picture.shape
    image = bpy.data.images.new(f"{name} Mask", width, height, alpha=True)
    image.pixels.foreach_set(np.ascontiguousarray(picture[::-1], np.float32).reshape(-1) / 255)
    image.pack()
    image[MASK], image.use_fake_user = True, True
    scene.image_to_mesh.source, scene.image_to_mesh.image = "IMAGE", image
    mesh_import.push_undo("Paint Mask")
    image_editor.paint(image)


classes = (IMAGE_TO_MESH_OT_paint_mask, IMAGE_TO_MESH_OT_mask_brush)
register, unregister = bpy.utils.register_classes_factory(classes)
