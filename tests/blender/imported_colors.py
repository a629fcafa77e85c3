# SPDX-License-Identifier: GPL-3.0-or-later
"""python imported_colors.py FOLDER, with a Python that has bpy: what Blender's importers make of the folder's meshes.

Prints one JSON object: for each file the corners of its triangles, each with its place in the world, the colour
attribute there, sRGB 0..1, or null, and the material's base colour in linear light, or null.
"""

import json
import sys
from pathlib import Path

import bpy


def read(path: Path) -> list:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    operators = {".ply": bpy.ops.wm.ply_import, ".obj": bpy.ops.wm.obj_import, ".glb": bpy.ops.import_scene.gltf}
    operators[path.suffix](filepath=str(path))
    bpy.context.view_layer.update()
    graph = bpy.context.evaluated_depsgraph_get()
    meshes = [ob for ob in bpy.context.scene.objects if ob.type == "MESH" and not ob.name.startswith("Icosphere")]
    return [corner for ob in meshes for corner in corners(ob.evaluated_get(graph))]


def corners(ob: bpy.types.Object) -> list:
    mesh = ob.to_mesh()
    mesh.calc_loop_triangles()
    found, attribute = [], next(iter(mesh.color_attributes), None)
    for triangle in mesh.loop_triangles:
        for loop, vertex in zip(triangle.loops, triangle.vertices, strict=True):
            color = None
            if attribute is not None:
                color = list(attribute.data[vertex if attribute.domain == "POINT" else loop].color_srgb)
            place = ob.matrix_world @ mesh.vertices[vertex].co
            found.append([list(place), color, base_color(mesh, triangle.material_index)])
    return found


def base_color(mesh: bpy.types.Mesh, index: int) -> list | None:
    material = mesh.materials[index] if index < len(mesh.materials) else None
    if material is None or not material.use_nodes:
        return None
    [shader] = [node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED"]
    return list(shader.inputs["Base Color"].default_value)


if __name__ == "__main__":
    out = {
        path.name: read(path) for path in sorted(Path(sys.argv[1]).iterdir()) if path.suffix in (".ply", ".obj", ".glb")
    }
    print("\n" + json.dumps(out))
