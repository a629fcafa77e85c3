# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Settings of Ready to Use: `scene.image_to_mesh.finish`."""

import math

import bpy


class FinishSettings(bpy.types.PropertyGroup):
    faces: bpy.props.IntProperty(
        name="Faces", description="How many faces the mesh should have", default=5000, min=16, soft_max=100_000
    )
    angle: bpy.props.FloatProperty(
        name="Angle",
        description="Edges with a sharper angle look sharp",
        subtype="ANGLE",
        default=math.radians(40),
        min=0,
        max=math.pi,
    )
    map_size: bpy.props.EnumProperty(
        name="Map Size",
        description="Side of a baked image in pixels. Blender waits longer for larger ones",
        items=[(size, size, "") for size in ("512", "1024", "2048", "4096")],
        default="1024",
    )
    from_dense: bpy.props.BoolProperty(
        name="From Denser Mesh",
        description="Take a texture from the other selected mesh, or from the one that this was decimated from",
        default=True,
    )


register, unregister = bpy.utils.register_classes_factory((FinishSettings,))
