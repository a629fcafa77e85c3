# SPDX-License-Identifier: GPL-3.0-or-later
"""How 3D Views show a new mesh: in its own colours, and in the middle of the view."""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Euler, Vector

from ..base.preferences import preferences
from . import free_place, mesh_import

MARGIN = 1.25  # width of the view beside the sidebar, as a multiple of the objects'
LOOK_DEG = (72.0, 0.0, 25.0)  # 18 from above, 25 from the right
SENSOR_MM = 72.0  # width of a 3D View's own camera
OWN_COLORS = ("MATERIAL", "VERTEX", "TEXTURE")  # what a view may show before it is switched

Views = dict[int, tuple]  # by the area's address: the active object's session_uid, and how the view looks
_left: Views = {}  # the views as `frame` has left them


def areas() -> list[bpy.types.Area]:
    """The 3D Views of all windows."""
    windows = bpy.context.window_manager.windows
    return [area for window in windows for area in window.screen.areas if area.type == "VIEW_3D"]


def views_of(scene: bpy.types.Scene) -> Views:
    """The 3D Views as they are now, to see later whether the artist has gone on to something else."""
    if not preferences().frame_new:
        return {}
    return {area.as_pointer(): state(area, scene) for area in areas()}


def state(area: bpy.types.Area, scene: bpy.types.Scene) -> tuple:
    active = mesh_import.view_layer_of(scene).objects.active
    view = area.spaces.active.region_3d
    pose = tuple(view.view_location), tuple(view.view_rotation), view.view_distance
    return active and active.session_uid, view.view_perspective, pose


def unchanged(views: Views, scene: bpy.types.Scene) -> list[bpy.types.Area]:
    """The 3D Views that are as they were, or as the last result has left them, with the same active object: the artist
    has stayed there."""
    stayed = []
    for area in areas() if views else ():
        key = area.as_pointer()
        if state(area, scene) in (views.get(key), _left.get(key)):
            stayed.append(area)
    return stayed


def show_colors(ob: bpy.types.Object) -> None:
    """Switch Solid views to textures if the object has one, else to vertex colours, unless the artist wants neither."""
    if not preferences().show_colors:
        return
    has_texture = any(mesh_import.texture_of(material) for material in ob.data.materials)
    for area in areas():
        shading = area.spaces.active.shading
        if shading.color_type in OWN_COLORS:
            shading.color_type = "TEXTURE" if has_texture else "VERTEX"


def frame(chosen: list[bpy.types.Area], objects: list[bpy.types.Object], scene: bpy.types.Scene) -> None:
    """Show these objects in the chosen 3D Views."""
    _left.clear()
    for area in chosen:
        look_at(area, objects)
        _left[area.as_pointer()] = state(area, scene)


def free_width(area: bpy.types.Area) -> tuple[int, int]:
    """Width in pixels of a 3D View up to its sidebar, which may lie over it, and the whole width."""
    window = next(region for region in area.regions if region.type == "WINDOW")
    sidebars = [region.x for region in area.regions if region.type == "UI" and region.width > 1]
    return min([x - window.x for x in sidebars if x > window.x], default=window.width), window.width


def look_at(area: bpy.types.Area, objects: list[bpy.types.Object]) -> None:
    """Look at objects from their front, a little from above and from the right; from where it looks now if the view is
    orthographic. They stand in the middle of what the sidebar leaves free. A view through a camera, or of a part,
    stays."""
    space = area.spaces.active
    view = space.region_3d
    if view.view_perspective == "CAMERA" or space.local_view:
        return
    if view.view_perspective == "PERSP":
        view.view_rotation = Euler(np.radians(LOOK_DEG)).to_quaternion()
    boxes = np.stack([free_place.box_of(ob) for ob in objects])
    low, high = boxes[:, 0].min(0), boxes[:, 1].max(0)
    free, whole = free_width(area)
    seen = MARGIN * float(np.linalg.norm(high - low))
    behind = seen * (whole - free) / free  # metres that lie behind the sidebar
    right = view.view_rotation @ Vector((1, 0, 0))
    view.view_location = Vector((low + high) / 2) + right * behind / 2
    view.view_distance = (seen + behind) / SENSOR_MM * space.lens
