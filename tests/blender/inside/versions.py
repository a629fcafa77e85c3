# SPDX-License-Identifier: GPL-3.0-or-later
"""The versions that a scene remembers: again, another seed, back, side by side, deleted, saved."""

import json
from itertools import pairwise

import bpy
import numpy as np
from stage import RESOURCES, choose, made, module, raises, settings, the_session, use_double


def versions():
    return bpy.context.scene.image_to_mesh_versions


def seeds():
    return [json.loads(version.recipe)["seed"] for version in versions()]


def pick(index):
    bpy.context.scene.image_to_mesh_version = index


def content(ob):
    """All that an object has of its own."""
    return (
        ob.name,
        tuple(map(tuple, ob.matrix_world)),
        ob.parent and ob.parent.name,
        sorted(collection.name for collection in ob.users_collection),
        [(modifier.name, modifier.type, getattr(modifier, "count", None)) for modifier in ob.modifiers],
        [(group.name, group.index) for group in ob.vertex_groups],
    )


def check_each_result_is_remembered_and_can_be_made_again():
    bpy.ops.wm.read_homefile()
    use_double()
    choose("views")
    settings().seed = 3
    bpy.ops.image_to_mesh.generate(wait=True)
    bpy.ops.image_to_mesh.again(wait=True)
    bpy.ops.image_to_mesh.again(wait=True, other=True)
    bpy.ops.image_to_mesh.again(wait=True, other=True)
    assert seeds() == [3, 3, 0, 1] and len(made()) == 4
    first, second = (json.loads(version.recipe) for version in versions()[:2])
    assert first["parameters"] == second["parameters"] and first["job"] != second["job"]
    assert [version.mesh for version in versions()] == [ob.data for ob in sorted(made(), key=lambda ob: ob.name)]
    assert bpy.context.scene.image_to_mesh_version == 3


def check_a_thumbnail_shows_the_mesh_from_its_front_right():
    """The double's cube is red on the right: of what is seen, the front's right edge and all the right side."""
    picture = module("addon.base.thumbnail").decode(versions()[0].thumbnail).astype(int)
    assert picture.shape == (96, 96, 3) and (picture[0, 0] == 48).all(), "the corner is backdrop"
    left, right = picture[40:60, 15:30], picture[40:60, 65:80]
    assert right[..., 0].mean() > left[..., 0].mean() + 60, (left.mean((0, 1)), right.mean((0, 1)))
    icons = the_session().icons
    icons.thumbnail_id(versions()[0].thumbnail)  # without a window there are no numbers of icons
    [icon] = [icon for icon in icons.previews.values() if tuple(icon.image_size) == (96, 96)]
    first = np.array(icon.image_pixels[:], np.int32).view(np.uint8).reshape(96, 96, 4)[::-1]
    assert (first[..., :3] == picture).all() and icons.thumbnail_id("no picture") == 0


def check_going_back_changes_nothing_but_the_mesh():
    ob = made()[0]
    bpy.ops.mesh.primitive_cube_add()
    parent = bpy.context.object
    other = bpy.data.collections.new("Other")
    bpy.context.scene.collection.children.link(other)
    other.objects.link(ob)
    ob.parent, ob.location, ob.rotation_euler, ob.scale = parent, (1, 2, 3), (0.1, 0.2, 0.3), (1, 2, 1)
    ob.modifiers.new("Two", "ARRAY").count = 3
    bpy.context.view_layer.update()
    before, edited = content(ob), ob.data.copy()
    ob.data, bpy.context.view_layer.objects.active = edited, ob
    pick(2)
    bpy.ops.image_to_mesh.go_back()
    bpy.context.view_layer.update()
    assert content(ob) == before and ob.data == versions()[2].mesh
    assert json.loads(ob["image_to_mesh_recipe"])["seed"] == 0
    assert versions()[4].mesh == edited, "what was edited became a version"
    pick(4)
    bpy.ops.image_to_mesh.go_back()
    assert ob.data == edited and len(versions()) == 5


def check_versions_stand_side_by_side_without_touching():
    bpy.ops.object.select_all(action="DESELECT")
    ob = made()[1]
    ob.location, ob.scale = (10, 20, 30), (2, 2, 2)
    bpy.context.view_layer.objects.active = ob
    bpy.context.view_layer.update()
    spans = [module("addon.scene.versions").span(ob)]
    for index in (0, 2):
        pick(index)
        bpy.ops.image_to_mesh.put_beside()
        new = bpy.context.object
        assert new.data == versions()[index].mesh and tuple(new.location)[1:] == (20, 30)
        spans.append(module("addon.scene.versions").span(new))
    assert all(right[0] - left[1] >= 0.1 for left, right in pairwise(spans)), spans


def check_undo_and_redo_of_versions():
    count = len(versions())
    bpy.ops.ed.undo_push(message="Before")
    pick(1)
    bpy.ops.image_to_mesh.forget()
    bpy.ops.ed.undo_push(message="Delete Version")
    assert len(versions()) == count - 1
    bpy.ops.ed.undo()
    assert len(versions()) == count and all(version.mesh for version in versions())
    bpy.ops.ed.redo()
    assert len(versions()) == count - 1


def check_versions_survive_saving_and_opening():
    path = str(RESOURCES / "versions.blend")
    before = [(v.name, v.recipe, v.thumbnail, len(v.mesh.vertices)) for v in versions()]
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.read_homefile()
    assert not len(versions())
    bpy.ops.wm.open_mainfile(filepath=path)
    assert [(v.name, v.recipe, v.thumbnail, len(v.mesh.vertices)) for v in versions()] == before
    use_double()
    pick(0)
    bpy.ops.image_to_mesh.again(wait=True)
    assert len(versions()) == len(before) + 1
    corners = np.array([v.co for v in versions()[-1].mesh.vertices])
    assert np.allclose(corners, [v.co for v in versions()[0].mesh.vertices])


def check_what_cannot_be_made_again_says_why():
    pick(0)
    version = versions()[0]
    version.filepath = ""
    assert not bpy.ops.image_to_mesh.again.poll()
    assert "image" in module("addon.scene.versions").not_repeatable(version)
    version.filepath = "//gone.png"
    raises(bpy.ops.image_to_mesh.again, "gone.png", wait=True)
    for recipe in ("", "[]", "{", '{"engine": "unheard of"}'):
        version.recipe = recipe
        assert not bpy.ops.image_to_mesh.again.poll()
    version.recipe = '{"engine": "one2345", "parameters": {"mesh_resolution": -5}}'
    raises(bpy.ops.image_to_mesh.again, "another version", wait=True)
