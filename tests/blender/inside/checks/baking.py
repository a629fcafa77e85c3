# SPDX-License-Identifier: GPL-3.0-or-later
"""Textures and normal maps baked in Blender, against colours and normals of closed form, and against renders."""

import json

import bpy
import numpy as np
from objects import entangled_ball, paint, positions, traits
from renders import pixels_of, render
from stage import RESOURCES, activate, cases, extension, generate, raises, select, settings

KINDS = "objects", "meshes", "materials", "images", "scenes", "cameras", "worlds"
ABOVE = (0, 0, 5), (0, 0, 0)


def counts():
    return {kind: len(getattr(bpy.data, kind)) for kind in KINDS}


def node_of(ob, kind):
    return next((node for node in ob.material_slots[0].material.node_tree.nodes if node.type == kind), None)


def texture_of(material):
    """The image that colours a material."""
    surface = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    return surface.inputs["Base Color"].links[0].from_node.image


def sheet(count, height):
    """A sheet [-1, 1]^2 of count x count vertices at z = height(x, y), smooth."""
    x, y = np.meshgrid(np.linspace(-1, 1, count), np.linspace(-1, 1, count))
    number = np.arange(count * count).reshape(count, count)
    faces = np.stack([number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]], -1).reshape(-1, 4)
    mesh = bpy.data.meshes.new("Sheet")
    mesh.from_pydata(np.stack([x, y, height(x, y)], -1).reshape(-1, 3).tolist(), [], faces.tolist())
    mesh.shade_smooth()
    ob = bpy.data.objects.new("Sheet", mesh)
    bpy.context.collection.objects.link(ob)
    select(ob)
    return ob


def lumpy_ball(subdivisions):
    """A colourful ball with lumps, smooth, without a UV map, selected."""
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=subdivisions)
    ob = bpy.context.object
    for layer in list(ob.data.uv_layers):
        ob.data.uv_layers.remove(layer)
    points = positions(ob.data)
    radius = 0.9 * (1 + 0.03 * np.sin(11 * points[:, 0]) * np.sin(12 * points[:, 1]) * np.sin(10 * points[:, 2] + 1))
    ob.data.vertices.foreach_set("co", (points * radius[:, None]).astype(np.float32).reshape(-1))
    ob.data.shade_smooth()
    colors = np.full((len(points), 4), 255)
    colors[:, :3] = 128 + 100 * np.sin(points @ np.array([[4.0, 1, 0], [0, 5, 2], [1, 0, 3]]))
    paint(ob, colors.astype(np.uint8), "Lumpy")
    select(ob)
    return ob


def add_sun():
    """A light from the side, which shows bumps."""
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    sun.rotation_euler, sun.data.energy = (0.9, 0, 0.6), 3
    bpy.context.scene.collection.objects.link(sun)
    return sun


def look(ob, sun):
    """sRGB (48, 48, 3) of the object alone, from above."""
    return render(ob, seen_from=ABOVE, span=2.2, size=(48, 48), samples=8, lights=[sun])[..., :3]


