# SPDX-License-Identifier: GPL-3.0-or-later
"""Ready to use: fewer faces, quads, sharp edges, an asset, and files that keep the colours."""

import json
import math

import bmesh
import bpy
import numpy as np
from objects import (
    BLUE,
    RADIUS,
    RED,
    assert_has_two_colors,
    assert_is_the_ball,
    ball_of_two_colors,
    entangled_ball,
    positions,
    traits,
)
from stage import RESOURCES, cases, extension, raises, select, settings


def check_decimating_keeps_shape_colors_and_the_object():
    ob = ball_of_two_colors()
    ob.modifiers.new("Wave", "WAVE")
    ob.scale, name, before = (1, 2, 3), ob.name, ob.data
    settings().finish.faces = 2000
    bpy.ops.image_to_mesh.decimate()
    assert ob.name == name and tuple(ob.scale) == (1, 2, 3) and [m.type for m in ob.modifiers] == ["WAVE"]
    assert 1900 < len(ob.data.polygons) <= 2000 and len(before.polygons) == 5120
    assert_is_the_ball(ob.data)
    assert [v.mesh for v in extension.versions()] == [before, ob.data]
    assert len(ob.data.materials) == 1 and not ob.data.validate()
    raises(bpy.ops.image_to_mesh.decimate, "has only")


def check_remeshing_gives_quads_with_the_colors():
    ob = ball_of_two_colors(4)
    settings().finish.faces = 600
    bpy.ops.image_to_mesh.quad_remesh()
    sides = [len(polygon.vertices) for polygon in ob.data.polygons]
    assert set(sides) == {4} and 300 < len(sides) < 1200, (set(sides), len(sides))
    assert_is_the_ball(ob.data, 0.04)
    assert ob.data.attributes.active_color_name == "Color" and len(ob.data.materials) == 1
    assert all(polygon.use_smooth for polygon in ob.data.polygons)


@cases(short=(1e-4,), shorter=(1e-5,))
def check_remeshing_accepts_the_tiny_edges_of_marching_cubes(share):
    """Blender refuses edges below 0.1 mm with a warning, which no script sees."""
    ob = ball_of_two_colors(4)
    made = bmesh.new()
    made.from_mesh(ob.data)
    for edge in list(made.edges)[:5]:
        bmesh.utils.edge_split(edge, edge.verts[0], share)
    bmesh.ops.triangulate(made, faces=made.faces)
    made.to_mesh(ob.data)
    made.free()
    old = ob.data
    assert min((old.vertices[a].co - old.vertices[b].co).length for a, b in old.edge_keys) < 1e-5
    settings().finish.faces = 600
    bpy.ops.image_to_mesh.quad_remesh()
    assert {len(polygon.vertices) for polygon in ob.data.polygons} == {4} and ob.data != old
    assert_is_the_ball(ob.data, 0.04)


@cases(decimate=("decimate",), quad_remesh=("quad_remesh",))
def check_a_lighter_mesh_leaves_the_object_as_it_is(operator):
    """Its modifiers, parent, driver, materials, and its vertex group, by weight."""
    make_lighter, ob = getattr(bpy.ops.image_to_mesh, operator), entangled_ball()
    before, old, settings().finish.faces = traits(ob), ob.data, 60
    assert make_lighter() == {"FINISHED"}
    assert traits(ob) == before and ob.data != old
    assert bpy.data.objects["Twin"].data == old
    inside = np.array([bool(vertex.groups) and vertex.groups[0].weight > 0.5 for vertex in ob.data.vertices])
    heights = positions(ob.data)[:, 2]
    assert inside[heights > 0.3].all() and not inside[heights < -0.1].any()
    ob.shape_key_add(name="Basis")
    raises(make_lighter, "shape keys")


def check_a_mesh_without_faces_cannot_be_remeshed():
    bpy.ops.mesh.primitive_circle_add(fill_type="NOTHING")
    assert not bpy.ops.image_to_mesh.quad_remesh.poll()


def check_an_open_surface_is_refused_and_stays():
    bpy.ops.mesh.primitive_cube_add()
    ob, mesh = bpy.context.object, bpy.context.object.data
    made = bmesh.new()
    made.from_mesh(mesh)
    extra = made.verts.new((0, 0, 5))
    made.faces.new([*next(iter(made.edges)).verts, extra])  # an edge of three faces
    made.to_mesh(mesh)
    made.free()
    raises(bpy.ops.image_to_mesh.quad_remesh, "QuadriFlow")
    assert ob.data == mesh and len(mesh.polygons) == 7


