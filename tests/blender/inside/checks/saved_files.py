# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/data/history.blend, which commit ec550ca saved in Blender 4.2, opens with all its versions and settings.

A script made it with that commit's zip and the stand-in for the backend: it set what SETTINGS lists, pressed the
buttons that VERSIONS and the objects tell of, and saved with compression.
"""

import json
import shutil

import bpy
import numpy as np
from stage import RESOURCES, activate, cases, extension, generate, request_of, settings

from tests.support import DATA

RED_CORNER, BLUE_CORNER = 4, 1  # of the double's cube: (0.5, -0.5, -0.5) and (-0.5, -0.5, 0.5)
CAMERA = {"elevation_deg": 20, "radius": 1.2, "fov_deg": 49, "shift": [0, 0], "size": [8, 6], "iou": 1}
SETTINGS = {
    "engine": "MAKE_IT_3D",
    "source": "IMAGE",
    "filepath": "//Apple.png",
    "prompt": "a green pear",
    "seed": 41,
    "views": {
        "shown_as": "BACKGROUND",
        "count": 7,
        "level": True,
        "rig": "AROUND",
        "elevation": 0.5,
        "source": "IMAGES",
        "size": 320,
    },
    "refine": {"engine": "DREAMFUSION", "group": "Top"},
    "finish": {"faces": 1234, "angle": 0.6, "map_size": "2048", "from_dense": False},
    "placement": {"place": "FLOOR", "height": 1.75},
    "one2345": {
        "auto_elevation": False,
        "elevation_deg": 0.436332,  # radians
        "mesh_resolution": 77,
        "quality": "PAPER",
        "remove_background": "NEVER",
        "weights": "OWN",
        "weights_path": "//own.ckpt",
    },
    "lrm": {"depth": 0.75, "mesh_resolution": 64, "weights": "TRIPOSR"},
    "zero123_sds": {"method": "SJC", "start": "MESH"},
    "dreamfusion": {"steps": 321},
    "make_it_3d": {"mesh_resolution": 90},
    "text_to_image": {"steps": 7},
}
ONE2345 = {
    "auto_elevation": True,
    "elevation_deg": 25.0,
    "match_picture": True,
    "remove_background": "auto",
    "lower_contrast": False,
    "quality": "paper",
    "num_inference_steps": 0,
    "guidance_scale": 0.0,
    "mesh_resolution": 77,
    "max_faces": 200000,
    "texture": "off",
    "device": "auto",
    "weights": "starter",
}
LRM = {
    "auto_elevation": True,
    "elevation_deg": 20.0,
    "depth": 0.75,
    "match_picture": True,
    "remove_background": "auto",
    "source_distance": 2.0,
    "threshold": 0.0,
    "mesh_resolution": 64,
    "max_faces": 200000,
    "texture": "off",
    "device": "auto",
    "weights": "starter",
}
DREAMFUSION = {
    "negative": "",
    "perp_neg": False,
    "start": "nothing",
    "surface": "density",
    "steps": 321,
    "minutes": 0.0,
    "guidance_scale": 0.0,
    "mesh_resolution": 128,
    "max_faces": 200000,
    "texture": "off",
    "device": "auto",
    "weights": "starter-text",
}
ZERO123_SDS = {
    "method": "sjc",
    "start": "mesh",
    "steps": 0,
    "minutes": 0.0,
    "auto_elevation": True,
    "elevation_deg": 5.0,
    "match_picture": True,
    "remove_background": "auto",
    "guidance_scale": 0.0,
    "mesh_resolution": 128,
    "max_faces": 200000,
    "texture": "off",
    "device": "auto",
    "weights": "starter",
}
ADDED = {"unseen_sides": "symmetry"}  # settings that there were not yet, beside "match_picture"
PICTURE = {"negative": "", "steps": 7, "guidance_scale": 0.0, "device": "auto", "weights": "starter-text"}
VERSIONS = [  # name, mesh, vertices, faces, engine, parameters, seed, inputs, what it was made from
    ("Favourite 画像", "Apple", 8, 12, "one2345", ONE2345, 3, {}, ("filepath", "//Apple.png")),
    ("Apple", "Apple.001", 8, 12, "one2345", ONE2345, 0, {}, ("filepath", "//Apple.png")),
    ("Painted", "Painted", 8, 12, "lrm", LRM, 3, {}, ("image", "Painted")),
    ("a red car", "a red car", 8, 12, "dreamfusion", DREAMFUSION, 3, {"prompt": "a red car"}, None),
    ("a blue cup", "a blue cup", 8, 12, "lrm", LRM, 3, {"prompt": "a blue cup", "picture": PICTURE}, None),
    ("Pear", "Pear", 8, 12, "zero123_sds", ZERO123_SDS, 3, {}, ("start", "Cube")),
    ("Apple", "Edited", 8, 12, "one2345", ONE2345, 3, {}, None),
    ("Ball", "Sphere", 62, 72, None, None, None, None, None),
    ("Ball, 40 faces", "Sphere.001", 22, 40, None, None, None, None, ("dense", "Sphere")),
]


def open_history():
    """Open a copy of the file, with its two image files beside it."""
    folder = RESOURCES / "old"
    folder.mkdir()
    shutil.copy(DATA / "history.blend", folder)
    for name in ("Apple.png", "Pear.png"):
        (folder / name).write_text("views")
    bpy.ops.wm.open_mainfile(filepath=str(folder / "history.blend"))


def source_of(version):
    """(property, value) of what it was made from: the only one, or the one that is not a file."""
    pointers = {name: getattr(version, name) for name in ("image", "start", "dense") if getattr(version, name)}
    for name, block in pointers.items():
        return name, block.name
    return ("filepath", version.filepath) if version.filepath else None


def check_every_version_is_there():
    open_history()
    versions, icons = extension.versions(), extension.thumbnail
    assert len(versions) == len(VERSIONS) and bpy.context.scene.image_to_mesh_version == 2
    for version, (name, mesh, vertices, faces, *_, source) in zip(versions, VERSIONS, strict=True):
        found = version.name, version.mesh.name, len(version.mesh.vertices), len(version.mesh.polygons)
        assert found == (name, mesh, vertices, faces)
        assert source_of(version) == source, name
        assert icons.decode(version.thumbnail).shape == (96, 96, 3), name
    assert versions[5].filepath == "//Pear.png"


def check_every_recipe_is_read():
    open_history()
    for version, (name, *_, engine, parameters, seed, inputs, _) in zip(extension.versions(), VERSIONS, strict=True):
        recipe = extension.history.provenance_of(version)
        found = [recipe.get(key) for key in ("engine", "parameters", "seed", "inputs")]
        assert found == [engine, parameters, seed, inputs], name


def check_every_setting_is_there():
    open_history()
    for name, expected in SETTINGS.items():
        found = getattr(settings(), name)
        if isinstance(expected, dict):
            found = {key: getattr(found, key) for key in expected}
        else:
            found, expected = {name: found}, {name: expected}
        for key, value in expected.items():
            same = abs(found[key] - value) < 1e-5 if isinstance(value, float) else found[key] == value
            assert same, (name, key, found[key])
    assert settings().image.name == "Painted" and settings().placement.collection.name == "Mine"


def check_custom_properties_and_cameras_are_there():
    open_history()
    scene, objects = bpy.context.scene, bpy.data.objects
    made = {ob.name: json.loads(ob["image_to_mesh_recipe"])["engine"] for ob in extension.made()}
    assert made == {
        "Apple": "one2345",
        "Apple.001": "one2345",
        "Painted": "lrm",
        "a red car": "dreamfusion",
        "a blue cup": "lrm",
        "Pear": "zero123_sds",
    }
    rig = extension.view_cameras.of_rig(scene)
    assert [(ob.name, ob["image_to_mesh_view"]) for ob in rig] == [(f"View {i:02}", i) for i in range(8)]
    [background] = objects["Camera"].data.background_images
    assert background.image.packed_file and tuple(background.image.size) == (768, 512)
    assert [objects[f"Apple {angle}°"].empty_display_type for angle in (0, 180)] == ["IMAGE"] * 2


def check_colors_are_there():
    """The double's cube is red on the right and blue on top."""
    open_history()
    colors = extension.versions()[1].mesh.color_attributes["Color"].data
    found = [[round(255 * channel) for channel in colors[i].color_srgb] for i in (RED_CORNER, BLUE_CORNER)]
    assert found == [[220, 20, 20, 255], [20, 20, 220, 255]]


