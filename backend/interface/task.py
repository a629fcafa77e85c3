# SPDX-License-Identifier: GPL-3.0-or-later
"""A task: one kind of request, with the inputs and parameters that it takes and the weights that it needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, Literal, TypeVar

from . import catalog
from .parameters import Parameter, ParameterError, fits, nearest, parameters_of

WEIGHTS = "weights"
Values = TypeVar("Values", covariant=True)


@dataclass(frozen=True)
class Task(Generic[Values]):
    """The declaration from which Blender's panel, the command line and the checks of a request are built.

    inputs: of "image", "prompt", "mesh", "views", "angles" and "photos". values: the dataclass whose fields are the
    parameters. weights: ids of the catalog that have to be here. parts: the catalog's word for the part that the
    weights to choose from play. offers: names of other tasks that this one's networks can do.
    optimises: it improves its result step by step, so that stopping early still gives one.
    """

    name: str
    title: str
    help: str
    inputs: tuple[str, ...]
    values: type[Values]
    weights: tuple[str, ...]
    parts: tuple[str, ...] = ("all", "views")
    produces: Literal["mesh", "images"] = "mesh"
    offers: tuple[str, ...] = ()
    optimises: bool = False

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters in the order in which they are shown."""
        return parameters_of(self.values)

    def parameter(self, name: str) -> Parameter:
        """The parameter of that name; ParameterError names the nearest one."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        names = [p.name for p in self.parameters]
        raise ParameterError(
            f"{self.title} has no parameter {str(name)[:80]!r}{nearest(name, names)}. It has: {', '.join(names)}."
        )

    def without_effect(self, names: Iterable[str], values: Any) -> list[str]:
        """A sentence for each of the named parameters that changes nothing together with these values."""
        chosen = {name: value for name, value in vars(values).items() if name != WEIGHTS or is_known(value)}
        said = []
        for idle in (p for p in map(self.parameter, dict.fromkeys(names)) if not p.applies(chosen)):
            cause = next(other for other, allowed in idle.only.items() if not fits(chosen.get(other), allowed))
            value = str(chosen[cause]).lower() if isinstance(chosen[cause], bool) else chosen[cause]
            said.append(f"{idle.title} ({idle.name}) has no effect with {cause}={value}.")
        return said

    def check(self, values: dict[str, Any]) -> Values:
        """Checked and converted values, defaults where nothing is given; ParameterError."""
        if not isinstance(values, dict):
            raise ParameterError("Parameters must be given as name and value.")
        return self.values(**{name: self.parameter(name).check(value) for name, value in values.items()})


def is_known(weights: str) -> bool:
    """Whether weights are named by their id; what a file or folder holds is known only when it is read."""
    return any(weights == known.id for known in catalog.WEIGHTS)
