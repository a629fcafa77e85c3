# SPDX-License-Identifier: GPL-3.0-or-later
"""Fit to the scene: height, floor, another object's place, collection."""

import json
import tempfile
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix
from stage import RESOURCES, activate, cases, choose, extension, generate, overlaps, run, select, settings

CURSOR = (1, 2, 3)


def spans(ob):
    """Least and greatest world coordinates of its vertices."""
    bpy.context.view_layer.update()
    points = np.array([ob.matrix_world @ vertex.co for vertex in ob.data.vertices])
    return points.min(0), points.max(0)


@cases(
    floor=(3.0, "FLOOR", (-0.5, 0.5, 0), (2.5, 3.5, 3)),
    stand=(3.0, "STAND", (-0.5, 0.5, 3), (2.5, 3.5, 6)),
    cursor=(0.0, "CURSOR", (0.5, 1.5, 2.5), (1.5, 2.5, 3.5)),
)
def check_a_mesh_gets_its_height_and_place(height, place, low, high):
    """The double's cube has sides of 1 metre."""
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    bpy.context.scene.cursor.location = CURSOR
    settings().placement.height, settings().placement.place = height, place
    found = spans(generate())
    assert np.allclose(found[0], low, atol=1e-5) and np.allclose(found[1], high, atol=1e-5)


def check_every_result_gets_a_free_place():
    """Beside the default cube, beside each other, at any size; what only touches, hides or surrounds is in no way."""
    bpy.ops.mesh.primitive_plane_add(size=2)  # a sheet on which they stand
    bpy.ops.mesh.primitive_cube_add(size=40)  # a room
    bpy.ops.mesh.primitive_cube_add(size=3, location=(4, 0, 0))
    bpy.context.object.hide_set(True)
    made = []
    for height in (0.0, 3.0, 0.5, 0.0):
        settings().placement.height = height
        made.append(generate())
    bpy.ops.image_to_mesh.again(wait=True)
    made.append(bpy.context.object)
    bpy.context.view_layer.update()
    assert len(set(made)) == 5 and not overlaps([*made, bpy.data.objects["Cube"]])
    assert all(np.allclose(spans(ob)[0][2], 0, atol=1e-5) for ob in made), "they stand at the cursor's height"
    assert all(tuple(ob.scale) == (1, 1, 1) for ob in made) and abs(made[0].location.x - 1.7) < 1e-4
    middles = [(spans(ob)[0] + spans(ob)[1])[:2] / 2 for ob in made]
    assert np.allclose(middles, [ob.location[:2] for ob in made], atol=1e-4), "the origin is at the bottom centre"


def check_twenty_results_of_all_kinds_overlap_nothing():
    """Single ones of several engines, heights and places, four variations, a batch, imports, versions put beside, views
    to a mesh, prompts: 20 jobs, and the default cube."""
    made = []
    for engine, height, place in (
        ("ONE2345", 0.0, "STAND"),
        ("LRM", 1.7, "STAND"),
        ("ZERO123_SDS", 0.3, "FLOOR"),
        ("MAKE_IT_3D", 0.0, "CURSOR"),
    ):
        choose("views")
        settings().engine = engine
        settings().placement.height, settings().placement.place = height, place
        assert bpy.ops.image_to_mesh.generate(wait=True) == {"FINISHED"}
    settings().placement.height, settings().placement.place = 0.0, "STAND"
    settings().engine = "LRM"
    bpy.ops.image_to_mesh.variations(wait=True)
    settings().engine, settings().prompt = "DREAMFUSION", "a red car"
    bpy.ops.image_to_mesh.generate(wait=True)
    bpy.ops.image_to_mesh.again(wait=True, other=True)
    folder = Path(tempfile.mkdtemp(dir=RESOURCES))
    for number in range(7):
        (folder / f"{number}.png").write_text("views")
    settings().engine = "ONE2345"
    bpy.ops.image_to_mesh.generate_files(
        directory=str(folder), files=[{"name": f"{number}.png"} for number in range(7)], wait=True
    )
    imported = Path(extension.last_job().folder)
    (imported / "imported").unlink()
    bpy.ops.image_to_mesh.import_finished(job=imported.name, wait=True)
    select(extension.made()[0])
    settings().views.size, settings().views.rig = 32, "AROUND"
    bpy.ops.image_to_mesh.views_to_mesh(wait=True)
    bpy.ops.image_to_mesh.put_beside()
    bpy.context.view_layer.update()
    made = extension.made()
    assert len(made) == 4 + 4 + 2 + 7 + 1 + 1 + 1, len(made)
    assert not overlaps([*made, bpy.data.objects["Cube"]])


def check_variations_differ_by_their_seed_and_one_is_kept():
    """The others stay in the list of versions, with their meshes."""
    choose("views")
    settings().seed = 5
    bpy.ops.image_to_mesh.variations(wait=True)
    made = extension.made()
    recipes = [json.loads(ob["image_to_mesh_recipe"]) for ob in made]
    assert sorted(recipe["seed"] for recipe in recipes) == [5, 6, 7, 8]
    assert len({recipe["inputs"]["variations"] for recipe in recipes}) == 1
    alone = generate()
    assert not bpy.ops.image_to_mesh.keep_this.poll(), "it is no variation"
    kept = next(ob for ob, recipe in zip(made, recipes, strict=True) if recipe["seed"] == 7)
    select(kept)
    assert bpy.ops.image_to_mesh.keep_this() == {"FINISHED"}
    assert set(extension.made()) == {kept, alone} and len(extension.versions()) == 5
    assert all(version.mesh for version in extension.versions())


