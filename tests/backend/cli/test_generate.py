# SPDX-License-Identifier: GPL-3.0-or-later
from pathlib import Path

import pytest

from backend.cli.generate import check_start, read_inputs
from backend.interface.parameters import ParameterError
from backend.interface.tasks import DREAMFUSION, LRM, MESH_TASKS, ONE2345, ZERO123_SDS


def test_image_engines_accept_a_prompt():
    assert read_inputs(DREAMFUSION, None, "a cat") == {"prompt": "a cat"}
    assert read_inputs(ONE2345, None, "a cat") == {"prompt": "a cat"}  # an image is made from it


@pytest.mark.parametrize(("task", "words"), [(DREAMFUSION, "needs --prompt"), (ONE2345, "needs --image, or --prompt")])
def test_a_missing_input_is_named_for_each_engine(task, words: str):
    with pytest.raises(ParameterError, match=words):
        read_inputs(task, None, None)


@pytest.mark.parametrize("task", [task for task in MESH_TASKS if "image" not in task.inputs], ids=lambda t: t.name)
def test_an_image_is_not_ignored_by_an_engine_of_prompts(task):
    with pytest.raises(
        ParameterError, match=r"takes no --image\. Engines that do: lrm, one2345, zero123_sds, make_it_3d"
    ):
        read_inputs(task, Path("a.png"), "a red car")


def test_an_image_and_a_prompt_are_one_too_many():
    with pytest.raises(ParameterError, match="There is an --image and a --prompt"):
        read_inputs(ONE2345, Path("a.png"), "a red car")


@pytest.mark.parametrize("task", [task for task in MESH_TASKS if "mesh" not in task.inputs], ids=lambda t: t.name)
def test_a_mesh_is_not_ignored_by_an_engine_that_takes_none(task):
    with pytest.raises(ParameterError, match=r"takes no --mesh\. Engines that do: zero123_sds, dreamfusion"):
        check_start(task, task.check({}), Path("a.ply"))


def test_a_mesh_is_given_where_the_start_is_one_and_only_there():
    with pytest.raises(ParameterError, match="The --mesh would not be used") as caught:
        check_start(ZERO123_SDS, ZERO123_SDS.check({"start": "fast"}), Path("a.ply"))
    assert "start=mesh" in caught.value.remedy
    with pytest.raises(ParameterError, match="There is no mesh to start from"):
        check_start(DREAMFUSION, DREAMFUSION.check({"start": "mesh"}), None)
    check_start(DREAMFUSION, DREAMFUSION.check({"start": "mesh"}), Path("a.ply"))
    check_start(LRM, LRM.check({}), None)
