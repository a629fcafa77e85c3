# SPDX-License-Identifier: GPL-3.0-or-later
from pathlib import Path

import pytest

from backend.cli.options import file_defaults, idle_settings, mesh_engine, offered, read_settings
from backend.interface.parameters import ParameterError
from backend.interface.tasks import LRM, MESH_TASKS, NOVEL_VIEW, ONE2345, TASKS, VIEWS_TO_MESH


@pytest.mark.parametrize(
    ("name", "settings", "texture"),
    [
        ("a.ply", [], "off"),
        ("a.STL", [], "off"),
        ("a.glb", [], "1024"),
        ("a.obj", [], "1024"),
        ("a.ply", ["texture=512"], "512"),
    ],
)
def test_no_texture_is_baked_for_a_file_that_holds_none_unless_it_is_asked_for(name, settings, texture):
    assert LRM.check(file_defaults(Path(name)) | read_settings(settings)).texture == texture


def test_a_setting_without_a_value_is_refused():
    with pytest.raises(ParameterError, match="NAME=VALUE, not 'texture'"):
        read_settings(["texture"])


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_command_refuses_the_engines_that_cannot_do_it_and_names_the_others(task):
    """Generate, novel-view and reconstruct, by hand: what each engine was published for."""
    able = {
        "generate": "lrm one2345 zero123_sds make_it_3d dreamfusion shap_e shap_e_text triposg mvdream".split(),
        "novel-view": ["one2345", "novel_view"],
        "reconstruct": ["one2345", "views_to_mesh"],
    }
    commands = {
        "generate": mesh_engine,
        "novel-view": lambda name: offered(NOVEL_VIEW, name),
        "reconstruct": lambda name: offered(VIEWS_TO_MESH, name),
    }
    for command, choose in commands.items():
        if task.name in able[command]:
            assert choose(task.name) in (task, NOVEL_VIEW, VIEWS_TO_MESH)
        else:
            with pytest.raises(ParameterError, match=", ".join(able[command])) as caught:
                choose(task.name)
            assert task.title in str(caught.value) and caught.value.remedy == "Choose another engine."


def test_a_word_that_is_no_engine_is_not_taken_for_one():
    assert [mesh_engine(task.name) for task in MESH_TASKS] == list(MESH_TASKS)
    with pytest.raises(ParameterError, match="did you mean 'lrm'"):
        mesh_engine("lrn")


@pytest.mark.parametrize(
    ("task", "settings", "seed", "said"),
    [
        (LRM, ["depth=1"], 0, []),
        (LRM, ["depth=1", "weights=triposr"], 0, ["Depth (depth) has no effect with weights=triposr."]),
        (LRM, ["threshold=5"], 0, ["Threshold (threshold) has no effect with weights=starter."]),
        (LRM, ["threshold=5", "weights=/some/folder"], 0, []),  # what lies there is not known yet
        (LRM, ["elevation_deg=5"], 0, ["Elevation (elevation_deg) has no effect with auto_elevation=true."]),
        (LRM, ["weights=triposr"], 7, ["The seed has no effect with these values."]),
        (LRM, [], 7, []),
        (ONE2345, ["quality=paper"], 0, ["Quality (quality) has no effect with weights=starter."]),
        (VIEWS_TO_MESH, ["steps=9"], 0, ["Steps (steps) has no effect with method=fast."]),
        (VIEWS_TO_MESH, ["steps=9", "method=neus"], 0, []),
    ],
)
def test_settings_that_change_nothing_are_told(task, settings, seed, said):
    assert idle_settings(task, settings, task.check(read_settings(settings)), seed) == said
