# SPDX-License-Identifier: GPL-3.0-or-later
"""Get a Better Model: bundles, what they change in scenes, and the panel's lines about weights."""

import dataclasses
import os
from unittest.mock import MagicMock, patch

import bpy
from layout import sidebar
from stage import DATA, RESOURCES, extension, run, settings

from tests.support.published import Server

MESHES = "meshes"
SMALL = "openlrm-obj-small-1.1"  # its checksum is not published, so that any content will do
FILES = {"config.json": b"{}", "model.safetensors": bytes(300_000)}


def small_bundle():
    """The catalog's bundle for meshes, with a set that a test can publish."""
    return dataclasses.replace(extension.bundles.bundle(MESHES), chosen=SMALL)


def press_download():
    """Press the bundle's button, wait, and return the trouble, if any."""
    bpy.ops.image_to_mesh.download_bundle(bundle=MESHES)
    run(lambda: extension.background_task().ended)
    return extension.background_task().trouble


def scene_with(weights):
    scene = bpy.data.scenes.new(weights)
    scene.image_to_mesh.lrm.weights = weights
    return scene.name


def weights_of(name):
    return bpy.data.scenes[name].image_to_mesh.lrm.weights


def found(*identities):
    """The disk as if these sets, and no others, were on it."""
    weights = {identity: {"folder": "x", "origin": "downloaded"} for identity in identities}
    return dataclasses.replace(extension.disk_scan().known, weights=weights, complete=True)


def here(*identities):
    extension.disk_scan().known = found(*identities)


def drawn(draw, *arguments):
    """(answer, texts, operators) of a drawing function."""
    layout = MagicMock()
    for name in ("row", "column", "box", "split"):
        getattr(layout, name).return_value = layout
    answer = draw(layout, sidebar(), *arguments)
    texts = [call.kwargs.get("text", "") for call in layout.label.call_args_list + layout.progress.call_args_list]
    return answer, " ".join(texts), [call.args[0] for call in layout.operator.call_args_list]


def check_a_downloaded_bundle_takes_the_place_of_the_built_in_weights():
    server, extension_bundles = Server(), extension.bundles
    server.files, server.refuse = FILES, 503
    built_in, own = scene_with("STARTER"), scene_with("TRIPOSR")
    first = bpy.context.scene.name
    with (
        patch.dict(os.environ, HF_ENDPOINT=server.address),
        patch.object(extension_bundles, "BUNDLES", (small_bundle(),)),
    ):
        assert not bpy.ops.image_to_mesh.download_bundle.poll()  # offline
        bpy.context.preferences.system.use_online_access = True
        assert press_download() and weights_of(first) == weights_of(built_in) == "STARTER"
        server.refuse = 0
        assert press_download() is None
        assert {path: (DATA / "weights" / SMALL / path).read_bytes() for path in FILES} == FILES
        assert weights_of(first) == weights_of(built_in) == SMALL.upper() and weights_of(own) == "TRIPOSR"
        new_files_use_it()
    server.close()


def new_files_use_it():
    """A new file's scenes, but not one in which the built-in weights were chosen by hand, nor after a removal."""
    path = str(RESOURCES / "chosen.blend")
    settings().lrm.weights = "STARTER"
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.read_homefile(use_empty=False)
    assert settings().lrm.weights == SMALL.upper()
    bpy.ops.wm.open_mainfile(filepath=path)
    assert settings().lrm.weights == "STARTER"
    bpy.ops.image_to_mesh.remove_model(model=SMALL)
    run(lambda: extension.background_task().ended)
    bpy.ops.wm.read_homefile(use_empty=False)
    assert settings().lrm.weights == "STARTER" and not extension.preferences().adopted


def check_a_bundle_that_is_here_can_be_used_by_a_click():
    bundle, is_chosen = extension.bundles.bundle(MESHES), extension.better_weights.is_chosen
    for chosen in ("STARTER", "OPENLRM-OBJ-SMALL-1.1"):
        settings().lrm.weights = chosen
        assert not is_chosen(bpy.context.scene, bundle)
        bpy.ops.image_to_mesh.use_bundle(bundle=MESHES)
        assert settings().lrm.weights == "TRIPOSR" and is_chosen(bpy.context.scene, bundle)
    assert is_chosen(bpy.context.scene, extension.bundles.bundle("cutouts"))  # it needs no choice


def check_each_bundle_says_its_size_and_terms_and_has_the_button_that_its_state_calls_for():
    row = extension.bundle_rows.draw_bundle
    meshes, cutouts, prompts = extension.bundles.BUNDLES
    for bundle, size in ((meshes, "1.7 GB"), (cutouts, "180 MB"), (prompts, "2.1 GB")):
        _, texts, buttons = drawn(row, bundle, found())
        assert size in texts and bundle.title in texts and bundle.gain in texts and "commercially" in texts
        assert buttons == ["image_to_mesh.download_bundle"]
    assert drawn(row, meshes, found("triposr"))[2] == ["image_to_mesh.use_bundle"]
    settings().lrm.weights = "TRIPOSR"
    _, texts, buttons = drawn(row, meshes, found("triposr"))
    assert "Ready" in texts and not buttons
    assert "Ready" in drawn(row, cutouts, found("rembg-isnet"))[1]


def check_the_panel_says_that_the_built_in_model_is_for_trying_out():
    trial, lrm = extension.trial_panel.draw_trial, settings().lrm
    settings().engine = "LRM"
    _, texts, buttons = drawn(trial)
    assert "Built-in trial model" in texts and buttons == ["image_to_mesh.open_preferences"]
    here("triposr")
    assert drawn(trial)[2] == ["image_to_mesh.use_bundle"]
    lrm.weights = "TRIPOSR"
    assert drawn(trial)[1:] == ("", [])
    settings().engine = "ONE2345"  # no bundle is for it
    assert drawn(trial)[2] == ["image_to_mesh.open_preferences"]
    settings().engine = "SHAP_E"  # it has no built-in weights
    assert drawn(trial)[1:] == ("", [])


def check_missing_weights_stand_with_size_and_download_in_place_of_the_button():
    draw, task = extension.trial_panel.draw_missing_weights, extension.tasks.task("one2345")
    assert drawn(draw, task) == (False, "", [])  # nothing is known before a look
    settings().one2345.weights = "ZERO123-XL-DIFFUSERS"
    here("clip-words")
    answer, texts, buttons = drawn(draw, task)
    assert answer and "Zero123-XL" in texts and "One-2-3-45 reconstruction" in texts and "2.5 GB" in texts
    assert buttons == ["image_to_mesh.download_model"]
    here("zero123-xl-diffusers", "one2345-sparseneus")
    assert drawn(draw, task) == (False, "", [])
    here("zero123-xl-diffusers")
    assert "5.3 MB" in drawn(draw, task)[1]


def check_a_search_finds_weights_by_words_of_title_and_purpose():
    def ids(search):
        return {w.id for w in extension.catalog.WEIGHTS if extension.preferences_panel.matches(w, search)}

    assert ids("triposr") == ids(" TripoSR ") == {"triposr"}
    assert ids("segment large") == {"sam-vit-huge", "sam-vit-h"}
    assert ids("busy") == {"rembg-isnet", "sam-vit-base", "sam-vit-huge"}
    assert ids("") == {w.id for w in extension.catalog.WEIGHTS} and not ids("triposr zebra")
