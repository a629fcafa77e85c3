# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""`scene.image_to_mesh`: the choice of image and engine, and the groups of everything else."""

import bpy

from ...backend.interface import tasks
from .. import i18n
from ..base import stored_paths
from . import engines, quality
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


def choose_all(settings, _context) -> None:
    """Forget crop and object: they belong to the image that was chosen before."""
    settings.crop, settings.object_number = (0, 0, 1, 1), 0


def choose_file(settings, context) -> None:
    """The artist chose a file, or a script did: reading a .blend does not get here."""
    stored_paths.trust(settings.filepath)
    choose_all(settings, context)


class IMAGE_TO_MESH_PG_settings(bpy.types.PropertyGroup):
    engine: bpy.props.EnumProperty(
        name="Engine",
        description="Method that makes the mesh",
        items=[(e.name.upper(), e.title, e.help.rstrip("."), number_of(e.name)) for e in tasks.MESH_TASKS],
        default=tasks.MESH_TASKS[0].name.upper(),
    )
    quality: bpy.props.EnumProperty(
        name="Quality",
        description="Quality of the mesh",
        items=quality.ITEMS,
        get=quality.get,
        set=quality.put,
        translation_context=i18n.OWN_CONTEXT,
    )
    source: bpy.props.EnumProperty(
        items=SOURCES, name="Source", description="Where the image comes from", update=choose_all
    )
    filepath: bpy.props.StringProperty(  # no FILE_PATH: its button would list files that are no images, too
        name="Image File", description="Image of the object", update=choose_file
    )
    image: bpy.props.PointerProperty(
        type=bpy.types.Image, name="Image", description="Image of the object", update=choose_all
    )
    drawn: bpy.props.PointerProperty(
        type=bpy.types.Image, name="Image", description="The image that was made of the prompt", update=choose_all
    )
    crop: bpy.props.FloatVectorProperty(
        name="Crop",
        description="Left, top, right and bottom of the chosen part",
        size=4,
        default=(0, 0, 1, 1),
        min=0,
        max=1,
    )
    object_number: bpy.props.IntProperty(
        name="Object", description="Which object of the image to use, from the left. 0 uses all", min=0, max=999
    )
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