def check_a_camera_matches_a_mesh_that_was_scaled_and_moved_to_its_origin():
    """The engine's cube lies around the mesh as before, in the object's own space."""
    settings().placement.height = 2.5
    ob = generate()
    cube = extension.frame.cube_of(ob)
    corners = np.array([vertex.co for vertex in ob.data.vertices])
    back = (np.c_[corners, np.ones(8)] @ np.linalg.inv(cube).T)[:, :3]
    assert np.allclose(np.sort(back, axis=0), [[-0.5] * 3] * 4 + [[0.5] * 3] * 4, atol=1e-5)
    version = extension.versions()[-1]
    assert json.loads(version.recipe) == json.loads(ob["image_to_mesh_recipe"])


def check_selected_meshes_are_fitted_whatever_their_parent():
    ob, parent = generate(), bpy.data.objects.new("Parent", None)
    bpy.context.collection.objects.link(parent)
    parent.location, parent.scale, ob.rotation_euler = (0, 0, 5), (2, 2, 2), (0.5, 0.4, 0)
    ob.parent = parent
    bpy.context.view_layer.update()
    bpy.ops.ed.undo_push(message="Before")
    before, name = np.array(ob.matrix_world), ob.name
    settings().placement.height, settings().placement.place = 1.8, "FLOOR"
    bpy.ops.image_to_mesh.fit()
    low, high = spans(ob)
    assert abs(low[2]) < 1e-5 and abs(high[2] - 1.8) < 1e-5 and np.allclose(ob.scale, 1)
    assert len(extension.versions()) == 1 and extension.versions()[0].mesh != ob.data, "the version keeps its size"
    bpy.ops.ed.undo_push(message="Fit")
    bpy.ops.ed.undo()
    assert np.allclose(np.array(bpy.data.objects[name].matrix_world), before, atol=1e-6)


def check_straighten_turns_a_mesh_to_the_axes_and_its_camera_with_it():
    ob = generate()
    cube = extension.frame.cube_of(ob)
    skew = Matrix.Rotation(0.5, 4, "Z") @ Matrix.Diagonal((2, 1, 1, 1))
    extension.frame.change(ob, np.array(skew))
    bpy.ops.ed.undo_push(message="Before")
    select(ob)
    bpy.ops.image_to_mesh.straighten()
    low, high = spans(ob)
    assert np.allclose(high - low, (2, 1, 1), atol=0.02) and tuple(ob.rotation_euler) == (0, 0, 0)
    turned = np.array(Matrix.Rotation(-0.5, 4, "Z") @ skew) @ cube
    assert np.allclose(extension.frame.cube_of(ob), turned, atol=0.01)
    bpy.ops.image_to_mesh.straighten(angle=np.pi / 2)
    low, high = spans(ob)
    assert np.allclose(high - low, (1, 2, 1), atol=0.02), "a given angle is taken as it is"


def check_a_mesh_takes_the_active_objects_place():
    cube, objects = bpy.data.objects["Cube"], len(bpy.data.objects)
    cube.location, cube.scale = (5, 0, 0), (1, 2, 3)
    cube.modifiers.new("Bevel", "BEVEL")
    old = cube.data
    low, high = spans(cube)
    settings().placement.place = "REPLACE"
    activate(cube)
    bpy.ops.ed.undo_push(message="Before")
    generate()
    cube = bpy.data.objects["Cube"]
    assert len(bpy.data.objects) == objects and cube.modifiers[0].name == "Bevel" and cube.data != old
    now = spans(cube)
    assert np.allclose(now[0], low, atol=1e-4) and np.allclose(now[1], high, atol=1e-4)
    assert old in [version.mesh for version in extension.versions()]
    assert extension.frame.cube_of(cube) is not None and cube.data.color_attributes
    bpy.ops.ed.undo()
    assert len(bpy.data.objects["Cube"].data.materials) == 1 and not extension.made()


def check_a_mesh_goes_into_the_chosen_collection():
    shelf = bpy.data.collections.new("Shelf")
    bpy.context.scene.collection.children.link(shelf)
    settings().placement.collection = shelf
    assert [c.name for c in generate().users_collection] == ["Shelf"]
    bpy.context.scene.collection.children.unlink(shelf)
    assert [c.name for c in generate().users_collection] != ["Shelf"]  # it is not in the scene any more


def check_a_view_turns_to_a_new_mesh_unless_the_artist_has_moved_it():
    [area] = [area for area in bpy.context.window.screen.areas if area.type == "VIEW_3D"][:1]
    view = area.spaces.active.region_3d
    ob = generate()
    low, high = spans(ob)
    assert np.allclose(view.view_location, (low + high) / 2, atol=1e-4)
    choose("views wait:0.3")
    bpy.ops.image_to_mesh.generate()
    view.view_location = (7, 7, 7)
    run(lambda: not extension.is_busy())
    assert np.allclose(view.view_location, 7), "the artist has moved it"
    extension.preferences().frame_new = False
    generate()
    assert np.allclose(view.view_location, 7), "the artist does not want it"