@cases(
    first=(0,),
    other_seed=(1,),
    of_an_image=(2,),
    of_a_prompt=(3,),
    by_way_of_an_image=(4,),
    from_a_mesh=(5,),
    edited=(6,),
    not_made_here=(7,),
    decimated=(8,),
)
def check_an_object_goes_back_to_it(index):
    open_history()
    ob, version = bpy.data.objects["Apple.001"], extension.versions()[index]
    bpy.context.scene.image_to_mesh_version = index  # makes the object active that shows it
    activate(ob)
    assert bpy.ops.image_to_mesh.go_back() == {"FINISHED"}
    assert ob.data == version.mesh and ob.data.name == VERSIONS[index][1] and len(extension.versions()) == 9
    assert ob["image_to_mesh_recipe"] == (version.recipe or extension.versions()[1].recipe)


def check_the_edit_is_kept():
    open_history()
    assert np.allclose(extension.versions()[6].mesh.vertices[0].co, (-0.75, -0.5, -0.5))


def check_a_version_is_made_again():
    open_history()
    bpy.context.scene.image_to_mesh_version = 0
    assert bpy.ops.image_to_mesh.again(wait=True) == {"FINISHED"}
    new, request = extension.versions()[-1], request_of(extension.last_job())
    assert len(extension.versions()) == 10 and new.filepath == "//Apple.png"
    assert (request["engine"], request["parameters"], request["seed"]) == ("one2345", ONE2345 | ADDED, 3)


