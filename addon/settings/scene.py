# SPDX-License-Identifier: GPL-3.0-or-later
"""What the artist can set, kept with the scene. Engines' settings are built from their declarations."""

import math
import zlib

import bpy

from ...backend.interface import catalog, parameters, tasks
from ..base.trouble import Trouble
from . import views

WEIGHTS, OWN = "weights", "OWN"  # the parameter that is a choice of what is there, and its choice of a path
GROUP = "IMAGE_TO_MESH_PG_"  # before an engine's name, its group's
ANSWERED_BY_PREFERENCES = frozenset({"device"})  # set once for the machine, not for each scene
DECLARED = (*tasks.ENGINES, *tasks.OTHERS)  # what has settings
INT_LIMIT = 2**31 - 1

SOURCES = (
    ("FILE", "File", "An image file on this computer", "FILE_IMAGE", 0),
    ("IMAGE", "Image", "An image that is open in Blender", "IMAGE_DATA", 1),
    ("RENDER", "Render", "The last render", "RENDER_RESULT", 2),
    ("PROMPT", "Prompt", "A picture of the prompt, which is made first", "TEXT", 3),
)


def shown(engine: parameters.Engine) -> list[parameters.Parameter]:
    """The parameters that the panel shows."""
    return [p for p in engine.parameters if p.name not in ANSWERED_BY_PREFERENCES]


def is_angle(parameter: parameters.Parameter) -> bool:
    """Blender shows and keeps angles in its own way; the backend's are degrees."""
    return parameter.kind == "float" and parameter.unit == "deg"


def property_of(parameter: parameters.Parameter):
    """One of Blender's deferred properties for a parameter's declaration."""
    common = {"name": parameter.title, "description": parameter.help.rstrip(".")}
    default, minimum, maximum = parameter.default, parameter.minimum, parameter.maximum
    if parameter.name == WEIGHTS:
        return bpy.props.EnumProperty(items=weights_items, default=number_of(default), **common)
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
    low, high = max(low, -3e38), min(high, 3e38)
    return bpy.props.FloatProperty(default=default, min=low, max=high, **common)


def engine_of(group: bpy.types.PropertyGroup | None) -> parameters.Engine:
    """The engine whose settings the group holds."""
    name = type(group).__name__.removeprefix(GROUP)
    return next((engine for engine in DECLARED if engine.name == name), DECLARED[0])


def offered(engine: parameters.Engine) -> list[catalog.Weights]:
    """The sets of weights that do the first part of the engine's way, which the artist chooses by."""
    return [w for w in catalog.WEIGHTS if w.part in engine.parts or w.id in engine.weights]


_items: dict[str, list[tuple[str, str, str, int]]] = {}  # by engine; Blender keeps no reference to these strings


def weights_items(group, _context) -> list[tuple[str, str, str, int]]:
    """The choices: every set with a word about whether it is here, and a path."""
    from ..setup import disk_scan

    engine, seen, items = engine_of(group), disk_scan.seen(), []
    for weights in offered(engine):
        lacks = seen.complete and not seen.models.get(weights.id, {}).get("folder")
        title = f"{weights.title} (not downloaded)" if lacks else weights.title
        items.append((weights.id.upper(), title, weights.purpose, number_of(weights.id)))
    items.append((OWN, "Folder or File...", "Weights of your own", number_of(OWN)))
    if items != _items.get(engine.name):
        _items[engine.name] = items
    return _items[engine.name]


def number_of(identity: str) -> int:
    """What a file keeps of a choice: the same number in every version, wherever the choice stands in the list."""
    return zlib.crc32(identity.encode()) >> 1


def lacking_weights(group: bpy.types.PropertyGroup) -> list[catalog.Weights]:
    """The sets that the chosen weights need and that are not here, as far as that is known."""
    from ..setup import disk_scan

    seen, chosen = disk_scan.seen(), getattr(group, WEIGHTS)
    parts = {"surface"} if "views" in engine_of(group).parts and chosen != OWN else set()
    needed = [w for w in catalog.WEIGHTS if w.id.upper() == chosen or w.part in parts]
    if not seen.complete or chosen == "STARTER":
        return []
    return [weights for weights in needed if not seen.models.get(weights.id, {}).get("folder")]


