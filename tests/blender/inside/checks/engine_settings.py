# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of each engine: from its declaration, from files of other versions, from presets."""

from pathlib import Path
from unittest.mock import MagicMock, Mock

import bpy
import numpy as np
from stage import choose, extension, raises, settings


def stored(group):
    """Where Blender keeps the properties of a group, past their checks; in 5.0 custom properties lie elsewhere."""
    return group.bl_system_properties_get() if hasattr(group, "bl_system_properties_get") else group


def check_properties_follow_the_declarations():
    properties, tasks = extension.engine_settings, extension.tasks
    assert settings().engine == "LRM", "the best of the starters is offered first"
    for engine in tasks.MESH_TASKS:
        for parameter in properties.shown(engine):
            assert properties.value_of(settings(), engine, parameter) == parameter.default, parameter.name
    group, elevation = settings().one2345, tasks.ONE2345.parameter("elevation_deg")
    group.elevation_deg = np.pi  # Blender keeps angles in radians, and 180 degrees are more than the maximum
    assert properties.value_of(settings(), tasks.ONE2345, elevation) == elevation.maximum
    group.property_unset("elevation_deg")
    extension.preferences().device = "CPU"
    assert properties.parameters_of(settings(), properties.chosen_engine(settings()))["device"] == "cpu"


def check_an_unknown_engine_in_a_file_is_taken_for_the_first():
    choose("views")
    stored(settings())["engine"] = 99
    assert settings().engine == ""
    assert extension.engine_settings.chosen_engine(settings()) == extension.tasks.MESH_TASKS[0]
    assert bpy.ops.image_to_mesh.generate(wait=True) == {"FINISHED"}


def check_unknown_weights_in_a_file_are_refused():
    choose("views")
    settings().engine = extension.tasks.MESH_TASKS[0].name.upper()
    group = getattr(settings(), extension.tasks.MESH_TASKS[0].name)
    group.weights = "STARTER"
    stored(group)["weights"] = 98
    assert bpy.ops.image_to_mesh.generate.poll()
    raises(bpy.ops.image_to_mesh.generate, "unknown to this version", "Choose others")


def check_an_unknown_choice_in_a_file_is_taken_for_the_default():
    choose("views")
    engine = extension.tasks.MESH_TASKS[0]
    group = getattr(settings(), engine.name)
    for parameter in engine.parameters:
        if parameter.kind == "choice" and parameter.name != "device":
            setattr(group, parameter.name, parameter.choices[0].upper())
            stored(group)[parameter.name] = 97
            assert extension.engine_settings.value_of(settings(), engine, parameter) == parameter.default
    settings().engine = engine.name.upper()
    assert bpy.ops.image_to_mesh.generate(wait=True) == {"FINISHED"}


def check_presets_set_the_chosen_engine_alone():
    settings().engine = "ONE2345"
    group, other = settings().one2345, settings().lrm
    before = other.mesh_resolution
    assert settings().quality == "BALANCED"
    settings().quality = "BEST"
    assert (group.mesh_resolution, group.max_faces, group.texture, group.quality) == (256, 40_000, "2048", "PAPER")
    assert settings().quality == "BEST"
    settings().quality = "FAST"
    assert (group.mesh_resolution, group.max_faces, group.texture, group.quality) == (64, 10_000, "1024", "FAST")
    assert settings().quality == "FAST"
    settings().quality = "BALANCED"
    assert (group.mesh_resolution, group.max_faces) == (128, 30_000) and other.mesh_resolution == before
    group.mesh_resolution = 99
    assert settings().quality == "OWN"