def check_another_seed_is_one_that_no_version_has():
    open_history()
    bpy.context.scene.image_to_mesh_version = 1
    assert bpy.ops.image_to_mesh.again(wait=True, other=True) == {"FINISHED"}
    assert extension.history.provenance_of(extension.versions()[-1])["seed"] == 1


def check_every_other_version_could_be_made_again():
    open_history()
    again = {index: extension.repeated_job(extension.versions()[index]) for index in (2, 3, 4, 5)}
    saved = [VERSIONS[index][5] for index in again]
    expected = [values | ADDED if "match_picture" in values else values for values in saved]
    assert [job.parameters for job in again.values()] == expected
    assert [job.inputs for job in again.values()] == [VERSIONS[index][7] for index in again]
    assert [sorted(job.attachments()) for job in again.values()] == [["image_file"], [], [], ["image_file", "mesh"]]
    assert all(extension.history.not_repeatable(extension.versions()[index]) for index in (6, 7, 8))


def check_the_camera_of_the_image_is_matched():
    open_history()
    activate(bpy.data.objects["Apple"])
    facts = extension.history.provenance_of(extension.versions()[0])["report"]
    assert facts == {"seconds": 1, "picture_camera": CAMERA}
    assert not extension.why_unavailable("match_camera")


def check_a_new_mesh_joins_the_history():
    open_history()
    settings().placement.place, settings().placement.height = "CURSOR", 0.0
    ob = generate()
    assert len(extension.versions()) == 10 and extension.versions()[9].mesh == ob.data
    assert [collection.name for collection in ob.users_collection] == ["Mine"]
