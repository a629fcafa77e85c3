# SPDX-License-Identifier: GPL-3.0-or-later
"""Seconds by stage of every task on two processor cores, for the first job of a kind; later ones are remembered.

Those of the starter weights were measured with `python -m benchmarks.time_left`. Those of published weights are
estimates from single steps (docs/benchmarks.md): right within a factor of three or so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .stage_times import Kind, Times
from .tasks import ONE2345, TEXT_TO_IMAGE, task

Settings = Mapping[str, Any]

FASTER = {"cpu": 1, "mps": 5, "cuda": 25}  # than two cores, at what networks do: rough guesses
LOADING = frozenset({"Loading the engine", "Loading weights"})
BY_PROCESSOR = LOADING | {"Preparing", "Texture"}  # with any device
TIMED = frozenset({"Optimising", "Shape", "Refining"})  # stages that the parameter `minutes` limits
TEXTURED_FACES = 40_000  # at most, on a mesh with a texture
PACKING_SHARE = 0.55  # of a texture's seconds, whatever the number of faces
SHAPE_SHARE = 0.62  # of Make-It-3D's minutes
LOADED_S = 0.02  # for what is loaded already
LEAST_S = 0.01


def shipped_times(kind: Kind, device: str = "cpu") -> Times:
    """Seconds by stage, in their order; empty for an engine that the table does not know. device: cpu, cuda or mps."""
    if kind.task not in TABLE:
        return {}
    settings = {p.name: p.default for p in task(kind.task).parameters} | kind.settings
    times: Times = {"Loading the engine": 2.8}
    if settings.get("drawn"):
        times[TEXT_TO_IMAGE.title] = 0.9 if is_starter(settings) else 900.0
    if settings.get("start") == "fast":
        times["Start"] = sum(one2345(vars(ONE2345.check({"weights": settings["weights"]}))).values())
    for stage, seconds in TABLE[kind.task](settings).items():
        times[stage] = times.get(stage, 0.0) + seconds
    for stage in times:
        if (stage in LOADING and kind.is_warm) or (stage == "Loading weights" and settings.get("start") == "fast"):
            times[stage] = LOADED_S
        elif stage not in BY_PROCESSOR:
            times[stage] /= FASTER.get(device, 1)
    if settings.get("minutes"):
        times |= limited(times, 60 * settings["minutes"])
    return {stage: max(seconds, LEAST_S) for stage, seconds in times.items()}


def limited(times: Times, seconds: float) -> Times:
    """The stages that end after `seconds` together."""
    if "Refining" in times:
        return {"Shape": SHAPE_SHARE * seconds, "Refining": (1 - SHAPE_SHARE) * seconds}
    return {stage: seconds for stage in times if stage in TIMED}


def is_starter(settings: Settings) -> bool:
    return str(settings["weights"]).startswith("starter")


def steps_of(settings: Settings, starter: int, published: int) -> int:
    """The number of optimisation steps, where 0 stands for the default of the weights."""
    return settings["steps"] or (starter if is_starter(settings) else published)


def cells(settings: Settings, power: float) -> float:
    """By how much more there is to do than at 128 cells a side."""
    return (settings["mesh_resolution"] / 128) ** power


def texture(settings: Settings, seconds: float) -> Times:
    """The stage of a texture, if there is one, which takes `seconds` for 30,000 faces and 1024 pixels a side."""
    if settings["texture"] == "off":
        return {}
    faces = min(settings["max_faces"] or TEXTURED_FACES, TEXTURED_FACES)
    share = PACKING_SHARE + (1 - PACKING_SHARE) * faces / 30_000
    return {"Texture": seconds * share * (int(settings["texture"]) / 1024) ** 1.45}


def surface(settings: Settings, seconds: float) -> Times:
    """The last stage of engines that optimise, the texture in it."""
    return {"Surface": seconds * cells(settings, 2.5) + sum(texture(settings, 2.0).values())}


def lrm(settings: Settings) -> Times:
    if not is_starter(settings):
        times = {"Preparing": 0.5, "Loading weights": 8.0, "Reading the image": 15.0}
        return (
            times | {"Surface": 4.0 * cells(settings, 2), "Colors": 1.0 * cells(settings, 2)} | texture(settings, 4.5)
        )
    times = {"Preparing": 0.02, "Loading weights": 0.25, "Reading the image": 0.05}
    return (
        times
        | {"Surface": 1.6 + 0.6 * cells(settings, 2.2), "Colors": 0.3 * cells(settings, 2.2)}
        | texture(settings, 4.5)
    )


def one2345(settings: Settings) -> Times:
    if is_starter(settings):
        times = {"Preparing": 0.02, "Loading weights": 0.7, "Views around": 0.14, "Close views": 0.13}
    else:
        steps = settings.get("num_inference_steps") or (75 if settings.get("quality") == "paper" else 20)
        times = {"Preparing": 1.0, "Loading weights": 30.0, "Views around": 110.0 * steps, "Close views": 450.0 * steps}
    return (
        times
        | {"Features": 0.25, "Surface": 1.2 + 0.3 * cells(settings, 2), "Colors": 3.0 * cells(settings, 2.5)}
        | texture(settings, 3.5)
    )


def zero123_sds(settings: Settings) -> Times:
    small, sjc = is_starter(settings), settings["method"] == "sjc"
    step = (0.35 if sjc else 0.17) if small else 7.0 if sjc else 200.0
    steps = steps_of(settings, 160, 10_000 if sjc else 600)
    starts = settings["start"] != "nothing"
    times = {"Preparing": 0.02, "Loading weights": 1.0 if small else 20.0, "Start": 4.0 if starts else 0.3}
    return times | {"Optimising": steps * step} | surface(settings, 0.2 if starts else 0.6)


def make_it_3d(settings: Settings) -> Times:
    small = is_starter(settings)
    steps = steps_of(settings, 160, 5000)
    times = {"Preparing": 0.05, "Loading weights": 0.5 if small else 30.0, "Shape": steps * (0.24 if small else 60.0)}
    if settings["refine"]:
        times |= {"Points": 9.0, "Refining": steps * (0.055 if small else 36.0)}
    return times | surface(settings, 1.9)


def dreamfusion(settings: Settings) -> Times:
    small = is_starter(settings)
    start = {"Start": 4.0} if settings["start"] == "mesh" else {}
    step = (0.086 if small else 45.0) * (2.5 if settings["perp_neg"] else 1)
    optimising = {"Optimising": 0.85 + steps_of(settings, 120, 10_000) * step}
    return {"Loading weights": 1.0 if small else 20.0} | start | optimising | surface(settings, 0.6)


def mvdream(settings: Settings) -> Times:
    small = is_starter(settings)
    step = (0.16 if small else 150.0) * (1 if settings["shading"] else 0.6)
    optimising = {"Optimising": steps_of(settings, 120, 10_000) * step}
    return {"Loading weights": 1.0 if small else 30.0} | optimising | surface(settings, 0.6)


def shap_e(settings: Settings) -> Times:
    shape = {"Shape": 12.0 * (settings["steps"] or 64)}
    return {"Preparing": 1.0, "Loading weights": 20.0} | shape | surface(settings, 30.0)


def triposg(settings: Settings) -> Times:
    """With bfloat16, from single layers: 13 TFLOP a step; 275,000 points, then 480,000 more for 256 cells a side."""
    vectors = settings["latents"] / 2048
    shape = {"Shape": 28.0 * vectors * settings["num_inference_steps"]}
    times = {"Preparing": 1.0, "Loading weights": 25.0, "Reading the image": 3.0} | shape
    times["Surface"] = (60.0 + 22.0 * cells(settings, 2)) * (0.7 + 0.3 * vectors)
    return times | {"Colors": 8.0} | texture(settings, 4.5)


def text_to_image(settings: Settings) -> Times:
    step = 0.008 if is_starter(settings) else 28.0
    return {"Loading weights": 0.5 if is_starter(settings) else 20.0, "Picture": step * (settings["steps"] or 30)}


def novel_view(settings: Settings) -> Times:
    if is_starter(settings):
        return {"Loading weights": 0.6, "View": 0.01 * settings.get("angles", 1)}
    steps = settings["num_inference_steps"] or (75 if settings["quality"] == "paper" else 20)
    return {"Loading weights": 20.0, "View": 14.0 * steps * settings.get("angles", 1)}


def views_to_mesh(settings: Settings) -> Times:
    views = settings.get("views", 32) / 32
    if settings["method"] == "neus":
        optimising = {"Optimising": 0.5 * (settings["steps"] or 300)}
        return {"Preparing": views, "Start": 5.0} | optimising | surface(settings, 0.6)
    surfaces = {"Surface": 2.0 * cells(settings, 2), "Colors": 2.0 * cells(settings, 2)}
    return {"Preparing": views, "Loading weights": 1.0, "Features": 2.0 * views} | surfaces | texture(settings, 2.0)


def views_from_text(settings: Settings) -> Times:
    step = (0.003 if is_starter(settings) else 14.0) * settings["views"]
    steps = steps_of(settings, 30, 50)
    return {"Loading weights": 1.0 if is_starter(settings) else 30.0, "Views": steps * step}


def dreambooth(settings: Settings) -> Times:
    step = 1.0 if is_starter(settings) else 100.0
    return {"Loading weights": 1.0 if is_starter(settings) else 30.0, "Learning": steps_of(settings, 200, 600) * step}


def make_solid(settings: Settings) -> Times:
    return {"Repairing": 4.0} | ({"Skin": 20.0 * (settings["cells"] / 160) ** 2} if settings["remesh"] else {})


def print_check(settings: Settings) -> Times:
    return {"Checking": 4.0}


TABLE: dict[str, Callable[[Settings], Times]] = {
    "lrm": lrm,
    "one2345": one2345,
    "zero123_sds": zero123_sds,
    "make_it_3d": make_it_3d,
    "dreamfusion": dreamfusion,
    "mvdream": mvdream,
    "shap_e": shap_e,
    "shap_e_text": shap_e,
    "triposg": triposg,
    "text_to_image": text_to_image,
    "novel_view": novel_view,
    "views_to_mesh": views_to_mesh,
    "views_from_text": views_from_text,
    "dreambooth": dreambooth,
    "make_solid": make_solid,
    "print_check": print_check,
}
