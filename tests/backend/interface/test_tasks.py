# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.interface import catalog
from backend.interface.parameters import ParameterError, Values, parameter, parameters
from backend.interface.task import Task
from backend.interface.tasks import MESH_TASKS, TASKS, task
from tests.support import DATA

BEFORE = json.loads((DATA / "tasks.json").read_text())  # the declarations of commit ec550ca, and later tasks


@parameters
class Toy(Values):
    steps: int = parameter("Steps", 12, 2, 100)
    angle: float = parameter("Angle", 20.0, -30, 80, unit="deg")
    switch: bool = parameter("Switch", True)
    mode: str = parameter("Mode", "auto", choices=("auto", "always", "never"))
    text: str = parameter("Text", "")


TOY = Task("toy", "Toy", "", ("image",), Toy, ())


def test_missing_parameters_get_their_defaults():
    assert TOY.check({"steps": "3"}) == Toy(steps=3, angle=20.0, switch=True, mode="auto", text="")


def test_checked_parameters_cannot_change_or_have_a_name_that_is_not_declared():
    checked = TOY.check({})
    with pytest.raises(FrozenInstanceError):
        checked.steps = 4  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(AttributeError, match="stesp"):
        print(checked.stesp)  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(TypeError, match="Toy has no stesp"):
        Toy(stesp=3)  # pyright: ignore[reportCallIssue]
    with pytest.raises(TypeError, match="Toy has no stesp"):
        replace(checked, stesp=3)


def test_changed_parameters_are_another_object_and_equal_ones_are_equal():
    checked = TOY.check({})
    assert replace(checked, steps=4) == TOY.check({"steps": 4}) != checked == TOY.check({})
    assert (checked.steps, vars(checked)["steps"]) == (12, 12)


def test_unknown_names_are_answered_with_the_nearest():
    with pytest.raises(ParameterError, match="did you mean 'angle'"):
        TOY.check({"angel": 1})
    with pytest.raises(ParameterError, match="did you mean 'one2345'"):
        task("one-2345")
    with pytest.raises(ParameterError, match="did you mean 'starter'"):
        catalog.weights("startr")


def test_a_task_that_makes_no_mesh_of_an_image_or_prompt_is_not_among_the_engines():
    assert task("novel_view").produces == "images"
    with pytest.raises(ParameterError, match="no engine 'novel_view'"):
        task("novel_view", MESH_TASKS)


@pytest.mark.parametrize("values", [None, ["steps"], "steps=3"])
def test_parameters_that_are_no_mapping_are_refused(values):
    with pytest.raises(ParameterError, match="name and value"):
        TOY.check(values)


@given(
    st.dictionaries(
        st.sampled_from([p.name for p in TOY.parameters]) | st.text(max_size=12),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()),
    )
)
def test_any_values_give_a_full_set_in_range_or_an_error(values):
    try:
        checked = TOY.check(values)
    except ParameterError:
        return
    assert list(asdict(checked)) == ["steps", "angle", "switch", "mode", "text"]
    assert 2 <= checked.steps <= 100
    assert -30 <= checked.angle <= 80


@pytest.mark.parametrize("declared", TASKS, ids=lambda declared: declared.name)
def test_declarations_are_consistent(declared: Task[Any]):
    """Blender can draw them: defaults pass their own checks, names are Python names, weights exist."""
    assert task(declared.name) is declared
    assert asdict(declared.check({})) == {p.name: p.default for p in declared.parameters}
    for declaration in declared.parameters:
        assert declaration.name.isidentifier()
        assert declaration.title
        assert declaration.help
        assert declaration.check(declaration.default) == declaration.default
        assert (declaration.kind == "choice") == bool(declaration.choices)
    for identity in declared.weights:
        assert catalog.weights(identity).id == identity
    for name in declared.offers:
        assert task(name).name == name


def test_the_tasks_and_their_order_are_those_that_saved_files_name():
    """Tasks that came later may stand anywhere."""
    assert [declared.name for declared in TASKS if declared.name in BEFORE] == list(BEFORE)


NEW_DEFAULTS = {"max_faces": 30_000, "texture": "1024"}  # files keep the values that were set in them
ADDED = {"unseen_sides"}  # later; files without a value take the default


@pytest.mark.parametrize("declared", [t for t in TASKS if t.name in BEFORE], ids=lambda declared: declared.name)
def test_inputs_weights_and_parameters_are_those_that_saved_files_name(declared: Task[Any]):
    before = BEFORE[declared.name]
    assert [list(declared.inputs), list(declared.weights), list(declared.parts)] == [
        before["inputs"],
        before["weights"],
        before["parts"],
    ]
    kept = [p for p in declared.parameters if p.name not in ADDED]
    assert [[p.name, p.kind, p.default, p.minimum, p.maximum, list(p.choices), p.unit] for p in kept] == [
        [name, kind, NEW_DEFAULTS.get(name, default), *rest] for name, kind, default, *rest in before["parameters"]
    ]


def test_catalog_names_are_unique_and_hashes_complete():
    assert len({w.id for w in catalog.WEIGHTS}) == len(catalog.WEIGHTS)
    for weights in catalog.WEIGHTS:
        assert weights.licence and weights.purpose
        assert weights.size > 0 or not weights.repository
        for file in weights.files:
            assert file.size is None or file.size > 0
            assert file.sha256 is None or (len(file.sha256) == 64 and int(file.sha256, 16) > 0)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, True),
        ({"depth": 0.5}, True),
        ({"auto_elevation": False}, True),
        ({"depth": 0.5, "auto_elevation": False}, False),
        ({"weights": "triposr"}, False),
        ({"weights": "openlrm-small-1.1"}, False),
        ({"weights": "/a/folder"}, False),
    ],
)
def test_lrm_takes_a_seed_where_the_starter_estimates_something(values, expected):
    assert task("lrm").check(values).is_seeded == expected


def test_every_task_takes_a_seed_but_those_that_work_on_a_mesh_alone():
    unseeded = [declared.name for declared in TASKS if not declared.check({}).is_seeded]
    assert unseeded == ["make_solid", "print_check"]
