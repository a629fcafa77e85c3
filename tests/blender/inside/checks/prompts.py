# SPDX-License-Identifier: GPL-3.0-or-later
"""Meshes and images of a prompt."""

import json

import bpy
from layout import sidebar
from stage import extension, request_of, settings


class Layout:
    """Records which properties and buttons a panel draws, in whatever rows."""

    def __init__(self):
        self.drawn = []

    def row(self, **_):
        return self

    grid_flow = column = box = row

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
    extension.input_panel.draw_input(layout, sidebar())
    return layout.drawn


def check_a_prompt_takes_the_place_of_the_image():
    settings().engine = "ONE2345"
    assert {"filepath", "source", "image_to_mesh.crop"} <= set(drawn()) and "prompt" not in drawn()
    settings().source = "PROMPT"
    assert {"prompt", "source", "image_to_mesh.make_image"} <= set(drawn()) and "filepath" not in drawn()
    settings().engine, settings().prompt = "DREAMFUSION", "  "
    assert "prompt" in drawn() and not {"source", "image_to_mesh.make_image"} & set(drawn())
    assert not bpy.ops.image_to_mesh.generate.poll()
    assert "prompt" in extension.input_image.missing(settings())


def check_a_prompt_becomes_a_mesh():
    settings().engine, settings().prompt = "DREAMFUSION", "a red car"
    assert bpy.ops.image_to_mesh.generate(wait=True) == {"FINISHED"}
    job = extension.last_job()
    request = request_of(job)
    assert (request["engine"], request["inputs"]) == ("dreamfusion", {"prompt": "a red car"})
    assert request["parameters"]["weights"] == "starter-text"
    recipes = [json.loads(ob["image_to_mesh_recipe"]) for ob in extension.made()]
    assert [recipe["input"] for recipe in recipes if recipe.get("job") == job.id] == ["a red car"]


def check_an_image_of_the_prompt_becomes_the_input():
    """Red is the seed; another look takes the next one, and leaves the first image where it is. It is the input as long
    as the prompt stays."""
    settings().engine, settings().seed, settings().prompt = "ONE2345", 100, ""
    assert not bpy.ops.image_to_mesh.make_image.poll()
    settings().prompt = "a red car"
    before = len(bpy.data.images)
    assert bpy.ops.image_to_mesh.make_image(wait=True) == {"FINISHED"}
    first = settings().drawn
    assert settings().source == "PROMPT" and first.name.startswith("a red car") and first.packed_file
    assert [round(255 * v) for v in first.pixels] == [100, 20, 30, 255]
    assert bpy.ops.image_to_mesh.make_image(wait=True) == {"FINISHED"}
    assert settings().drawn != first and round(255 * settings().drawn.pixels[0]) == 101 == settings().seed
    assert len(bpy.data.images) == before + 2
    name, attachments = extension.input_image.read(settings(), bpy.context.scene)
    sent = attachments()
    assert name == "a red car"
    assert sent["image_file"] == bytes(settings().drawn.packed_file.data) and sent["image_file"][:4] == b"\x89PNG"
    settings().prompt = "a blue car"
    assert extension.input_image.is_prompt(settings()) and not bpy.ops.image_to_mesh.use_drawn.poll()
    settings().prompt = " a red car "
    assert bpy.ops.image_to_mesh.use_drawn() == {"FINISHED"}
    assert settings().source == "IMAGE" and settings().image == settings().drawn


def check_a_prompt_becomes_a_mesh_by_way_of_an_image_with_one_click():
    """And once more from the list of versions, with the image's settings."""
    settings().engine, settings().source, settings().prompt = "LRM", "PROMPT", ""
    assert not bpy.ops.image_to_mesh.generate.poll()
    settings().prompt, settings().text_to_image.steps = "a blue cup", 7
    assert {"prompt", "source", "image_to_mesh.make_image"} <= set(drawn()) and "filepath" not in drawn()
    assert bpy.ops.image_to_mesh.generate(wait=True) == {"FINISHED"}
    job = extension.last_job()
    request = request_of(job)
    assert request["engine"] == "lrm" and request["inputs"]["prompt"] == "a blue cup"
    assert extension.tasks.TEXT_TO_IMAGE.check(request["inputs"]["picture"]).steps == 7
    version = next(v for v in extension.versions() if extension.history.provenance_of(v).get("job") == job.id)
    assert extension.repeated_job(version).inputs == request["inputs"]
    assert "image of the prompt" in extension.input_image.missing_image(settings())  # for the engines
