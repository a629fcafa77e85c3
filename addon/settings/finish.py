# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Settings of Ready to Use: `scene.image_to_mesh.finish`."""

import math

import bpy


class FinishSettings(bpy.types.PropertyGroup):
    faces: bpy.props.IntProperty(
        name="Faces", description="Target number of faces", default=5000, min=16, soft_max=100_000
    )
    angle: bpy.props.FloatProperty(
        name="Angle",
        description="Edges that are sharper than this stay sharp",
        subtype="ANGLE",
        default=math.radians(40),
        min=0,
        max=math.pi,
    )
    map_size: bpy.props.EnumProperty(
        name="Map Size",
        description="Side of the baked image in pixels. Larger ones take longer to bake",
        items=[(size, size, "") for size in ("512", "1024", "2048", "4096")],
        default="1024",
    )
    from_dense: bpy.props.BoolProperty(
        name="From Dense",
        description="Bake the texture from the other selected mesh, or from the mesh before decimation",
        default=True,
    )


register, unregister = bpy.utils.register_classes_factory((FinishSettings,))