def check_a_normal_map_shows_the_slopes_of_a_wave():
    """z = a sin(5 x) sin(4 y) over a flat sheet: the normal is (-dz/dx, -dz/dy, 1), and the UV map's axes are x, y."""
    dense = sheet(161, lambda x, y: 0.05 * np.sin(5 * x) * np.sin(4 * y))
    flat = sheet(3, lambda x, y: 0 * x)
    uv = flat.data.uv_layers.new(name="Mine").uv
    corner = np.empty(len(flat.data.loops), np.int32)
    flat.data.loops.foreach_get("vertex_index", corner)
    uv.foreach_set("vector", (positions(flat.data)[corner, :2] / 2 + 0.5).astype(np.float32).reshape(-1))
    settings().finish.map_size = "512"
    raises(bpy.ops.image_to_mesh.bake_normal_map, "No denser mesh", "Select it too")
    dense.select_set(True)
    flat.scale = dense.scale = (3, 3, 3)
    bpy.context.view_layer.update()
    before, scene = counts(), bpy.context.window.scene
    assert bpy.ops.image_to_mesh.bake_normal_map() == {"FINISHED"}
    assert bpy.context.window.scene == scene and scene.render.engine != "CYCLES" and bpy.context.object == flat
    added = {kind: counts()[kind] - before[kind] for kind in KINDS if counts()[kind] != before[kind]}
    assert added == {"meshes": 1, "materials": 1, "images": 1}, added
    image, bend = node_of(flat, "TEX_IMAGE").image, node_of(flat, "NORMAL_MAP")
    assert image.colorspace_settings.name == "Non-Color" and image.packed_file and tuple(image.size) == (512, 512)
    assert bend.space == "TANGENT" and bend.outputs[0].links[0].to_socket.name == "Normal"
    x, y = np.meshgrid(*2 * [(np.arange(512) + 0.5) / 256 - 1])
    slopes = [0.25 * np.cos(5 * x) * np.sin(4 * y), 0.2 * np.sin(5 * x) * np.cos(4 * y)]
    true = np.stack([-slopes[0], -slopes[1], np.ones_like(x)], -1)
    true /= np.linalg.norm(true, axis=-1, keepdims=True)
    found = pixels_of(image)[::-1, :, :3] * 2 - 1
    assert np.abs(found - true).mean() < 0.006 and np.abs(found - true)[4:-4, 4:-4].max() < 0.03


def check_a_decimated_mesh_looks_like_the_dense_one_with_its_maps():
    """The texture first, whose colours are the dense mesh's too."""
    ob, sun = lumpy_ball(6), add_sun()
    dense = look(ob, sun)
    settings().finish.faces, settings().finish.map_size = 1200, "512"
    bpy.ops.image_to_mesh.decimate()
    pictures = [look(ob, sun)]
    assert bpy.ops.image_to_mesh.bake_texture() == {"FINISHED"}
    pictures.append(look(ob, sun))
    assert bpy.ops.image_to_mesh.bake_normal_map() == {"FINISHED"}
    pictures.append(look(ob, sun))
    seen = dense.max(-1) > 0
    coarse, colored, bent = (np.abs(picture - dense)[seen].mean() for picture in pictures)
    assert bent < 0.4 * colored and bent < 0.4 * coarse, (coarse, colored, bent)
    assert texture_of(ob.material_slots[0].material).name == f"{ob.name} Texture"
    assert node_of(ob, "NORMAL_MAP") and len(ob.data.polygons) <= 1200
    names = [version.name for version in extension.versions()]
    assert names[2:] == [f"{ob.name}, texture", f"{ob.name}, normal map"]


def ball_with_maps():
    """A ball of few faces with a texture and a normal map, selected."""
    ob = lumpy_ball(4)
    settings().finish.faces, settings().finish.map_size = 400, "512"
    bpy.ops.image_to_mesh.decimate()
    assert bpy.ops.image_to_mesh.bake_texture() == {"FINISHED"}
    assert bpy.ops.image_to_mesh.bake_normal_map() == {"FINISHED"}
    return ob


def check_gltf_has_both_maps():
    """Read as glTF's specification says."""
    ball_with_maps()
    path = RESOURCES / "maps.glb"
    bpy.ops.export_scene.gltf(filepath=str(path), use_selection=True)
    data = path.read_bytes()
    tree = json.loads(data[20 : 20 + int.from_bytes(data[12:16], "little")])
    [material] = tree["materials"]
    assert "baseColorTexture" in material["pbrMetallicRoughness"] and "normalTexture" in material
    assert len(tree["images"]) == 2 and "TEXCOORD_0" in tree["meshes"][0]["primitives"][0]["attributes"]


