# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines that work from words."""

import json
from pathlib import Path

import bpy
from stage import made, module, settings, use_double


class Layout:
    """Takes down which properties a panel draws, in whatever rows."""

    def __init__(self):
        self.drawn = []

    def row(self, **_):
        return self

    def prop(self, _group, name, **_settings):
        self.drawn.append(name)

    def __getattr__(self, _name):
        return lambda *_, **__: self


def drawn():
    layout = Layout()
    module("addon.panel").draw_input(layout, settings())
    return layout.drawn


def check_a_prompt_takes_the_place_of_the_image():
    use_double()
    assert "prompt" not in drawn() and "source" in drawn()
    settings().engine, settings().prompt = "DREAMFUSION", "  "
    assert "prompt" in drawn() and "source" not in drawn()
    assert not bpy.ops.image_to_mesh.generate.poll()
    assert "prompt" in module("addon.sources").missing(settings())
    settings().prompt = "a red car"
    assert bpy.ops.image_to_mesh.generate(wait=True) == {"FINISHED"}
    job = module("addon.session").queue.last
    request = json.loads((Path(job.folder) / "request.json").read_text())
    assert (request["engine"], request["inputs"]) == ("dreamfusion", {"prompt": "a red car"})
    assert request["parameters"]["weights"] == "starter-text"
    assert json.loads(made()[-1]["image_to_mesh_recipe"])["input"] == "a red car" == job.name


def check_weights_to_choose_from_are_those_of_the_engine():
    properties = module("addon.properties")
    words = {item[0] for item in properties.weights_items(settings().dreamfusion, None)}
    pictures = {item[0] for item in properties.weights_items(settings().one2345, None)}
    assert words == {"STARTER-TEXT", "STABLE-DIFFUSION-1-5", "STABLE-DIFFUSION-2-1-BASE", "OWN"}
    assert "STARTER" in pictures and words & pictures == {"OWN"}
    settings().dreamfusion.weights = "STABLE-DIFFUSION-1-5"
    lacking = [weights.id for weights in properties.lacking_weights(settings().dreamfusion)]
    assert lacking in ([], ["stable-diffusion-1-5"])  # nothing is known until the disk was looked at
    settings().dreamfusion.property_unset("weights")
    settings().engine = "ONE2345"
