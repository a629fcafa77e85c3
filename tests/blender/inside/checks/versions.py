# SPDX-License-Identifier: GPL-3.0-or-later
"""The versions that a scene remembers: made again, gone back to, put side by side, deleted, saved."""

import json
import re
from itertools import pairwise
from pathlib import Path

import bpy
import numpy as np
from stage import RESOURCES, activate, cases, extension, generate, raises, select, settings


def seeds():
    return [json.loads(version.recipe)["seed"] for version in extension.versions()]


def pick(index):
    bpy.context.scene.image_to_mesh_version = index


def four_versions():
    """Meshes of one image with the seeds 3, 3, 0, 1."""
    settings().seed = 3
    generate()
    bpy.ops.image_to_mesh.again(wait=True)
    bpy.ops.image_to_mesh.again(wait=True, other=True)
    bpy.ops.image_to_mesh.again(wait=True, other=True)


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
    four_versions()
    made, versions = extension.made(), extension.versions()
    assert seeds() == [3, 3, 0, 1] and len(made) == 4
    first, second = (json.loads(version.recipe) for version in versions[:2])
    assert first["parameters"] == second["parameters"] and first["job"] != second["job"]
    assert [version.mesh for version in versions] == [ob.data for ob in sorted(made, key=lambda ob: ob.name)]
    assert bpy.context.scene.image_to_mesh_version == 3


def check_a_thumbnail_shows_the_mesh_from_its_front_right():
    """The double's cube is red on the right: the front's right edge and all of the right side are red."""
    generate()
    [version] = extension.versions()
    picture = extension.thumbnail.decode(version.thumbnail).astype(int)
    assert picture.shape == (96, 96, 3) and (picture[0, 0] == 48).all(), "the corner is backdrop"
    left, right = picture[40:60, 15:30], picture[40:60, 65:80]
    assert right[..., 0].mean() > left[..., 0].mean() + 60, (left.mean((0, 1)), right.mean((0, 1)))
    icons = extension.session().icons
    icons.thumbnail_id(version.thumbnail)  # without a window there are no numbers of icons
    [icon] = [icon for icon in icons.previews.values() if tuple(icon.image_size) == (96, 96)]
    first = np.array(icon.image_pixels[:], np.int32).view(np.uint8).reshape(96, 96, 4)[::-1]
    assert (first[..., :3] == picture).all() and icons.thumbnail_id("no picture") == 0


def check_going_back_changes_nothing_but_the_mesh():
    four_versions()
    ob, versions = extension.made()[0], extension.versions()
    bpy.ops.mesh.primitive_cube_add()
    parent = bpy.context.object
    other = bpy.data.collections.new("Other")
    bpy.context.scene.collection.children.link(other)
    other.objects.link(ob)
    ob.parent, ob.location, ob.rotation_euler, ob.scale = parent, (1, 2, 3), (0.1, 0.2, 0.3), (1, 2, 1)
    ob.modifiers.new("Two", "ARRAY").count = 3
    bpy.context.view_layer.update()
    before, edited = content(ob), ob.data.copy()
    ob.data = edited
    pick(2)
    assert bpy.context.object.data == versions[2].mesh, "the object that shows it"
    activate(ob)
    bpy.ops.image_to_mesh.go_back()
    bpy.context.view_layer.update()
    assert content(ob) == before and ob.data == versions[2].mesh
    assert json.loads(ob["image_to_mesh_recipe"])["seed"] == 0
    assert versions[4].mesh == edited, "the edited mesh became a version"
    pick(4)
    bpy.ops.image_to_mesh.go_back()
    assert ob.data == edited and len(versions) == 5


def span(ob):
    """Least and greatest x of an object in the world."""
    bpy.context.view_layer.update()
    xs = [(ob.matrix_world @ vertex.co).x for vertex in ob.data.vertices]
    return min(xs), max(xs)


