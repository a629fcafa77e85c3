# SPDX-License-Identifier: GPL-3.0-or-later
"""A .blend of somebody else: its records may hold anything, and its paths may name other computers."""

import json
import os
from contextlib import contextmanager
from pathlib import Path
from random import Random
from types import SimpleNamespace
from unittest.mock import patch

import bpy
from checks.widths import panels
from layout import Layout, sidebar
from stage import RESOURCES, activate, cases, choose, extension, generate, raises_trouble, settings

from tests.fuzzing.mutations import dump, mutate_json

TRIES = 300
SHARE = "\\\\host\\evil\\a.png"
ELSEWHERE = (SHARE, "////host/evil/a.png", "//\\\\host\\evil\\a.png", "\\/host/evil/a.png", "smb://host/a.png")
CALLS = ("stat", "lstat", "listdir", "scandir", "access")


def damaged(rng, record):
    return dump(rng, mutate_json(rng, json.loads(record))).decode("utf-8", "replace").replace("\0", "")


def draw_all():
    """Draw every panel. Blender refuses texts that are no Unicode."""
    for panel in panels():
        if not hasattr(panel, "poll") or panel.poll(sidebar()):
            layout = Layout()
            own = {name: getattr(panel, name) for name in ("task", "shown_above") if hasattr(panel, name)}
            panel.draw(SimpleNamespace(layout=layout, **own), sidebar())
            list(layout.cut_off(200, lambda text: text.encode().decode()))


def reread(version):
    """All that is done with a version's record."""
    scene, ob = bpy.context.scene, bpy.context.object
    history = extension.history
    history.belongs_to(scene, version, ob)
    assert type(history.is_seeded(version)) is bool
    seed = history.next_seed(scene, version)
    assert type(seed) is int and seed >= 0
    for again in (None, seed):
        try:
            job = extension.repeated_job(version, again)
        except extension.trouble.Trouble as trouble:
            assert trouble.message and trouble.remedy
        else:
            assert type(job.parameters) is dict and "image" not in job.inputs
            json.dumps(job.record.message(), allow_nan=False)


def check_any_record_of_a_version_is_read_or_refused():
    ob = generate()
    version = extension.versions()[-1]
    version.object, sound, rng = None, version.recipe, Random(7)
    for _ in range(TRIES):
        version.recipe = damaged(rng, sound)
        reread(version)
        draw_all() if rng.random() < 0.1 else None
    version.recipe = sound
    assert extension.repeated_job(version).engine == "one2345"
    assert ob.data == version.mesh


def check_any_record_of_an_object_is_read_or_ignored():
    ob, rng = generate(), Random(8)
    sound = json.loads(ob["image_to_mesh_recipe"])
    facts = {"elevation_deg": 20, "radius": 1.2, "fov_deg": 49, "shift": [0, 0], "size": [8, 6], "iou": 1}
    sound = json.dumps(sound | {"report": {"picture_camera": facts}, "frame": [[1, 0, 0, 0], [0, 1, 0, 0]]})
    for _ in range(TRIES):
        ob["image_to_mesh_recipe"] = damaged(rng, sound)
        extension.frame.of(bpy.context)
        if not extension.why_unavailable("match_camera"):
            assert extension.match_camera.facts_of(ob)["fov_deg"]
        extension.frame.change(ob, extension.frame.of(bpy.context))
        draw_all() if rng.random() < 0.1 else None


@cases(number=(3,), list_=([1],), nothing=("",), bytes_=(b"\xff\xfe",))
def check_a_record_that_is_no_text_is_ignored(value):
    ob = generate()
    ob["image_to_mesh_recipe"] = value
    assert extension.mesh_import.provenance_of(ob) == {}
    draw_all()


@cases(text=("no picture",), zlib=("eJwDAAAAAAE=",), long=("A" * 200_000,), letters=("画像",))
def check_a_thumbnail_may_be_anything(text):
    generate()
    extension.versions()[-1].thumbnail = text
    draw_all()


@contextmanager
def watched():
    """The paths that Python asks the system about meanwhile."""
    asked = []

    def watching(call):
        return lambda path=".", *more, **named: (asked.append(str(path)), call(path, *more, **named))[1]

    with patch.multiple(os, **{name: watching(getattr(os, name)) for name in CALLS}):
        yield asked


def stored(group, name, value):
    """Write a property as a .blend holds it, without the callback of an artist's choice."""
    with patch.object(extension.stored_paths, "trust", lambda path: None):
        setattr(group, name, value)


