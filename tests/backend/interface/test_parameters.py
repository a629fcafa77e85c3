# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import math

import pytest

from backend.interface.parameters import Parameter, ParameterError, Values, parameter, parameters, parameters_of

STEPS = Parameter("steps", "Steps", "int", 12, 2, 100)
ANGLE = Parameter("angle", "Angle", "float", 20.0, -30, 80, unit="deg")
SWITCH = Parameter("switch", "Switch", "bool", True)
MODE = Parameter("mode", "Mode", "choice", "auto", choices=("auto", "always", "never"))
TEXT = Parameter("text", "Text", "string", "")


@parameters
class Base(Values):
    shared: int = parameter("Shared", 1, help="of both")
    changed: float = parameter("Changed", 2.0, unit="deg")


@parameters
class Derived(Base):
    own: str = parameter("Own", "a", choices=("a", "b"))
    changed: float = parameter("Changed", 5.0, 0, 9)
    flag: bool = parameter("Flag", False)


def test_own_parameters_come_before_inherited_ones_and_changed_ones_keep_their_place():
    assert parameters_of(Derived) == (
        Parameter("own", "Own", "choice", "a", choices=("a", "b")),
        Parameter("flag", "Flag", "bool", False),
        Parameter("shared", "Shared", "int", 1, help="of both"),
        Parameter("changed", "Changed", "float", 5.0, 0, 9),
    )


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
def test_valid_values_are_converted(parameter: Parameter, given_value, expected):
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
def test_invalid_values_are_refused_with_the_allowed_ones(parameter: Parameter, value, words):
    with pytest.raises(ParameterError) as caught:
        parameter.check(value)
    for word in words:
        assert word in str(caught.value)
