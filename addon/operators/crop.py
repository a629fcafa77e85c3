# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Crop: the image is shown over the viewport, and the artist drags a box around the object."""

import blf
import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader
from gpu_extras.presets import draw_texture_2d

from .. import session
from ..base.trouble import Trouble
from ..scene import viewport
from ..scene.images import input_image
from .job_operator import ExplainedOperator, report_trouble

MARGIN = 0.9  # share of the viewport that the image may fill
CLICK_PIXELS = 6  # a shorter drag is a click
SHADE = (0.0, 0.0, 0.0, 0.6)
FRAME = (1.0, 1.0, 1.0, 1.0)
HINT_WORDS = "Drag a box around the object. Click: whole image. Esc: cancel"

Rectangle = tuple[float, float, float, float]  # left, bottom, width, height in the region's pixels


class IMAGE_TO_MESH_OT_crop(ExplainedOperator, bpy.types.Operator):
    """Drag a box around the object: the rest of the image is not used"""

    bl_idname = "image_to_mesh.crop"
    bl_label = "Crop"
    bl_options = {"REGISTER", "UNDO", "BLOCKING"}

    box: bpy.props.FloatVectorProperty(
        name="Box", description="Left, top, right and bottom, 0 to 1", size=4, default=(0, 0, 1, 1), min=0, max=1
    )

    @classmethod
    def why_unavailable(cls, context) -> str:
        return session.current().setup.why_unavailable() or input_image.missing_image(context.scene.image_to_mesh)

    def execute(self, context):
        left, top, right, bottom = self.box
        if not (left < right and top < bottom):
            self.report({"ERROR"}, "The box is empty")
            return {"CANCELLED"}
        settings = context.scene.image_to_mesh
        settings.crop, settings.object_number = self.box, 0
        return {"FINISHED"}

    def invoke(self, context, event):
        if context.area is None or context.area.type != "VIEW_3D":
            self.report({"ERROR"}, "Press Crop in a 3D View")
            return {"CANCELLED"}
        self.region = next(region for region in context.area.regions if region.type == "WINDOW")
        self.texture, self.problem, self.start, self.end = None, "", None, None
        self.area = context.area
        try:
            session.current().input.ask_whole(context.scene, "never", self.show, {})
        except Trouble as trouble:
            return report_trouble(self, trouble)
        self.drawing = bpy.types.SpaceView3D.draw_handler_add(self.draw_image, (), "WINDOW", "POST_PIXEL")
        self.ticking = context.window_manager.event_timer_add(0.1, window=context.window)
        context.workspace.status_text_set(HINT_WORDS)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def show(self, answer: dict) -> None:
        """The backend's answer."""
        picture = answer.get("picture")
        if picture is None:
            self.problem = str(answer.get("message"))
        else:
            self.texture = texture_of(picture)

    def modal(self, context, event):
        self.area.tag_redraw()
        if self.problem:
            self.report({"ERROR"}, self.problem)
            return self.end_with(context, {"CANCELLED"})
        if event.type in {"ESC", "RIGHTMOUSE"} and event.value == "PRESS":
            return self.end_with(context, {"CANCELLED"})
        if self.texture is None:
            return {"RUNNING_MODAL"}
        place = event.mouse_x - self.region.x, event.mouse_y - self.region.y
        if event.type == "LEFTMOUSE" and event.value == "PRESS":
            self.start = self.end = place
        elif event.type == "MOUSEMOVE" and self.start:
            self.end = place
        elif event.type == "LEFTMOUSE" and event.value == "RELEASE" and self.start:
            self.box = box_of(self.start, place, self.rectangle())
            return self.end_with(context, self.execute(context))
        return {"RUNNING_MODAL"}

    def cancel(self, context):
        """Leave no drawing and no handler; Blender also calls it when another file is opened."""
        bpy.types.SpaceView3D.draw_handler_remove(self.drawing, "WINDOW")
        session.current().input.forget_whole()

    def end_with(self, context, result):
        self.cancel(context)
        context.window_manager.event_timer_remove(self.ticking)
        context.workspace.status_text_set(None)
        self.area.tag_redraw()
        return result

    def rectangle(self) -> Rectangle:
        assert self.texture
        return centred(self.texture.width, self.texture.height, viewport.free_width(self.area)[0], self.region.height)

    def draw_image(self):
        if bpy.context.region != self.region:
            return
        fill(0, 0, self.region.width, self.region.height, SHADE)
        if self.texture:
            rectangle = left, bottom, width, height = self.rectangle()
            gpu.state.blend_set("ALPHA")
            draw_texture_2d(self.texture, (left, bottom), width, height)
            if self.start and self.end:
                draw_choice(self.start, self.end, rectangle)
        write(bpy.app.translations.pgettext_iface(HINT_WORDS), viewport.free_width(self.area)[0])
        gpu.state.blend_set("NONE")


