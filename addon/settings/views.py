# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Settings of Novel View and Views to Mesh: `scene.image_to_mesh.views`."""

import bpy


class ViewSettings(bpy.types.PropertyGroup):
    shown_as: bpy.props.EnumProperty(
        name="Show As",
        description="What becomes of a novel view",
        items=(
            ("IMAGE", "Image", "An image in Blender, to be used or painted over"),
            ("BACKGROUND", "Camera Background", "Behind what the active camera sees, as large as the object there"),
        ),
    )
    count: bpy.props.IntProperty(
        name="Around", description="Reference images around the object", default=4, min=2, max=16
    )
    level: bpy.props.BoolProperty(
        name="Level",
        description="Reference images from straight ahead. Otherwise from as far above as the image, which models "
        "imagine better",
    )
    rig: bpy.props.EnumProperty(
        name="Cameras",
        description="From where the object is seen",
        default="ALL",
        items=(
            (
                "ALL",
                "All 32",
                "One-2-3-45's two stages: four close to each of eight. What the fast method was made for",
            ),
            ("AROUND", "Eight Around", "The first stage alone: fewer to paint, and too few for the fast method"),
        ),
    )
    elevation: bpy.props.FloatProperty(
        name="Elevation",
        description="How far from above the first ring of cameras looks at the object; the second lies 30 degrees "
        "lower, or higher when this is below 15",
        subtype="ANGLE",
        default=0.349066,
        min=-0.6,
        max=0.9,
    )
    source: bpy.props.EnumProperty(
        name="Views",
        description="Where the pictures come from",
        items=(
            ("RENDER", "Selected Objects", "Blender renders what is selected from the engine's cameras"),
            ("IMAGES", "Camera Images", "The background images of the scene's cameras: painted views or photographs"),
        ),
    )
    size: bpy.props.IntProperty(
        name="View Size",
        description="Pixels a side of every rendered view. Blender waits while it renders one",
        default=192,
        min=64,
        max=1024,
    )


register, unregister = bpy.utils.register_classes_factory((ViewSettings,))