def check_versions_stand_side_by_side_without_touching():
    four_versions()
    ob = extension.made()[1]
    bpy.ops.object.select_all(action="DESELECT")
    ob.location, ob.scale = (10, 20, 30), (2, 2, 2)
    activate(ob)
    bpy.context.view_layer.update()
    spans = [span(ob)]
    for index in (0, 2):
        pick(index)
        activate(ob)
        bpy.ops.image_to_mesh.put_beside()
        new = bpy.context.object
        assert new.data == extension.versions()[index].mesh and tuple(new.location)[1:] == (20, 30)
        spans.append(span(new))
    assert all(right[0] - left[1] >= 0.1 for left, right in pairwise(spans)), spans


def check_a_version_of_another_image_is_not_for_this_object():
    """A second image, a cube of the artist's, and a version that replaced the mesh of another image."""
    first, second = generate(), generate("grid:400")
    pick(0)
    assert bpy.context.object == first and bpy.context.selected_objects == [first], "which shows the version"
    activate(second)
    assert not bpy.ops.image_to_mesh.go_back.poll()
    assert "made for" in extension.why_unavailable("go_back")
    bpy.ops.mesh.primitive_cube_add()
    assert not bpy.ops.image_to_mesh.go_back.poll()
    activate(first)
    settings().placement.place = "REPLACE"
    generate("grid:400")
    before = first.data
    pick(0)
    activate(first)
    assert bpy.ops.image_to_mesh.go_back() == {"FINISHED"} and first.data != before


def check_undo_and_redo_of_versions():
    four_versions()
    bpy.ops.ed.undo_push(message="Before")
    pick(1)
    bpy.ops.image_to_mesh.forget()
    bpy.ops.ed.undo_push(message="Delete Version")
    assert len(extension.versions()) == 3
    bpy.ops.ed.undo()
    assert len(extension.versions()) == 4 and all(version.mesh for version in extension.versions())
    bpy.ops.ed.redo()
    assert len(extension.versions()) == 3


def check_versions_survive_saving_and_opening():
    path = str(RESOURCES / "versions.blend")
    four_versions()

    def kept():
        return [(v.name, v.recipe, v.thumbnail, len(v.mesh.vertices)) for v in extension.versions()]

    before = kept()
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.read_homefile()
    assert not len(extension.versions())
    bpy.ops.wm.open_mainfile(filepath=path)
    assert kept() == before and len(before) == 4
    pick(0)
    bpy.ops.image_to_mesh.again(wait=True)
    first, *_, last = extension.versions()
    assert len(extension.versions()) == 5
    assert np.allclose([v.co for v in last.mesh.vertices], [v.co for v in first.mesh.vertices])


def only_version():
    generate()
    pick(0)
    return extension.versions()[0]


def check_a_version_without_its_image_says_why_it_cannot_be_made_again():
    version = only_version()
    version.filepath = ""
    assert not bpy.ops.image_to_mesh.again.poll() and "image" in extension.history.not_repeatable(version)
    version.filepath = "//gone.png"
    raises(bpy.ops.image_to_mesh.again, "gone.png", wait=True)


@cases(empty=("",), no_object=("[]",), no_json=("{",), unknown_engine=('{"engine": "unheard of"}',))
def check_a_version_without_a_recipe_cannot_be_made_again(recipe):
    version = only_version()
    version.recipe = recipe
    assert not bpy.ops.image_to_mesh.again.poll()


def check_a_recipe_out_of_range_says_why_it_cannot_be_made_again():
    version = only_version()
    version.recipe = '{"engine": "one2345", "parameters": {"mesh_resolution": -5}}'
    raises(bpy.ops.image_to_mesh.again, "another version", wait=True)


def check_finishing_steps_keep_the_image_and_shade_smooth():
    ob = generate("grid:2500")
    image = extension.versions()[0].filepath
    assert image
    settings().finish.faces = 500
    bpy.ops.image_to_mesh.decimate()
    bpy.ops.image_to_mesh.bake_texture()
    made = extension.versions()
    assert len(made) == 3 and {version.filepath for version in made} == {image}
    assert not any(extension.history.not_repeatable(version) for version in made)
    assert all(polygon.use_smooth for polygon in ob.data.polygons)