@cases(sharper=(89, 12), flatter=(91, 0))
def check_smooth_by_angle_marks_the_edges_that_are_sharper(angle_deg, count):
    bpy.ops.mesh.primitive_cube_add()
    mesh = bpy.context.object.data
    settings().finish.angle = math.radians(180 - angle_deg)  # the other way first: its marks must not stay
    bpy.ops.image_to_mesh.smooth_by_angle()
    settings().finish.angle = math.radians(angle_deg)
    bpy.ops.image_to_mesh.smooth_by_angle()
    assert sum(edge.use_edge_sharp for edge in mesh.edges) == count
    assert all(polygon.use_smooth for polygon in mesh.polygons)


def check_an_asset_has_its_preview():
    ob = ball_of_two_colors(3)
    ob["image_to_mesh_recipe"] = json.dumps({"engine": "dreamfusion", "inputs": {"prompt": "a ball"}})
    bpy.ops.image_to_mesh.mark_asset()
    bpy.ops.image_to_mesh.mark_asset()
    assert ob.asset_data.description == "a ball" and [t.name for t in ob.asset_data.tags] == ["Image to Mesh"]
    pixels = np.array(ob.preview.image_pixels[:], np.int32).view(np.uint8).reshape(*ob.preview.image_size, 4)
    left, right = pixels[48, 20].astype(int), pixels[48, 76].astype(int)
    assert left[2] > left[0] + 60 and right[0] > right[2] + 60


def check_gltf_keeps_the_colors():
    """Read as glTF's specification says."""
    select(ball_of_two_colors(3))
    path = RESOURCES / "ball.glb"
    bpy.ops.export_scene.gltf(filepath=str(path), use_selection=True)
    points, colors = read_gltf(path.read_bytes())
    assert np.abs(np.linalg.norm(points, axis=1) - RADIUS).max() < 1e-3
    right, left = colors[points[:, 0] > 0.05].mean(0), colors[points[:, 0] < -0.05].mean(0)
    assert np.allclose(to_srgb(right[:3]), np.array(RED[:3]) / 255, atol=0.02)
    assert np.allclose(to_srgb(left[:3]), np.array(BLUE[:3]) / 255, atol=0.02)


@cases(fbx=("fbx",), usd=("usdc",))
def check_exported_files_keep_the_colors(ending):
    """Read by Blender's importers, which are other code than its exporters."""
    select(ball_of_two_colors(3))
    path = str(RESOURCES / f"ball.{ending}")
    before = set(bpy.data.objects)
    if ending == "fbx":
        bpy.ops.export_scene.fbx(filepath=path, use_selection=True)
        bpy.ops.import_scene.fbx(filepath=path)
    else:
        bpy.ops.wm.usd_export(filepath=path, selected_objects_only=True)
        bpy.ops.wm.usd_import(filepath=path)
    [back] = [new for new in set(bpy.data.objects) - before if new.type == "MESH"]
    bpy.context.view_layer.update()
    world = np.array(back.matrix_world)
    points = positions(back.data) @ world[:3, :3].T + world[:3, 3]
    assert_has_two_colors(points, extension.mesh_export.read_colors(back.data), 8)


def read_gltf(data):
    """Positions (N, 3) and linear colours 0..1 (N, C) of the only mesh in a .glb's bytes."""
    length = int.from_bytes(data[12:16], "little")
    tree, binary = json.loads(data[20 : 20 + length]), data[28 + length :]
    attributes = tree["meshes"][0]["primitives"][0]["attributes"]

    def read(name):
        accessor = tree["accessors"][attributes[name]]
        view = tree["bufferViews"][accessor["bufferView"]]
        kind = {5121: np.uint8, 5123: np.uint16, 5126: np.float32}[accessor["componentType"]]
        width = {"VEC3": 3, "VEC4": 4}[accessor["type"]]
        start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        values = np.frombuffer(binary, kind, accessor["count"] * width, start).reshape(-1, width)
        return values if kind == np.float32 else values / np.iinfo(kind).max

    return read("POSITION"), read("COLOR_0")


def to_srgb(linear):
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)