@cases(fbx=("fbx",), usd=("usdc",))
def check_exported_files_have_both_maps(ending):
    """Read by Blender's importers, which are other code than its exporters."""
    texture = pixels_of(texture_of(ball_with_maps().material_slots[0].material))
    path, before = str(RESOURCES / f"maps.{ending}"), set(bpy.data.objects)
    if ending == "fbx":
        bpy.ops.export_scene.fbx(filepath=path, use_selection=True, path_mode="COPY", embed_textures=True)
        bpy.ops.import_scene.fbx(filepath=path)
    else:
        bpy.ops.wm.usd_export(filepath=path, selected_objects_only=True)
        bpy.ops.wm.usd_import(filepath=path)
    [back] = [new for new in set(bpy.data.objects) - before if new.type == "MESH"]
    [material] = back.data.materials
    assert np.abs(pixels_of(texture_of(material)) - texture)[..., :3].mean() < 0.005
    surface = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    assert surface.inputs["Normal"].links[0].from_node.type == "NORMAL_MAP" and back.data.uv_layers


def check_a_texture_looks_as_the_vertex_colors_do():
    ob, sun = lumpy_ball(5), add_sun()
    before = look(ob, sun)
    settings().finish.map_size = "1024"
    assert bpy.ops.image_to_mesh.bake_texture() == {"FINISHED"}
    assert not node_of(ob, "NORMAL_MAP")
    image = texture_of(ob.material_slots[0].material)
    assert image.colorspace_settings.name == "sRGB" and image.packed_file and tuple(image.size) == (1024, 1024)
    [layer] = ob.data.uv_layers
    uv = np.empty(2 * len(ob.data.loops), np.float32)
    layer.uv.foreach_get("vector", uv)
    assert uv.min() >= 0 and uv.max() <= 1 and layer.name == "UVMap"
    assert np.abs(look(ob, sun) - before)[before.max(-1) > 0].mean() < 0.005
    assert not ob.data.validate()


def check_only_the_mesh_of_the_object_gets_the_texture():
    """No other object with the same data gets it, nor the version before, nor the object's material elsewhere."""
    ob = entangled_ball()
    select(ob)
    twin = bpy.data.objects.new("Twin", ob.data)
    bpy.context.collection.objects.link(twin)
    ob.material_slots[0].link = "OBJECT"
    ob.material_slots[0].material = own = bpy.data.materials.new("Own")
    extension.compat.enable_nodes(own)
    old, places_before, before = ob.data, positions(ob.data), traits(ob)
    assert bpy.ops.image_to_mesh.bake_texture() == {"FINISHED"}
    after = traits(ob)
    assert after.pop("materials") != before.pop("materials") and after == before
    assert (positions(ob.data) == places_before).all() and twin.data == old != ob.data
    assert old.materials[0].name == "Mine" and node_of(ob, "TEX_IMAGE") and not own.node_tree.nodes.get("Image Texture")
    color = pixels_of(node_of(ob, "TEX_IMAGE").image)[..., :3]
    assert (np.abs(color - 0.906).max(-1) < 0.01).mean() > 0.9  # of the Principled BSDF's base colour 0.8 as sRGB


def bare_cube():
    """The scene's cube, active, without a material."""
    cube = bpy.data.objects["Cube"]
    cube.data.materials.clear()
    select(cube)
    return cube


def check_a_mesh_without_colors_cannot_be_baked():
    cube, before = bare_cube(), counts()
    raises(bpy.ops.image_to_mesh.bake_texture, "neither colors")
    assert counts() == before and not cube.data.uv_layers[1:]


def check_a_material_that_cannot_be_baked_is_named():
    cube, material = bare_cube(), bpy.data.materials.new("Glow")
    extension.compat.enable_nodes(material)
    material.node_tree.nodes.clear()
    cube.data.materials.append(material)
    before = counts()
    raises(bpy.ops.image_to_mesh.bake_texture, "Glow", "Principled")
    assert counts() == before and not cube.data.uv_layers[1:]