def check_an_imported_job_has_its_image_and_a_name_in_the_menu():
    generate()
    job = extension.last_job()
    (Path(job.folder) / "imported").unlink()
    (Path(job.folder) / "thumbnail.png").write_bytes(b"any")
    [(_, label, *_)] = extension.job_buttons.finished_items(None, None)
    assert re.fullmatch(r"Apple, \d\d:\d\d", label), label
    assert str(Path(job.folder) / "thumbnail.png") in extension.session().icons.previews
    bpy.ops.image_to_mesh.import_finished(job=job.id, wait=True)
    version = extension.versions()[-1]
    assert version.image.packed_file.data == (Path(job.folder) / "input.image").read_bytes()


def check_an_imported_job_has_the_image_that_was_sent_as_an_array():
    generate()
    folder = Path(extension.last_job().folder)
    (folder / "imported").unlink()
    (folder / "input.image").unlink()
    image = bpy.data.images.new("x", 2, 1)
    image.filepath_raw, image.file_format = str(folder / "input.png"), "PNG"
    image.save()
    bpy.ops.image_to_mesh.import_finished(job=folder.name, wait=True)
    assert tuple(extension.versions()[-1].image.size) == (2, 1)


def check_finished_jobs_that_wait_are_counted_by_the_scan():
    generate()
    folder, scan = Path(extension.last_job().folder), extension.disk_scan()
    (folder / "imported").unlink()
    scan._scan(extension.folders.chosen())
    assert scan.known.waiting == (folder.name,)
    assert extension.recovery.waiting(scan.known, []) == 1
    bpy.ops.image_to_mesh.import_finished(job=folder.name, wait=True)
    assert extension.recovery.waiting(scan.known, []) == 0


def check_another_seed_is_offered_where_it_makes_another_mesh():
    """LRM makes the same mesh of an image with every seed where nothing is estimated, but another image of a prompt."""
    version = extension.history.add(bpy.context.scene, "x", None, "")
    for recipe, expected in (
        ({"engine": "one2345"}, True),
        ({"engine": "lrm"}, True),
        ({"engine": "lrm", "parameters": {"weights": "triposr"}}, False),
        ({"engine": "lrm", "parameters": {"auto_elevation": False, "depth": 1.0}}, False),
        ({"engine": "lrm", "parameters": {"weights": "triposr"}, "inputs": {"prompt": "a red car"}}, True),
        ({"engine": "lrm", "parameters": {"weights": "triposr"}, "inputs": [1]}, False),
        ({"engine": "lrm", "parameters": [1]}, False),
        ({"engine": "lrm", "parameters": {"of a newer version": 1}}, False),
        ({"engine": "unknown"}, False),
    ):
        version.recipe = json.dumps(recipe)
        assert extension.history.is_seeded(version) == expected, recipe


def check_the_panels_result_is_the_active_objects():
    """It can be turned: eight steps are once around. Before / After changes to the version before and back."""
    view = extension.module("addon.scene.result_view")
    first, second = generate(), generate()
    select(first)
    assert view.shown(bpy.context).mesh == first.data
    select(second)
    assert view.shown(bpy.context).mesh == second.data
    select(bpy.data.objects["Camera"])
    assert view.shown(bpy.context) == extension.history.chosen(bpy.context.scene)
    select(second)
    shown = extension.session().result
    pictures = []
    for _ in range(8):
        bpy.ops.image_to_mesh.turn_result(step=1)
        pictures.append(shown.picture)
    quarter, half = pictures[1][..., :3].astype(int), pictures[3][..., :3].astype(int)
    expected = extension.thumbnail.paint(*extension.mesh_export.read_arrays(second.data), np.pi / 2)
    assert (quarter == expected).all() and (quarter != half).any() and pictures[7] is None


def check_before_and_after_change_places():
    """Whatever other objects' versions lie between them, also of objects that are gone."""
    ob, other = generate(), generate()
    bpy.data.objects.remove(other)
    extension.history.add_object_mesh(bpy.context.scene, ob, ob.data.copy(), "Apple, finer")
    first, second = extension.versions()[0].mesh, extension.versions()[-1].mesh
    select(ob)
    for expected in (second, first, second):
        assert bpy.ops.image_to_mesh.before_after() == {"FINISHED"} and ob.data == expected
    assert len(extension.versions()) == 3, "nothing is kept twice"
