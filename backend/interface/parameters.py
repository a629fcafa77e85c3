# SPDX-License-Identifier: GPL-3.0-or-later
"""What each engine can be told: declarations from which Blender's panel, the command line and the checks are built."""

from __future__ import annotations

import math
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

Kind = Literal["int", "float", "bool", "choice", "string"]
TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
MAX_TEXT = 4096  # characters of a string parameter
MAX_ANGLES = 32  # views of one request


class ParameterError(ValueError):
    """A value, a parameter's name or an engine's name that cannot be used; the message is written for an artist."""


@dataclass(frozen=True)
class Parameter:
    """One setting of an engine. `unit` is "", "deg" or a word to show; `choices` belong to kind "choice"."""

    name: str
    title: str
    kind: Kind
    default: Any
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""
    help: str = ""

    def check(self, value: Any) -> Any:
        """The value converted to this parameter's kind (text is understood too); ParameterError if that fails."""
        if self.kind == "bool":
            return self._check_bool(value)
        if self.kind in ("int", "float"):
            return self._check_number(value)
        if not isinstance(value, str) or len(value) > MAX_TEXT or "\0" in value:
            raise ParameterError(f"{self.title} ({self.name}) must be a text of at most {MAX_TEXT} characters.")
        if self.kind == "choice" and value not in self.choices:
            raise ParameterError(
                f"{self.title} ({self.name}) cannot be {value[:80]!r}{nearest(value, self.choices)}. "
                f"Choose one of: {', '.join(self.choices)}."
            )
        return value

    def _check_bool(self, value: Any) -> bool:
        text = str(value).strip().lower()
        if text in TRUE or value is True:
            return True
        if text in FALSE or value is False:
            return False
        raise ParameterError(f"{self.title} ({self.name}) is either true or false, not {str(value)[:80]!r}.")

    def _check_number(self, value: Any) -> int | float:
        allowed = f"{'whole ' if self.kind == 'int' else ''}number{self._range()}"
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number) or (self.kind == "int" and number != int(number)):
            raise ParameterError(f"{self.title} ({self.name}) must be a {allowed}, not {str(value)[:80]!r}.")
        if (self.minimum is not None and number < self.minimum) or (self.maximum is not None and number > self.maximum):
            raise ParameterError(f"{self.title} ({self.name}) is {value}; it must be a {allowed}.")
        return int(number) if self.kind == "int" else float(number)

    def _range(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        if self.minimum is not None and self.maximum is not None:
            return f" from {self.minimum:g} to {self.maximum:g}{unit}"
        if self.minimum is not None:
            return f" of at least {self.minimum:g}{unit}"
        return f" of at most {self.maximum:g}{unit}" if self.maximum is not None else unit


@dataclass(frozen=True)
class Engine:
    """An engine as people see it. inputs: of "image", "prompt", "mesh", "views" and "angles"; weights: catalog's ids.

    parts: what the catalog calls the part that the weights to choose from do.
    """

    name: str
    title: str
    help: str
    inputs: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    weights: tuple[str, ...]
    parts: tuple[str, ...] = ("all", "views")

    def parameter(self, name: str) -> Parameter:
        """The parameter of that name; ParameterError names the nearest one."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        names = [p.name for p in self.parameters]
        raise ParameterError(
            f"{self.title} has no parameter {str(name)[:80]!r}{nearest(name, names)}. It has: {', '.join(names)}."
        )

    def check(self, values: dict[str, Any]) -> dict[str, Any]:
        """Every parameter's value, checked and converted, defaults where nothing is given; ParameterError."""
        if not isinstance(values, dict):
            raise ParameterError("Parameters must be given as name and value.")
        checked = {p.name: p.default for p in self.parameters}
        checked.update({name: self.parameter(name).check(value) for name, value in values.items()})
        return checked


def nearest(word: Any, known: tuple[str, ...] | list[str]) -> str:
    """A hint at the closest known word, or an empty text."""
    close = get_close_matches(str(word)[:80].lower(), known, n=1, cutoff=0.5)
    return f" (did you mean {close[0]!r}?)" if close else ""


def check_angles(value: Any) -> list[tuple[float, float | None]]:
    """(azimuth, elevation) pairs in degrees of a request, None for the image's own height; ParameterError."""
    pairs: list[Any] = value if isinstance(value, list) and 0 < len(value) <= MAX_ANGLES else [None]
    for pair in pairs:
        whole = isinstance(pair, (list, tuple)) and len(pair) == 2
        if not whole or not is_angle(pair[0]) or not (pair[1] is None or is_angle(pair[1])):
            raise ParameterError(f"Angles are 1 to {MAX_ANGLES} pairs of azimuth and elevation in degrees.")
    return [(float(azimuth), None if height is None else float(height)) for azimuth, height in pairs]


def is_angle(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