def check_a_light_cannot_be_baked():
    activate(bpy.data.objects["Light"])
    assert not bpy.ops.image_to_mesh.bake_texture.poll()


def check_a_baked_texture_is_what_solid_views_show():
    """A normal map is no colour; a texture replaces the node of the vertex colours."""
    generate("grid:400")
    [area] = [area for area in bpy.context.window.screen.areas if area.type == "VIEW_3D"][:1]
    shading = area.spaces.active.shading
    assert shading.color_type == "VERTEX"
    settings().finish.faces = 100
    bpy.ops.image_to_mesh.decimate()
    bpy.ops.image_to_mesh.bake_normal_map()
    assert shading.color_type == "VERTEX"
    bpy.ops.image_to_mesh.bake_texture()
    assert shading.color_type == "TEXTURE"
    nodes = bpy.context.object.data.materials[0].node_tree.nodes
    assert nodes.active.type == "TEX_IMAGE" and nodes.active.image.name.endswith("Texture")
    assert not [node for node in nodes if node.type == "VERTEX_COLOR"]
    shading.color_type = "RANDOM"
    generate()
    assert shading.color_type == "RANDOM", "the artist's own choice stays"


def uv_of(mesh):
    """The corners' UV coordinates float32 (L, 2)."""
    uv = np.empty(2 * len(mesh.loops), np.float32)
    mesh.uv_layers.active.uv.foreach_get("vector", uv)
    return uv.reshape(-1, 2)


def count_islands(mesh):
    """Parts of the UV map that hang together, walked over edges whose two sides lie at one place."""
    uv, sides, face_of = uv_of(mesh), {}, {}
    parent = list(range(len(mesh.polygons)))

    def root(face):
        while parent[face] != face:
            face = parent[face]
        return face

    for face in mesh.polygons:
        for number in range(face.loop_total):
            a, b = face.loop_start + number, face.loop_start + (number + 1) % face.loop_total
            ends = sorted((mesh.loops[loop].vertex_index, *uv[loop].round(5)) for loop in (a, b))
            sides.setdefault(mesh.loops[a].edge_index, []).append(ends)
            face_of.setdefault(mesh.loops[a].edge_index, []).append(face.index)
    for edge, ends in sides.items():
        if len(ends) == 2 and np.allclose(ends[0], ends[1], atol=1e-4):
            parent[root(face_of[edge][0])] = root(face_of[edge][1])
    return len({root(face) for face in parent})


def check_the_islands_of_a_baked_texture_are_few_and_apart():
    """A lumpy ball; Smart UV Project makes many more. Areas of islands add up only if none overlap: texels are counted
    once by the picture of the map."""
    ob = lumpy_ball(5)
    settings().finish.map_size = "512"
    bpy.ops.image_to_mesh.bake_texture()
    assert 6 <= count_islands(ob.data) <= 12 < len(ob.data.polygons) / 400
    corners = uv_of(ob.data).reshape(-1, 3, 2).astype(np.float64)
    (ax, ay), (bx, by) = (corners[:, 1] - corners[:, 0]).T, (corners[:, 2] - corners[:, 0]).T
    signed = (ax * by - ay * bx) / 2
    assert (signed > 0).mean() > 0.999, "turned over"
    points = np.random.default_rng(0).random((4000, 2))
    hits = np.zeros(len(points), int)
    for corner, area in zip(corners, signed, strict=True):
        near = np.flatnonzero((points >= corner.min(0)).all(1) & (points <= corner.max(0)).all(1))
        a, b, c = (corner[i] - points[near] for i in range(3))
        parts = [p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0] for p, q in ((a, b), (b, c), (c, a))]
        hits[near] += (np.sign(area) * np.array(parts) > 1e-9).all(0)
    assert hits.max() == 1 and abs(hits.mean() - signed.sum()) < 0.04 and signed.sum() > 0.35


