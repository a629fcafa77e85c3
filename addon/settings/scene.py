# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""`scene.image_to_mesh`: the choice of image and engine, and the groups of everything else."""

import bpy

from ...backend.interface import tasks
from . import engines
from .choices import number_of
from .finish import FinishSettings
from .placement import PlacementSettings
from .refine import RefineSettings
from .views import ViewSettings

SOURCES = (
    ("FILE", "File", "An image file on this computer", "FILE_IMAGE", 0),
    ("IMAGE", "Image", "An image that is open in Blender", "IMAGE_DATA", 1),
    ("RENDER", "Render", "The last render", "RENDER_RESULT", 2),
    ("PROMPT", "Prompt", "An image that is generated from the prompt first", "TEXT", 3),
)


class IMAGE_TO_MESH_PG_settings(bpy.types.PropertyGroup):
    engine: bpy.props.EnumProperty(
        name="Engine",
        description="Method that makes the mesh",
        items=[(e.name.upper(), e.title, e.help.rstrip("."), number_of(e.name)) for e in tasks.MESH_TASKS],
        default=tasks.MESH_TASKS[0].name.upper(),
    )
    source: bpy.props.EnumProperty(items=SOURCES, name="Source", description="Where the image comes from")
    filepath: bpy.props.StringProperty(name="Image File", description="Image of the object", subtype="FILE_PATH")
    image: bpy.props.PointerProperty(type=bpy.types.Image, name="Image", description="Image of the object")
    prompt: bpy.props.StringProperty(name="Prompt", description="Description of the mesh in words")
    seed: bpy.props.IntProperty(
        name="Seed", description="A different number gives a different guess at what the image does not show", min=0
    )
    views: bpy.props.PointerProperty(type=ViewSettings)
    refine: bpy.props.PointerProperty(type=RefineSettings)
    finish: bpy.props.PointerProperty(type=FinishSettings)
    placement: bpy.props.PointerProperty(type=PlacementSettings)


for _name, _class in engines.CLASSES.items():  # scene.image_to_mesh.lrm and so on
    IMAGE_TO_MESH_PG_settings.__annotations__[_name] = bpy.props.PointerProperty(type=_class)


def register() -> None:
    bpy.utils.register_class(IMAGE_TO_MESH_PG_settings)
    bpy.types.Scene.image_to_mesh = bpy.props.PointerProperty(type=IMAGE_TO_MESH_PG_settings)


def unregister() -> None:
    del bpy.types.Scene.image_to_mesh
    bpy.utils.unregister_class(IMAGE_TO_MESH_PG_settings)
