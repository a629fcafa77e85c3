# SPDX-License-Identifier: GPL-3.0-or-later
"""One property group for each task that the backend declares, and the conversion between its values and Blender's."""

from __future__ import annotations

import math

import bpy

from ...backend.interface import parameters, tasks
from ...backend.interface.task import Task
from ..base import stored_paths
from ..base.preferences import preferences
from . import choices
from .choices import OWN_PATH, WEIGHTS

GROUP = "IMAGE_TO_MESH_PG_"  # and a task's name: the class name of its group
SET_IN_PREFERENCES = frozenset({"device"})  # once for the machine, not for each scene
SPELLED = {"sds": "SDS", "sjc": "SJC", "neus": "NeuS", "lora": "LoRA"}
AUTOMATIC = "_automatic"  # a parameter's name and this: the check box that stands for its default
INT_LIMIT = 2**31 - 1
FLOAT_LIMIT = 3e38


def shown(task: Task) -> list[parameters.Parameter]:
    """The parameters that the panel shows."""
    return [p for p in task.parameters if p.name not in SET_IN_PREFERENCES]


def is_angle(parameter: parameters.Parameter) -> bool:
    """Whether Blender keeps the value in radians; the backend's is in degrees."""
    return parameter.kind == "float" and parameter.unit == "deg"


def property_of(task: Task, parameter: parameters.Parameter):
    """Blender's deferred property for a declared parameter."""
    common = {"name": parameter.title, "description": parameter.help.rstrip(".")}
    default, minimum, maximum = parameter.default, parameter.minimum, parameter.maximum
    if parameter.name == WEIGHTS:
        return choices.weights_property(task, parameter)
    if parameter.kind == "bool":
        return bpy.props.BoolProperty(default=default, **common)
    if parameter.kind == "choice":
        items = [(choice.upper(), SPELLED.get(choice, choice.title()), "") for choice in parameter.choices]
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


def automatic_property(parameter: parameters.Parameter):
    """A check box that is on as long as the parameter has its default, which stands for an automatic choice."""

    def get(group) -> bool:
        return getattr(group, parameter.name) == parameter.default

    def put(group, is_automatic: bool) -> None:
        setattr(group, parameter.name, parameter.default if is_automatic else parameter.own)

    return bpy.props.BoolProperty(
        name=parameter.automatic, description="Let the engine choose. Clear it to set a value", get=get, set=put
    )


def applies(group: bpy.types.PropertyGroup, task: Task, parameter: parameters.Parameter) -> bool:
    """Whether the parameter has an effect with what is set and chosen now. Of the artist's own weights nothing is
    known."""
    values = {p.name: getattr(group, p.name) for p in shown(task) if p.name in parameter.only}
    values = {name: value.lower() if isinstance(value, str) else value for name, value in values.items()}
    if values.get(WEIGHTS) == choices.OWN.lower():
        values[WEIGHTS] = None
    return parameter.applies(values)


def group_class(task: Task) -> type[bpy.types.PropertyGroup]:
    """A class with one property a parameter."""
    annotations = {parameter.name: property_of(task, parameter) for parameter in shown(task)}
    annotations |= {p.name + AUTOMATIC: automatic_property(p) for p in shown(task) if p.own is not None}
    if WEIGHTS in annotations:
        annotations[OWN_PATH] = bpy.props.StringProperty(
            name="Path",
            description="Checkpoint, or folder with weights",
            subtype="FILE_PATH",
            update=lambda group, _context: stored_paths.trust(getattr(group, OWN_PATH)),
        )
    return type(GROUP + task.name, (bpy.types.PropertyGroup,), {"__annotations__": annotations})


CLASSES = {task.name: group_class(task) for task in tasks.TASKS}


def group_of(settings: bpy.types.PropertyGroup, task: Task) -> bpy.types.PropertyGroup:
    """The task's settings in `scene.image_to_mesh`."""
    return getattr(settings, task.name)


def chosen_engine(settings) -> Task:
    """The engine that the panel shows; the first one if the file names one that only a newer version has."""
    chosen = (task for task in tasks.MESH_TASKS if task.name.upper() == settings.engine)
    return next(chosen, tasks.MESH_TASKS[0])


def value_of(settings, task: Task, parameter: parameters.Parameter):
    """The parameter's value as the backend wants it. Raises Trouble."""
    group = group_of(settings, task)
    value = getattr(group, parameter.name)
    if parameter.name == WEIGHTS:
        return choices.chosen_weights(group, task)
    if parameter.kind == "choice":  # a newer version may have written a value that this one does not know
        return next((choice for choice in parameter.choices if choice.upper() == value), parameter.default)
    if parameter.kind == "float":  # Blender keeps 32 bits: 0.2 comes back as 0.20000000298
        return round(math.degrees(value) if is_angle(parameter) else value, 5)
    return value


def set_value(settings, task: Task, name: str, value) -> None:
    """Give a parameter a value of the backend's, in the scene or in the preferences."""
    parameter = task.parameter(name)
    if parameter.name in SET_IN_PREFERENCES:
        setattr(preferences(), parameter.name, value.upper())
        return
    value = value.upper() if parameter.kind == "choice" else math.radians(value) if is_angle(parameter) else value
    setattr(group_of(settings, task), parameter.name, value)


def parameters_of(settings, task: Task) -> dict:
    """All parameters of a task by name, the device from the preferences. Raises Trouble."""
    values = {parameter.name: value_of(settings, task, parameter) for parameter in shown(task)}
    return vars(task.check(values | machine_parameters(task)))


def shown_values(settings, task: Task) -> dict:
    """All parameters of a task by name, unchecked. Cheap, for panels; a path stands for the artist's own weights."""
    group = group_of(settings, task)
    values = {p.name: value_of(settings, task, p) for p in shown(task) if p.name != WEIGHTS}
    if hasattr(group, WEIGHTS):
        chosen = getattr(group, WEIGHTS)
        values[WEIGHTS] = getattr(group, OWN_PATH) if chosen == choices.OWN else chosen.lower()
    return values | machine_parameters(task)


def is_seeded(settings, task: Task) -> bool:
    """Whether another seed gives another result with the task's settings. Cheap."""
    try:
        return task.check(shown_values(settings, task)).is_seeded
    except ValueError:  # values of a newer version
        return True


def machine_parameters(task: Task) -> dict:
    """Those of its parameters that the preferences hold."""
    names = SET_IN_PREFERENCES & {parameter.name for parameter in task.parameters}
    return {name: getattr(preferences(), name).lower() for name in names}


register, unregister = bpy.utils.register_classes_factory(list(CLASSES.values()))