def value_of(group: bpy.types.PropertyGroup, parameter: parameters.Parameter):
    """What the property holds, as the backend wants it."""
    value = getattr(group, parameter.name)
    if parameter.name == WEIGHTS:
        own = bpy.path.abspath(group.weights_path)
        known = {weights.id.upper(): weights.id for weights in offered(engine_of(group))} | {OWN: own}
        if value not in known:
            raise Trouble("The chosen weights are unknown to this version", "Choose others under Settings", "weights")
        return known[value]
    if parameter.kind == "choice":  # a newer version may have written a value that this one does not know
        return next((choice for choice in parameter.choices if choice.upper() == value), parameter.default)
    if parameter.kind == "float":  # Blender keeps 32 bits: 0.2 comes back as 0.20000000298
        return round(math.degrees(value) if is_angle(parameter) else value, 5)
    return value


def set_value(settings, preferences, engine: str, name: str, value) -> None:
    """Give an engine's parameter a value of the backend's, wherever the artist sets it."""
    parameter = tasks.asked(engine).parameter(name)
    if parameter.name in ANSWERED_BY_PREFERENCES:
        setattr(preferences, parameter.name, value.upper())
        return
    value = value.upper() if parameter.kind == "choice" else math.radians(value) if is_angle(parameter) else value
    setattr(getattr(settings, engine), parameter.name, value)


def group_of(engine: parameters.Engine) -> type:
    """A property group class with one property a parameter."""
    annotations = {parameter.name: property_of(parameter) for parameter in shown(engine)}
    if WEIGHTS in annotations:
        annotations["weights_path"] = bpy.props.StringProperty(
            name="Path", description="A checkpoint, or a folder with weights", subtype="FILE_PATH"
        )
    name = GROUP + engine.name
    return type(name, (bpy.types.PropertyGroup,), {"__annotations__": annotations})


def settings_group(groups: dict[str, type]) -> type:
    """The class of `scene.image_to_mesh`: the choice of image and engine, and one group an engine."""
    engines = [(e.name.upper(), e.title, e.help.rstrip("."), number_of(e.name)) for e in tasks.ENGINES]
    annotations = {
        "engine": bpy.props.EnumProperty(
            items=engines, default=engines[0][0], name="Engine", description="The way from image to mesh"
        ),
        "source": bpy.props.EnumProperty(items=SOURCES, name="Source", description="Where the image comes from"),
        "filepath": bpy.props.StringProperty(
            name="Image File", description="The picture of the object", subtype="FILE_PATH"
        ),
        "image": bpy.props.PointerProperty(type=bpy.types.Image, name="Image", description="The picture of the object"),
        "prompt": bpy.props.StringProperty(name="Prompt", description="What the mesh should be, in words"),
        "seed": bpy.props.IntProperty(
            name="Seed", description="Another number gives another guess at what the image does not show", min=0
        ),
    }
    from ..operators import finish, refine
    from ..scene import placement  # which know the session, which knows this

    annotations["views"] = bpy.props.PointerProperty(type=views.ViewSettings)
    annotations["refine"] = bpy.props.PointerProperty(type=refine.RefineSettings)
    annotations["finish"] = bpy.props.PointerProperty(type=finish.FinishSettings)
    annotations["placement"] = bpy.props.PointerProperty(type=placement.PlacementSettings)
    for name, group in groups.items():
        annotations[name] = bpy.props.PointerProperty(type=group)
    return type("IMAGE_TO_MESH_PG_settings", (bpy.types.PropertyGroup,), {"__annotations__": annotations})


def chosen_engine(settings) -> parameters.Engine:
    """The engine that the panel shows; the first when a newer version's file names one that this one has not."""
    chosen = (engine for engine in tasks.ENGINES if engine.name.upper() == settings.engine)
    return next(chosen, tasks.ENGINES[0])


def parameters_of(engine: parameters.Engine, settings, device: str) -> dict:
    """All parameters of an engine by name, `device` from the preferences."""
    values = {parameter.name: value_of(getattr(settings, engine.name), parameter) for parameter in shown(engine)}
    if any(parameter.name == "device" for parameter in engine.parameters):
        values["device"] = device
    return engine.check(values)


classes: list[type] = []


def register() -> None:
    groups = {engine.name: group_of(engine) for engine in DECLARED}
    classes[:] = [*groups.values(), settings_group(groups)]
    for cls in classes:
        bpy.utils.register_class(cls)
    bpy.types.Scene.image_to_mesh = bpy.props.PointerProperty(type=classes[-1])


def unregister() -> None:
    del bpy.types.Scene.image_to_mesh
    for cls in reversed(classes):
        bpy.utils.unregister_class(cls)
