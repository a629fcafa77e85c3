# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Settings of Fit to Scene: `scene.image_to_mesh.placement`."""

import bpy


class PlacementSettings(bpy.types.PropertyGroup):
    place: bpy.props.EnumProperty(
        name="Place",
        description="Where a mesh goes when it is done",
        items=(
            ("CURSOR", "Centre at Cursor", "The mesh's cube has its middle at the 3D cursor"),
            ("STAND", "Stand at Cursor", "The lowest point is at the 3D cursor's height"),
            ("FLOOR", "Stand on Floor", "The lowest point is at height 0, below or above the 3D cursor"),
            ("REPLACE", "Replace Active", "The active object gets the mesh, fitted into its size; its own is kept"),
        ),
    )
    height: bpy.props.FloatProperty(
        name="Height", description="How high the mesh becomes; 0 leaves its size", subtype="DISTANCE", min=0.0, max=1e6
    )
    collection: bpy.props.PointerProperty(
        type=bpy.types.Collection,
        name="Collection",
        description="Where new meshes are linked; the active collection if none is chosen",
    )


register, unregister = bpy.utils.register_classes_factory((PlacementSettings,))