def check_what_has_no_effect_is_not_shown():
    """With LRM, the depth is the starter's, the threshold the published models'; an elevation counts where it is not
    estimated."""

    def drawn():
        group, lrm = settings().lrm, extension.tasks.LRM
        return {p.name for p in lrm.parameters if extension.engine_settings.applies(group, lrm, p)}

    group = settings().lrm
    assert {"depth", "match_picture", "unseen_sides"} <= drawn() and not {
        "threshold",
        "source_distance",
        "elevation_deg",
    } & drawn()
    group.match_picture = False
    assert "unseen_sides" not in drawn(), "without the image all colours are the model's"
    group.match_picture = True
    group.auto_elevation = False
    assert "elevation_deg" in drawn()
    group.weights = "TRIPOSR"
    assert "threshold" in drawn() and not {"depth", "elevation_deg", "source_distance"} & drawn()
    assert "match_picture" in drawn(), "the camera is found by the outline"
    group.weights = "OPENLRM-OBJ-BASE-1.1"
    assert {"threshold", "source_distance"} <= drawn()
    group.weights = "OWN"
    assert {"depth", "threshold", "source_distance"} <= drawn(), "nothing is known of the artist's own weights"


def check_automatic_is_a_word_and_not_a_zero():
    group, layout = settings().lrm, MagicMock()
    parameter = extension.tasks.LRM.parameter("depth")
    assert group.depth_automatic and group.bl_rna.properties["depth_automatic"].name == "Automatic"
    extension.panel_parts.draw_parameter(layout, group, parameter)
    column = layout.column.return_value
    box = column.row.return_value.prop
    assert [call.args[1] for call in box.mock_calls] == ["depth_automatic"] and not column.prop.called
    group.depth_automatic = False
    assert group.depth == 1.0 and not group.depth_automatic
    extension.panel_parts.draw_parameter(layout, group, parameter)
    assert [call.args[1] for call in (*box.mock_calls[1:], *column.prop.mock_calls)] == ["depth_automatic", "depth"]
    group.depth_automatic = True
    assert group.depth == 0.0


def check_the_first_preset_is_asked_for_its_name_alone():
    """Blender's own panel shows "* Missing Paths *" before the first preset."""
    panel, settings().engine = Mock(), "LRM"
    assert not bpy.utils.preset_paths("image_to_mesh/lrm")
    extension.presets_panel.IMAGE_TO_MESH_PT_presets.draw(panel, bpy.context)
    row = panel.layout.row.return_value
    assert panel.layout.operator_context == "EXEC_DEFAULT"
    assert [call.args[1] for call in row.prop.mock_calls] == ["preset_name"] and not panel.layout.label.called
    assert row.operator.mock_calls[0].args == ("image_to_mesh.add_preset",)


def check_a_preset_of_the_artist_restores_its_values():
    settings().engine = "ONE2345"
    settings().one2345.mesh_resolution, settings().one2345.elevation_deg = 77, 0.5
    bpy.ops.image_to_mesh.add_preset(name="My Own")
    settings().one2345.mesh_resolution, settings().one2345.elevation_deg = 99, 0.1
    [path] = bpy.utils.preset_paths("image_to_mesh/one2345")
    [file] = Path(path).glob("*.py")
    bpy.ops.script.execute_preset(filepath=str(file), menu_idname="IMAGE_TO_MESH_PT_presets")
    assert settings().one2345.mesh_resolution == 77 and abs(settings().one2345.elevation_deg - 0.5) < 1e-6


def check_a_preset_is_written_without_names_that_python_3_13_forgets():
    settings().engine = "ONE2345"
    settings().one2345.mesh_resolution = 77
    values = [
        eval(path, {"bpy": bpy}) for path in extension.presets.IMAGE_TO_MESH_OT_add_preset.preset_values.fget(None)
    ]
    assert 77 in values and len(values) > 5


def check_the_seed_is_shown_where_it_changes_the_mesh():
    """LRM's starter draws what it estimates; published weights, and a given depth and elevation, leave it nothing."""
    group, engine = settings().lrm, extension.tasks.LRM
    for values, expected in (
        ({}, True),
        ({"weights": "TRIPOSR"}, False),
        ({"depth": 1.0}, True),
        ({"depth": 1.0, "auto_elevation": False}, False),
    ):
        for name, value in values.items():
            setattr(group, name, value)
        assert extension.engine_settings.is_seeded(settings(), engine) == expected, values
        for name in values:
            group.property_unset(name)