@cases(share=(0,), four_slashes=(1,), after_the_folder=(2,), mixed=(3,), address=(4,))
def check_no_share_is_asked_for_a_files_image(index):
    """Neither while the panel is drawn, nor by a click; until the artist chooses the file."""
    choose("views")
    stored(settings(), "filepath", ELSEWHERE[index])
    with watched() as asked:
        extension.shown_input().want(bpy.context.scene)
        extension.shown_input().poll()
        draw_all()
        assert "another computer" in extension.shown_input().words
        trouble = raises_trouble(extension.input_image.read_chosen_image, settings(), bpy.context.scene)
    assert "another computer" in trouble.message and not [name for name in asked if "evil" in name], asked


def check_no_share_is_asked_for_a_versions_image_or_weights():
    ob = generate()
    version = extension.versions()[-1]
    sound, image = json.loads(version.recipe), version.filepath
    for path in ELSEWHERE:
        version.filepath = path
        with watched() as asked:
            trouble = raises_trouble(extension.repeated_job, version)
            raises_trouble(extension.match_camera.image_of, bpy.context.scene, ob)
        assert "another computer" in trouble.message and not [name for name in asked if "evil" in name]
        version.filepath = image
        for changes in (
            {"parameters": sound["parameters"] | {"weights": path.replace("//", "\\\\", 1)}},
            {"inputs": {"prompt": "a", "picture": {"weights": path.replace("//", "\\\\", 1)}}},
        ):
            version.recipe = json.dumps(sound | changes)
            assert raises_trouble(extension.repeated_job, version).kind == "weights"
        version.recipe = json.dumps(sound)


def check_an_image_path_in_a_record_never_reaches_the_backend():
    generate()
    version = extension.versions()[-1]
    version.recipe = json.dumps(json.loads(version.recipe) | {"inputs": {"image": "/etc/passwd", "prompt": "a"}})
    assert extension.repeated_job(version).inputs == {"prompt": "a"}


def check_weights_on_a_share_are_chosen_by_the_artist_alone():
    group = settings().one2345
    group.weights = "OWN"
    stored(group, "weights_path", SHARE)
    task = extension.tasks.task("one2345")
    assert "another computer" in raises_trouble(extension.choices.chosen_weights, group, task).message
    group.weights_path = SHARE  # by the artist
    assert extension.choices.chosen_weights(group, task) == str(Path(SHARE))


def check_what_the_artist_chose_is_trusted_with_all_of_its_computer():
    paths = extension.stored_paths
    settings().source, settings().filepath = "FILE", "\\\\nas\\textures\\a.png"
    assert not paths.foreign("\\\\NAS\\other\\b.png") and paths.foreign("\\\\nas2\\other\\b.png") == "nas2"
    extension.preferences().weights_folder = "\\\\weights\\a"
    assert not paths.foreign("\\\\weights\\b")


def check_opening_a_file_trusts_nobody():
    """Blender calls no `update` of a property when it reads a .blend."""
    settings().source, settings().filepath = "FILE", "\\\\remembered\\a.png"
    path = str(RESOURCES / "a.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    extension.stored_paths._chosen.clear()
    bpy.ops.wm.open_mainfile(filepath=path)
    assert settings().filepath == "\\\\remembered\\a.png"
    assert extension.stored_paths.foreign(settings().filepath) == "remembered"


def check_texts_and_drivers_of_a_file_never_run():
    """The extension starts none of a .blend's scripts, and reads no text as code."""
    trace = RESOURCES / "trace"
    text = bpy.data.texts.new("image_to_mesh.py")
    text.write(f"open({str(trace)!r}, 'w')")
    text.use_module = True  # "Register": Blender would run it on opening if the artist had allowed that
    ob = generate()
    driver = ob.driver_add("location", 0).driver
    driver.expression = f"open({str(trace)!r}, 'w') or 0"
    hostile = f"__import__('pathlib').Path({str(trace)!r}).touch()"
    version = extension.versions()[-1]
    version.recipe = json.dumps(json.loads(version.recipe) | {"input": hostile, "engine": hostile, "job": hostile})
    ob["image_to_mesh_recipe"] = version.recipe
    path = str(RESOURCES / "hostile.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path, use_scripts=False)
    activate(next(iter(extension.made())))
    draw_all()
    generate()
    assert not trace.exists()
