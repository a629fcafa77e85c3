# SPDX-License-Identifier: GPL-3.0-or-later
"""One property group for each declaration of the backend, and the way between its values and Blender's."""

from __future__ import annotations

import math

import bpy

from ...backend.interface import parameters, tasks
from ..base.preferences import preferences
from . import choices
from .choices import OWN_PATH, WEIGHTS

GROUP = "IMAGE_TO_MESH_PG_"  # and an engine's name: the class name of its group
SET_IN_PREFERENCES = frozenset({"device"})  # once for the machine, not for each scene
DECLARED = (*tasks.ENGINES, *tasks.OTHERS)
INT_LIMIT = 2**31 - 1
FLOAT_LIMIT = 3e38


def shown(engine: parameters.Engine) -> list[parameters.Parameter]:
    """The parameters that the panel shows."""
    return [p for p in engine.parameters if p.name not in SET_IN_PREFERENCES]


def is_angle(parameter: parameters.Parameter) -> bool:
    """Whether Blender keeps the value in radians; the backend's is in degrees."""
    return parameter.kind == "float" and parameter.unit == "deg"


def property_of(engine: parameters.Engine, parameter: parameters.Parameter):
    """Blender's deferred property for a declared parameter."""
    common = {"name": parameter.title, "description": parameter.help.rstrip(".")}
    default, minimum, maximum = parameter.default, parameter.minimum, parameter.maximum
    if parameter.name == WEIGHTS:
        return choices.weights_property(engine, parameter)
    if parameter.kind == "bool":
        return bpy.props.BoolProperty(default=default, **common)
    if parameter.kind == "choice":
        items = [(choice.upper(), choice.replace("_", " ").title(), "") for choice in parameter.choices]
        return bpy.props.EnumProperty(items=items, default=default.upper(), **common)
    if parameter.kind == "string":
        return bpy.props.StringProperty(default=default, **common)
    if parameter.kind == "int":
        low = -INT_LIMIT if minimum is None else int(minimum)
        high = INT_LIMIT if maximum is None else int(maximum)
        return bpy.props.IntProperty(default=default, min=low, max=high, **common)
    low = -math.inf if minimum is None else minimum
    high = math.inf if maximum is None else maximum
    if is_angle(parameter):
        default, low, high = math.radians(default), math.radians(low), math.radians(high)
        common["subtype"] = "ANGLE"
    return bpy.props.FloatProperty(default=default, min=max(low, -FLOAT_LIMIT), max=min(high, FLOAT_LIMIT), **common)


def group_class(engine: parameters.Engine) -> type[bpy.types.PropertyGroup]:
    """A class with one property a parameter."""
    annotations = {parameter.name: property_of(engine, parameter) for parameter in shown(engine)}
    if WEIGHTS in annotations:
        annotations[OWN_PATH] = bpy.props.StringProperty(
            name="Path", description="A checkpoint, or a folder with weights", subtype="FILE_PATH"
        )
    return type(GROUP + engine.name, (bpy.types.PropertyGroup,), {"__annotations__": annotations})


CLASSES = {engine.name: group_class(engine) for engine in DECLARED}


def group_of(settings: bpy.types.PropertyGroup, engine: parameters.Engine) -> bpy.types.PropertyGroup:
    """The engine's settings in `scene.image_to_mesh`."""
    return getattr(settings, engine.name)


def chosen_engine(settings) -> parameters.Engine:
    """The engine that the panel shows; the first one if the file names one that only a newer version has."""
    chosen = (engine for engine in tasks.ENGINES if engine.name.upper() == settings.engine)
    return next(chosen, tasks.ENGINES[0])


def value_of(settings, engine: parameters.Engine, parameter: parameters.Parameter):
    """The parameter's value as the backend wants it. Raises Trouble."""
    group = group_of(settings, engine)
    value = getattr(group, parameter.name)
    if parameter.name == WEIGHTS:
        return choices.chosen_weights(group, engine)
    if parameter.kind == "choice":  # a newer version may have written a value that this one does not know
        return next((choice for choice in parameter.choices if choice.upper() == value), parameter.default)
    if parameter.kind == "float":  # Blender keeps 32 bits: 0.2 comes back as 0.20000000298
        return round(math.degrees(value) if is_angle(parameter) else value, 5)
    return value


def set_value(settings, engine: parameters.Engine, name: str, value) -> None:
    """Give a parameter a value of the backend's, in the scene or in the preferences."""
    parameter = engine.parameter(name)
    if parameter.name in SET_IN_PREFERENCES:
        setattr(preferences(), parameter.name, value.upper())
        return
    value = value.upper() if parameter.kind == "choice" else math.radians(value) if is_angle(parameter) else value
    setattr(group_of(settings, engine), parameter.name, value)


def parameters_of(settings, engine: parameters.Engine) -> dict:
    """All parameters of an engine by name, the device from the preferences. Raises Trouble."""
    values = {parameter.name: value_of(settings, engine, parameter) for parameter in shown(engine)}
    return engine.check(values | machine_parameters(engine))


def machine_parameters(engine: parameters.Engine) -> dict:
    """Those of its parameters that the preferences hold."""
    names = SET_IN_PREFERENCES & {parameter.name for parameter in engine.parameters}
    return {name: getattr(preferences(), name).lower() for name in names}


register, unregister = bpy.utils.register_classes_factory(list(CLASSES.values()))
