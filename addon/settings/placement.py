# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Settings of Fit to Scene: `scene.image_to_mesh.placement`."""

import bpy

OWN_HEIGHT = 1.0  # metres


class PlacementSettings(bpy.types.PropertyGroup):
    place: bpy.props.EnumProperty(
        name="Place",
        description="Where a finished mesh goes. Where something stands already, it goes to the right of it",
        default="STAND",
        items=(
            ("CURSOR", "Centre at Cursor", "The mesh is centred at the 3D cursor"),
            ("STAND", "Stand at Cursor", "The mesh stands at the 3D cursor"),
            ("FLOOR", "Stand on Floor", "The mesh stands at height 0, above or below the 3D cursor"),
            (
                "REPLACE",
                "Replace Active",
                "The active object gets the mesh at its own size. Its old mesh stays in History",
            ),
        ),
    )
    height: bpy.props.FloatProperty(
        name="Height", description="Height of the mesh; 0 keeps its size", subtype="DISTANCE", min=0.0, max=1e6
    )
    height_automatic: bpy.props.BoolProperty(
        name="As Made",
        description="Keep the height that the mesh comes with. Clear it to set one",
        get=lambda self: not self.height,
        set=lambda self, as_made: setattr(self, "height", 0.0 if as_made else OWN_HEIGHT),
    )
    collection: bpy.props.PointerProperty(
        type=bpy.types.Collection,
        name="Collection",
        description="Collection of new meshes. Empty: the active collection",
    )


register, unregister = bpy.utils.register_classes_factory((PlacementSettings,))