def texture_of(picture: np.ndarray) -> gpu.types.GPUTexture:
    """uint8 (H, W, 4), sRGB, first row on top -> a texture in linear light, as Blender draws them."""
    height, width, _ = picture.shape
    pixels = np.ascontiguousarray(picture[::-1], np.float32) / 255
    pixels[..., :3] **= 2.2
    pixels = pixels.reshape(-1)
    return gpu.types.GPUTexture((width, height), format="RGBA16F", data=gpu.types.Buffer("FLOAT", len(pixels), pixels))


def centred(width: float, height: float, region_width: float, region_height: float) -> Rectangle:
    """An image of this width and height as large as MARGIN of the region allows, in its middle."""
    scale = MARGIN * min(region_width / width, region_height / height)
    width, height = scale * width, scale * height
    return (region_width - width) / 2, (region_height - height) / 2, width, height


def box_of(start, end, rectangle: Rectangle) -> tuple[float, float, float, float]:
    """The box between two points of the region, in shares of the image: left, top, right, bottom. All of it for a click
    or a box beside the image."""
    left, bottom, width, height = rectangle
    across = sorted(min(max((x - left) / width, 0.0), 1.0) for x, _ in (start, end))
    down = sorted(min(max(1 - (y - bottom) / height, 0.0), 1.0) for _, y in (start, end))
    is_click = max(abs(start[0] - end[0]), abs(start[1] - end[1])) < CLICK_PIXELS
    if is_click or across[0] == across[1] or down[0] == down[1]:
        return input_image.WHOLE
    return across[0], down[0], across[1], down[1]


def draw_choice(start, end, rectangle: Rectangle) -> None:
    """Darken what the box leaves out, and draw the box."""
    left, bottom, width, height = rectangle
    box = box_of(start, end, rectangle)
    x0, x1 = left + box[0] * width, left + box[2] * width
    y0, y1 = bottom + (1 - box[3]) * height, bottom + (1 - box[1]) * height
    for x, y, w, h in (
        (left, bottom, x0 - left, height),
        (x1, bottom, left + width - x1, height),
        (x0, bottom, x1 - x0, y0 - bottom),
        (x0, y1, x1 - x0, bottom + height - y1),
    ):
        fill(x, y, w, h, SHADE)
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    shader.uniform_float("color", FRAME)
    corners = [(x0, y0, 0), (x1, y0, 0), (x1, y1, 0), (x0, y1, 0), (x0, y0, 0)]
    batch_for_shader(shader, "LINE_STRIP", {"pos": corners}).draw(shader)


def fill(x: float, y: float, width: float, height: float, color) -> None:
    gpu.state.blend_set("ALPHA")
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    shader.uniform_float("color", color)
    corners = [(x, y, 0), (x + width, y, 0), (x, y + height, 0), (x + width, y + height, 0)]
    batch_for_shader(shader, "TRI_STRIP", {"pos": corners}).draw(shader)


def write(text: str, room: int) -> None:
    """A line at the region's lower edge, in the middle of its first `room` pixels."""
    size = 14 * bpy.context.preferences.system.ui_scale
    blf.size(0, size)
    width, _ = blf.dimensions(0, text)
    blf.color(0, 1, 1, 1, 1)
    blf.position(0, (room - width) / 2, size, 0)
    blf.draw(0, text)


register, unregister = bpy.utils.register_classes_factory((IMAGE_TO_MESH_OT_crop,))
