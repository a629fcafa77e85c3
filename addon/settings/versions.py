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
    object: bpy.props.PointerProperty(type=bpy.types.Object, description="The object that the mesh was made for")
    dense: bpy.props.PointerProperty(type=bpy.types.Mesh, description="The mesh before it was decimated or remeshed")


def show(scene: bpy.types.Scene, context) -> None:
    """Select the object that shows the chosen version, if there is one."""
    index, versions, layer = scene.image_to_mesh_version, scene.image_to_mesh_versions, context.view_layer
    if context.scene != scene or context.mode != "OBJECT" or not 0 <= index < len(versions):
        return
    mesh, active = versions[index].mesh, layer.objects.active
    showing = [ob for ob in layer.objects if mesh and ob.type == "MESH" and ob.data == mesh and ob.visible_get()]
    if not showing or active in showing:
        return
    for ob in layer.objects.selected:
        ob.select_set(False)
    showing[0].select_set(True)
    layer.objects.active = showing[0]


def register() -> None:
    bpy.utils.register_class(Version)
    bpy.types.Scene.image_to_mesh_versions = bpy.props.CollectionProperty(type=Version)
    bpy.types.Scene.image_to_mesh_version = bpy.props.IntProperty(name="Version", default=-1, update=show)


def unregister() -> None:
    del bpy.types.Scene.image_to_mesh_versions, bpy.types.Scene.image_to_mesh_version
    bpy.utils.unregister_class(Version)
