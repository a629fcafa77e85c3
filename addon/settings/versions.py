# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""The list of versions that a .blend keeps: `scene.image_to_mesh_versions`, and the chosen one's index."""

import bpy


class Version(bpy.types.PropertyGroup):
    """One result. `mesh` is the data itself, so that going back costs nothing and no edit is lost."""

    recipe: bpy.props.StringProperty()
    thumbnail: bpy.props.StringProperty()
    mesh: bpy.props.PointerProperty(type=bpy.types.Mesh)
    filepath: bpy.props.StringProperty(subtype="FILE_PATH")
    image: bpy.props.PointerProperty(type=bpy.types.Image)
    start: bpy.props.PointerProperty(type=bpy.types.Object)
    dense: bpy.props.PointerProperty(type=bpy.types.Mesh, description="The mesh before it was decimated or remeshed")


def register() -> None:
    bpy.utils.register_class(Version)
    bpy.types.Scene.image_to_mesh_versions = bpy.props.CollectionProperty(type=Version)
    bpy.types.Scene.image_to_mesh_version = bpy.props.IntProperty(name="Version", default=-1)


def unregister() -> None:
    del bpy.types.Scene.image_to_mesh_versions, bpy.types.Scene.image_to_mesh_version
    bpy.utils.unregister_class(Version)
