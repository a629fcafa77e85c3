# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines that work from words."""

import json
from pathlib import Path

import bpy
from stage import made, module, settings, the_session, use_double


class Layout:
    """Takes down which properties and buttons a panel draws, in whatever rows."""

    def __init__(self):
        self.drawn = []

    def row(self, **_):
        return self

    grid_flow = row

    def prop(self, _group, name, **_settings):
        self.drawn.append(name)

    def prop_enum(self, _group, name, _value):
        self.drawn.append(name)

    def operator(self, name, **_):
        self.drawn.append(name)
        return self

    def __getattr__(self, _name):
        return lambda *_, **__: self


def drawn():
    layout = Layout()
    module("addon.panels.main").draw_input(layout, settings())
    return layout.drawn


def check_a_prompt_takes_the_place_of_the_image():
    use_double()
    assert {"prompt", "source", "image_to_mesh.make_image"} <= set(drawn())
    settings().engine, settings().prompt = "DREAMFUSION", "  "
    assert "prompt" in drawn() and not {"source", "image_to_mesh.make_image"} & set(drawn())
    assert not bpy.ops.image_to_mesh.generate.poll()
    assert "prompt" in module("addon.scene.input_image").missing(settings())
    settings().prompt = "a red car"
    assert bpy.ops.image_to_mesh.generate(wait=True) == {"FINISHED"}
    job = the_session().queue.last
    request = json.loads((Path(job.outcome.folder) / "request.json").read_text())
    assert (request["engine"], request["inputs"]) == ("dreamfusion", {"prompt": "a red car"})
    assert request["parameters"]["weights"] == "starter-text"
    recipes = [json.loads(ob["image_to_mesh_recipe"]) for ob in made()]
    assert [recipe["input"] for recipe in recipes if recipe.get("job") == job.id] == ["a red car"]


def check_a_picture_of_the_prompt_becomes_the_image():
    """Red is the seed; another look takes the next one, and leaves the first picture where it is."""
    settings().engine, settings().seed, settings().prompt = "ONE2345", 100, ""
    assert not bpy.ops.image_to_mesh.make_image.poll()
    settings().prompt = "a red car"
    before = len(bpy.data.images)
    assert bpy.ops.image_to_mesh.make_image(wait=True) == {"FINISHED"}
    first = settings().image
    assert settings().source == "IMAGE" and first.name.startswith("a red car") and first.packed_file
    assert [round(255 * v) for v in first.pixels] == [100, 20, 30, 255]
    assert bpy.ops.image_to_mesh.make_image(wait=True, again=True) == {"FINISHED"}
    assert settings().image != first and round(255 * settings().image.pixels[0]) == 101 == settings().seed
    assert len(bpy.data.images) == before + 2
    sent = module("addon.scene.input_image").read(settings(), bpy.context.scene)[1]()
    assert sent["image_file"] == bytes(settings().image.packed_file.data) and sent["image_file"][:4] == b"\x89PNG"
    settings().property_unset("seed")
    settings().source = "FILE"


def check_a_prompt_becomes_a_mesh_by_way_of_a_picture_with_one_click():
    """And once more from the list of versions, with the picture's settings."""
    settings().engine, settings().source, settings().prompt = "LRM", "PROMPT", ""
    assert not bpy.ops.image_to_mesh.generate.poll()
    settings().prompt, settings().text_to_image.steps = "a blue cup", 7
    assert {"prompt", "source", "image_to_mesh.make_image"} <= set(drawn()) and "filepath" not in drawn()
    assert bpy.ops.image_to_mesh.generate(wait=True) == {"FINISHED"}
    job = the_session().queue.last
    request = json.loads((Path(job.outcome.folder) / "request.json").read_text())
    assert request["engine"] == "lrm" and request["inputs"]["prompt"] == "a blue cup"
    picture = module("backend.interface.tasks").TEXT_TO_IMAGE
    assert picture.check(request["inputs"]["picture"]).steps == 7
    history, scene = module("addon.scene.versions"), bpy.context.scene
    version = next(v for v in scene.image_to_mesh_versions if history.provenance_of(v).get("job") == job.id)
    assert history.request_again(bpy.context, version, None).inputs == request["inputs"]
    assert "image of the prompt" in module("addon.scene.input_image").missing_image(settings())  # for the engines
    settings().source = "FILE"
    settings().text_to_image.property_unset("steps")


def check_weights_to_choose_from_are_those_of_the_engine():
    choices, tasks = module("addon.settings.choices"), module("backend.interface.tasks")
    words = {item[0] for item in choices.weights_items(tasks.DREAMFUSION)}
    pictures = {item[0] for item in choices.weights_items(tasks.ONE2345)}
    assert words == {"STARTER-TEXT", "STABLE-DIFFUSION-1-5", "STABLE-DIFFUSION-2-1-BASE", "OWN"}
    assert "STARTER" in pictures and words & pictures == {"OWN"}
    settings().dreamfusion.weights = "STABLE-DIFFUSION-1-5"
    seen = the_session().disk_scan.seen()
    lacking = [weights.id for weights in choices.lacking_weights(settings().dreamfusion, seen)]
    assert lacking in ([], ["stable-diffusion-1-5"])  # nothing is known until the disk was looked at
    settings().dreamfusion.property_unset("weights")
    settings().engine = "ONE2345"
