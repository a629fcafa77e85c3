# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import math

import pytest

from backend.interface.common_parameters import check_prompt
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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a red caf\udce9", "bytes that are no text"),
        ("\ud83d car", "bytes that are no text"),  # half of an emoji
        ("a\x07car", r"control character U\+0007"),
        ("a\x9bcar", r"control character U\+009B"),
        ("a\x1b[1mcar", r"control character U\+001B"),
    ],
)
def test_what_is_no_text_is_refused_by_name_but_in_names_of_files(text, words):
    with pytest.raises(ParameterError, match=words) as caught:
        TEXT.check(text)
    assert caught.value.remedy in ("Type it again.", "Remove it.")
    assert Parameter("weights", "Weights", "string", "", is_path=True).check(text) == text


def test_line_ends_become_blanks_and_invisible_characters_go():
    assert TEXT.check("\ufeffa\tred\r\nc\u00ada\u200br\u2028") == "a red  car "
    assert (
        TEXT.check("naïve 赤い 🚗 cafe\u0301 \U0001f468\u200d\U0001f469")
        == "naïve 赤い 🚗 cafe\u0301 \U0001f468\u200d\U0001f469"
    )


@pytest.mark.parametrize("prompt", [None, 3, "", "  ", "\n\t\u3000\xa0", "\u200b\ufeff"])
def test_a_blank_prompt_is_none(prompt):
    with pytest.raises(ParameterError, match="There is no prompt"):
        check_prompt(prompt)


@pytest.mark.parametrize("prompt", ["...", "\u0301", "\u0301\u20dd -", "?!", "()"])
def test_a_prompt_of_marks_alone_has_no_word(prompt):
    with pytest.raises(ParameterError, match="has no word"):
        check_prompt(prompt)


@pytest.mark.parametrize("prompt", ["car", "車", "🚗", "7", "<gnome>", "C++"])
def test_a_prompt_with_a_word_a_number_or_a_sign_is_taken(prompt):
    assert check_prompt(f" {prompt}\n") == prompt
