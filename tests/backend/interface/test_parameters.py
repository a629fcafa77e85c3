# SPDX-License-Identifier: GPL-3.0-or-later
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.interface import catalog
from backend.interface.parameters import Engine, Parameter, ParameterError
from backend.interface.tasks import ENGINES, engine

STEPS = Parameter("steps", "Steps", "int", 12, 2, 100)
ANGLE = Parameter("angle", "Angle", "float", 20.0, -30, 80, unit="deg")
SWITCH = Parameter("switch", "Switch", "bool", True)
MODE = Parameter("mode", "Mode", "choice", "auto", choices=("auto", "always", "never"))
TEXT = Parameter("text", "Text", "string", "")
ENGINE = Engine("toy", "Toy", "", ("image",), (STEPS, ANGLE, SWITCH, MODE, TEXT), ())


@pytest.mark.parametrize(
    ("parameter", "given_value", "expected"),
    [
        (STEPS, "7", 7),
        (STEPS, 7.0, 7),
        (STEPS, 2, 2),
        (STEPS, 100, 100),
        (ANGLE, "-30", -30.0),
        (ANGLE, " 1e1 ", 10.0),
        (ANGLE, 80, 80.0),
        (SWITCH, "No", False),
        (SWITCH, "1", True),
        (SWITCH, 0, False),
        (MODE, "never", "never"),
        (TEXT, "größe", "größe"),
    ],
)
def test_understands(parameter: Parameter, given_value, expected):
    value = parameter.check(given_value)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("parameter", "value", "words"),
    [
        (STEPS, 1, ("Steps", "2 to 100")),
        (STEPS, 101, ("Steps", "2 to 100")),
        (STEPS, 2.5, ("whole number", "2.5")),
        (STEPS, "many", ("whole number", "many")),
        (STEPS, True, ("whole number",)),
        (STEPS, None, ("whole number",)),
        (STEPS, [3], ("whole number",)),
        (STEPS, 10**400, ("whole number",)),
        (ANGLE, math.nan, ("number", "-30 to 80 deg")),
        (ANGLE, math.inf, ("number",)),
        (ANGLE, "1e999", ("number",)),
        (SWITCH, "maybe", ("true or false",)),
        (SWITCH, 2, ("true or false",)),
        (MODE, "alway", ("did you mean 'always'", "auto, always, never")),
        (MODE, 3, ("text",)),
        (TEXT, "x" * 5000, ("4096",)),
        (TEXT, "a\0b", ("text",)),
    ],
)
def test_refuses_and_says_what_is_allowed(parameter: Parameter, value, words):
    with pytest.raises(ParameterError) as caught:
        parameter.check(value)
    for word in words:
        assert word in str(caught.value)


def test_fills_in_defaults():
    assert ENGINE.check({"steps": "3"}) == {"steps": 3, "angle": 20.0, "switch": True, "mode": "auto", "text": ""}


def test_names_the_nearest_parameter_and_engine():
    with pytest.raises(ParameterError, match="did you mean 'angle'"):
        ENGINE.check({"angel": 1})
    with pytest.raises(ParameterError, match="did you mean 'one2345'"):
        engine("one-2345")
    with pytest.raises(ParameterError, match="did you mean 'starter'"):
        catalog.weights("startr")


@given(
    st.dictionaries(
        st.sampled_from([p.name for p in ENGINE.parameters]) | st.text(max_size=12),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()),
    )
)
def test_any_values_give_a_full_set_in_range_or_an_error(values):
    try:
        checked = ENGINE.check(values)
    except ParameterError:
        return
    assert list(checked) == ["steps", "angle", "switch", "mode", "text"]
    assert 2 <= checked["steps"] <= 100
    assert -30 <= checked["angle"] <= 80


@pytest.mark.parametrize("declared", ENGINES, ids=lambda e: e.name)
def test_declarations_hold_together(declared: Engine):
    """What Blender draws must be true: defaults pass their own checks, names are Python names, weights exist."""
    assert engine(declared.name) is declared
    assert declared.check({}) == {p.name: p.default for p in declared.parameters}
    for parameter in declared.parameters:
        assert parameter.name.isidentifier()
        assert parameter.title
        assert parameter.help
        assert parameter.check(parameter.default) == parameter.default
        assert (parameter.kind == "choice") == bool(parameter.choices)
    for identity in declared.weights:
        assert catalog.weights(identity).id == identity


def test_catalog_has_no_two_of_a_name_and_whole_hashes():
    assert len({w.id for w in catalog.WEIGHTS}) == len(catalog.WEIGHTS)
    for weights in catalog.WEIGHTS:
        assert weights.licence and weights.purpose
        assert weights.size > 0 or not weights.repository
        for file in weights.files:
            assert file.size is None or file.size > 0
            assert file.sha256 is None or (len(file.sha256) == 64 and int(file.sha256, 16) > 0)
