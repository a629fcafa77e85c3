# SPDX-License-Identifier: GPL-3.0-or-later
"""All that a file holds, as plain values that can be compared."""

import json
import zlib

import bpy
import numpy as np

KINDS = "objects", "meshes", "materials", "images", "cameras", "collections", "scenes", "actions", "worlds"
READ = ("filepath", "source", "prompt", "seed", "engine")  # of the panel's settings


def content():
    """Every data-block by kind and name, described by DESCRIBE."""
    return {kind: {block.name: DESCRIBE[kind](block) for block in getattr(bpy.data, kind)} for kind in KINDS}


def called(block):
    return block and block.name


def sum_of(values, name, width, kind=np.float32):
    found = np.empty(len(values) * width, kind)
    values.foreach_get(name, found)
    return len(values), zlib.crc32(found.tobytes())


def describe_object(ob):
    return (
        (
            called(ob.data),
            called(ob.parent),
            ob.type,
            ob.select_get() if ob.name in bpy.context.view_layer.objects else 0,
        ),
        [tuple(row) for row in ob.matrix_basis] + [tuple(row) for row in ob.matrix_parent_inverse],
        [(m.name, m.type, getattr(m, "vertex_group", ""), getattr(m, "levels", 0)) for m in ob.modifiers],
        [group.name for group in ob.vertex_groups],
        [(slot.link, called(slot.material)) for slot in ob.material_slots],
        [(d.data_path, d.driver.expression) for d in ob.animation_data.drivers] if ob.animation_data else [],
        {key: str(ob[key]) for key in ob.keys()},
        ob.asset_data and (ob.asset_data.description, [tag.name for tag in ob.asset_data.tags]),
    )


def describe_mesh(mesh):
    groups = [(g.group, round(g.weight, 6)) for vertex in mesh.vertices for g in vertex.groups]
    return (
        sum_of(mesh.vertices, "co", 3),
        sum_of(mesh.loops, "vertex_index", 1, np.int32),
        sum_of(mesh.polygons, "use_smooth", 1, bool),
        sum_of(mesh.edges, "use_edge_sharp", 1, bool),
        [(a.name, a.domain, sum_of(a.data, "color_srgb", 4)) for a in mesh.color_attributes],
        [(layer.name, sum_of(layer.uv, "vector", 2)) for layer in mesh.uv_layers],
        [called(material) for material in mesh.materials],
        zlib.crc32(json.dumps(groups).encode()),
    )


def describe_material(material):
    tree = material.node_tree
    nodes = [(n.name, n.type, called(getattr(n, "image", None))) for n in tree.nodes] if tree else []
    return nodes, [(k.from_node.name, k.to_node.name, k.to_socket.name) for k in tree.links] if tree else []


def describe_image(image):
    pixels = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(pixels)
    return tuple(image.size), image.colorspace_settings.name, bool(image.packed_file), zlib.crc32(pixels.tobytes())


def describe_camera(lens):
    return lens.lens, lens.shift_x, lens.sensor_fit, [called(b.image) for b in lens.background_images]


def describe_scene(scene):
    ours, versions = scene.image_to_mesh, scene.image_to_mesh_versions
    return (
        (called(scene.camera), scene.render.engine, scene.render.resolution_x, scene.render.resolution_y),
        sorted(ob.name for ob in scene.objects),
        [
            (v.name, v.recipe, v.thumbnail, called(v.mesh), v.filepath, called(v.image), called(v.dense))
            for v in versions
        ],
        scene.image_to_mesh_version,
        [getattr(ours, name) for name in READ]
        + [called(ours.image), called(ours.drawn), tuple(ours.crop), ours.views.source, ours.one2345.mesh_resolution],
    )


DESCRIBE = {
    "objects": describe_object,
    "meshes": describe_mesh,
    "materials": describe_material,
    "images": describe_image,
    "cameras": describe_camera,
    "collections": lambda collection: sorted(ob.name for ob in collection.objects),
    "scenes": describe_scene,
    "actions": lambda action: len(action.groups) if hasattr(action, "groups") else 0,
    "worlds": lambda world: bool(world.node_tree),
}


def differences(found, expected):
    """The parts of data-blocks that are not as expected."""
    wrong = []
    for kind in KINDS:
        for name in {*found[kind], *expected[kind]}:
            pair = found[kind].get(name, ()), expected[kind].get(name, ())
            if pair[0] != pair[1]:
                parts = zip(*pair, strict=True) if all(type(side) is tuple for side in pair) and all(pair) else [pair]
                wrong += [(kind, name, *(str(side)[:150] for side in part)) for part in parts if part[0] != part[1]]
    return wrong