def check_materials_do_not_pile_up_and_have_no_loose_nodes():
    """Over Decimate, Texture, Normal Map and both again: each version keeps a material of its own, named after what it
    shows; nodes that lead nowhere are gone."""
    ob = generate("grid:2500")
    first, settings().finish.map_size = ob.data.materials[0], "512"
    settings().finish.faces = 500
    bpy.ops.image_to_mesh.decimate()
    assert ob.data.materials[0] == first
    for title in ("bake_texture", "bake_normal_map"):
        getattr(bpy.ops.image_to_mesh, title)()
    names = [version.mesh.materials[0].name for version in extension.versions()]
    assert names == [first.name, first.name, f"{first.name} Texture", f"{first.name} Normal Map"], names
    assert [node.type for node in first.node_tree.nodes if node.type == "VERTEX_COLOR"], "versions before keep theirs"
    bpy.ops.image_to_mesh.bake_texture()
    bpy.ops.image_to_mesh.bake_normal_map()
    for material in {version.mesh.materials[0] for version in extension.versions()}:
        for node in material.node_tree.nodes:
            assert node.type == "OUTPUT_MATERIAL" or any(output.is_linked for output in node.outputs), node.name
    kinds = sorted(node.type for node in ob.data.materials[0].node_tree.nodes)
    assert kinds == ["BSDF_PRINCIPLED", "NORMAL_MAP", "OUTPUT_MATERIAL", "TEX_IMAGE", "TEX_IMAGE"]


def check_remeshing_a_textured_mesh_takes_the_material_of_its_colors():
    """Quads have no UV map, in which a texture would lie."""
    ob = lumpy_ball(4)
    colored = ob.data.materials[0]
    settings().finish.map_size, settings().finish.faces = "512", 600
    bpy.ops.image_to_mesh.bake_texture()
    assert ob.data.materials[0] != colored
    bpy.ops.image_to_mesh.quad_remesh()
    assert list(ob.data.materials) == [colored]


def check_solid_views_show_the_colors_of_each_version():
    """Where textures are shown, a mesh without one would be of a single color."""
    ob = lumpy_ball(4)
    area = next(area for area in bpy.context.window.screen.areas if area.type == "VIEW_3D")
    settings().finish.faces, settings().finish.map_size = 600, "512"
    bpy.ops.image_to_mesh.bake_texture()
    assert area.spaces.active.shading.color_type == "TEXTURE"
    bpy.ops.image_to_mesh.quad_remesh()
    assert area.spaces.active.shading.color_type == "VERTEX"
    bpy.ops.image_to_mesh.before_after()
    assert area.spaces.active.shading.color_type == "TEXTURE" and ob.data.uv_layers


def check_baking_that_is_stopped_leaves_nothing_behind():
    """After each of the parts of an image of 1024."""
    ob = lumpy_ball(4)
    for parts in range(4):
        before, mesh = counts(), ob.data
        detail = extension.bake.own_source(ob)
        work = extension.bake.bake(bpy.context.scene, ob, detail, 1024, False)
        told = [next(work) for _ in range(parts + 1)]
        assert told == [(part + 1, 4) for part in range(parts + 1)]
        work.close()
        assert counts() == before and ob.data == mesh and bpy.context.object == ob
        assert not len(extension.versions())


def check_empty_texels_take_the_colors_of_what_is_near():
    pixels = np.zeros((8, 8, 4), np.float32)
    pixels[:4, :4] = (1, 0, 0, 1)
    pixels[6, 6] = (0, 0, 1, 1)
    filled = extension.baking.filled(pixels)
    assert (filled[..., 3] == 1).all() and (filled[:4, :4, :3] == (1, 0, 0)).all()
    assert (filled[6:, 6:, :3] == (0, 0, 1)).all() and (filled[4:, 4:, :3] == (0, 0, 1)).all()
