# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters of tasks, declared once: from them come Blender's panel, the command line and the checks."""

from __future__ import annotations

import dataclasses
import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, dataclass_transform

Declared = TypeVar("Declared")
Kind = Literal["int", "float", "bool", "choice", "string"]
TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
MAX_TEXT = 4096  # characters of a string parameter
BLANKS = "\t\n\v\f\r\x85\u2028\u2029"
INVISIBLE = "\ufeff\u200b\u2060\u00ad"  # byte order marks, blanks of no width, and soft hyphens
MAX_ANGLES = 32  # views of one request


class ParameterError(ValueError):
    """A value or a name that cannot be used; the message and `remedy`, what to do, are written for an artist."""

    def __init__(self, message: str, remedy: str = "Change the value and try again.") -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True)
class Parameter:
    """One parameter of a task. `unit` is "", "deg" or a word to show; `choices` belong to kind "choice".

    own: where the default means a word, `automatic`, the value to begin with instead. only: the values of other
    parameters with which it has an effect, by their names; of weights, the beginnings of their names.
    is_path: whether a text names a file, so that any bytes may stand in it.
    """

    name: str
    title: str
    kind: Kind
    default: Any
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""
    help: str = ""
    own: float | None = None
    automatic: str = ""
    only: Mapping[str, tuple] = field(default_factory=dict)
    is_path: bool = False

    def applies(self, values: Mapping[str, Any]) -> bool:
        """Whether it has an effect together with these values of other parameters, as far as that is known."""
        return all(fits(values.get(name), allowed) for name, allowed in self.only.items())

    def check(self, value: Any) -> Any:
        """The value converted to this parameter's kind, also from text; ParameterError if that fails."""
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
        return value if self.is_path else read_text(value, f"{self.title} ({self.name})")

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


class Values:
    """Base of a task's parameter class: values by name, defaults for the others, and no way to change them."""

    def __init__(self, **values: Any) -> None:
        names = [field.name for field in dataclasses.fields(self)]  # pyright: ignore[reportArgumentType]
        if unknown := values.keys() - set(names):
            raise TypeError(f"{type(self).__name__} has no {', '.join(sorted(unknown))}")
        self.__dict__.update({name: values.get(name, getattr(type(self), name)) for name in names})

    @property
    def is_seeded(self) -> bool:
        """Whether another seed gives another result with these parameters."""
        return True

    def __setattr__(self, name: str, value: Any) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot assign to {name!r}")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


@dataclass_transform(frozen_default=True, kw_only_default=True)
def parameters(declared: type[Declared]) -> type[Declared]:
    """Make a frozen dataclass of a subclass of Values.

    dataclass(frozen=True) would compile six methods for each class, which Blender would wait for at every start.
    """
    return dataclass(init=False, repr=False, eq=False)(declared)


def parameter(
    title: str,
    default: Any,
    minimum: float | None = None,
    maximum: float | None = None,
    *,
    choices: tuple[str, ...] = (),
    unit: str = "",
    help: str = "",
    own: float | None = None,
    automatic: str = "Automatic",
    only: Mapping[str, tuple] | None = None,
    is_path: bool = False,
) -> Any:
    """Declare a field of a task's parameter class; the field's annotation (int, float, bool or str) is its kind."""
    shown = {"title": title, "minimum": minimum, "maximum": maximum, "choices": choices, "unit": unit, "help": help}
    shown |= {"own": own, "automatic": automatic if own is not None else "", "only": only or {}, "is_path": is_path}
    return dataclasses.field(default=default, metadata=shown)


def read_text(text: str, name: str) -> str:
    """A text for a model, on one line and without characters that show nothing. ParameterError for what is no text:
    bytes that are not UTF-8, which stand in Python's texts as surrogates, and control characters."""
    shown = "".join(" " if letter in BLANKS else letter for letter in text if letter not in INVISIBLE)
    for letter in shown:
        if (kind := unicodedata.category(letter)) == "Cs":
            raise ParameterError(f"{name} has bytes that are no text (UTF-8).", "Type it again.")
        if kind == "Cc":
            raise ParameterError(f"{name} has the control character U+{ord(letter):04X}.", "Remove it.")
    return shown


def fits(value: Any, allowed: tuple) -> bool:
    """Whether a value is among those allowed, or begins as one of them does; None, an unknown value, may fit."""
    prefixes = tuple(prefix for prefix in allowed if isinstance(prefix, str))
    return value is None or value in allowed or (isinstance(value, str) and value.startswith(prefixes))


def parameters_of(declared: type) -> tuple[Parameter, ...]:
    """The parameters that a dataclass declares: those new in this class first, then those that it inherits.

    A class that declares an inherited parameter again changes it, and leaves it in its place.
    """
    fields = {field.name: describe(field) for field in dataclasses.fields(declared)}
    return tuple(fields[name] for name in order_of(declared))


def order_of(declared: type | None) -> list[str]:
    """Names of a dataclass's fields, own ones before inherited ones."""
    if not dataclasses.is_dataclass(declared):
        return []
    inherited = order_of(declared.__base__)  # pyright: ignore[reportAttributeAccessIssue]
    return [field.name for field in dataclasses.fields(declared) if field.name not in inherited] + inherited


def describe(field: dataclasses.Field) -> Parameter:
    """One field that `parameter` made."""
    kind = "choice" if field.metadata["choices"] else {"str": "string"}.get(field.type, field.type)  # pyright: ignore
    return Parameter(name=field.name, kind=kind, default=field.default, **field.metadata)  # pyright: ignore


def nearest(word: Any, known: tuple[str, ...] | list[str]) -> str:
    """A hint at the closest known word, or an empty text."""
    from difflib import get_close_matches  # late: only errors need it, and Blender's start waits for imports

    close = get_close_matches(str(word)[:80].lower(), known, n=1, cutoff=0.5)
    return f" (did you mean {close[0]!r}?)" if close else ""


def check_angles(value: Any) -> list[tuple[float, float | None]]:
    """(azimuth, elevation) pairs in degrees of a request, None for the image's own elevation; ParameterError."""
    pairs: list[Any] = value if isinstance(value, list) and 0 < len(value) <= MAX_ANGLES else [None]
    for pair in pairs:
        whole = isinstance(pair, (list, tuple)) and len(pair) == 2
        if not whole or not is_angle(pair[0]) or not (pair[1] is None or is_angle(pair[1])):
            raise ParameterError(f"Angles are 1 to {MAX_ANGLES} pairs of azimuth and elevation in degrees.")
    return [(float(azimuth), None if height is None else float(height)) for azimuth, height in pairs]


def is_angle(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
