# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Settings of Novel View and Views to Mesh: `scene.image_to_mesh.views`."""

import bpy


class ViewSettings(bpy.types.PropertyGroup):
    shown_as: bpy.props.EnumProperty(
        name="Show As",
        description="How a novel view is shown",
        items=(
            ("IMAGE", "Image", "An image in Blender, to use or paint over"),
            ("BACKGROUND", "Camera Background", "Behind what the active camera sees, at the object's size"),
        ),
    )
    count: bpy.props.IntProperty(
        name="Around", description="Number of reference images around the object", default=4, min=2, max=16
    )
    level: bpy.props.BoolProperty(
        name="Level",
        description="Reference images at elevation 0. Otherwise at the image's elevation, which gives better images",
    )
    rig: bpy.props.EnumProperty(
        name="Cameras",
        description="Cameras around the object",
        default="ALL",
        items=(
            (
                "ALL",
                "All 32",
                "One-2-3-45's two stages: four close to each of eight. The fast method was made for these",
            ),
            ("AROUND", "Eight Around", "The first stage alone: fewer to paint, but too few for the fast method"),
        ),
    )
    elevation: bpy.props.FloatProperty(
        name="Elevation",
        description="Elevation of the first ring of cameras. The second ring is 30 degrees lower, or higher if this is "
        "below 15",
        subtype="ANGLE",
        default=0.349066,
        min=-0.6,
        max=0.9,
    )
    source: bpy.props.EnumProperty(
        name="Views",
        description="Where the images come from",
        items=(
            ("RENDER", "Selection", "Blender renders the selected objects from the engine's cameras"),
            ("IMAGES", "Camera Images", "Background images of the scene's cameras: painted views or photographs"),
        ),
    )
    size: bpy.props.IntProperty(
        name="View Size",
        description="Side of each rendered view in pixels. Rendering blocks Blender",
        default=192,
        min=64,
        max=1024,
    )


register, unregister = bpy.utils.register_classes_factory((ViewSettings,))
