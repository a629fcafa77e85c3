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


def engine(name: str) -> Engine:
    """The declaration of an engine; ParameterError names the nearest one."""
    for declared in ENGINES:
        if declared.name == name:
            return declared
    names = [e.name for e in ENGINES]
    raise ParameterError(f"There is no engine {str(name)[:80]!r}{nearest(name, names)}. Engines: {', '.join(names)}.")


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


PROMPT = Parameter("prompt", "Prompt", "string", "")
REMOVE_BACKGROUND = Parameter(
    "remove_background", "Remove Background", "choice", "auto", choices=("auto", "always", "never"),
    help="Cut the object out of the image; auto does so when the image has no transparency",
)  # fmt: skip
COMMON = (
    Parameter(
        "mesh_resolution", "Mesh Resolution", "int", 128, 32, 512, unit="cells",
        help="Marching cubes cells along each side; more gives a finer mesh",
    ),
    Parameter(
        "max_faces", "Maximum Faces", "int", 200_000, 0, 2_000_000, unit="faces",
        help="Simplify the mesh to at most this many triangles; 0 keeps all",
    ),
    Parameter(
        "texture", "Texture", "choice", "off", choices=("off", "512", "1024", "2048", "4096"), unit="pixels",
        help="Unwrap the mesh and put its colours on a picture of this side, instead of on the vertices alone. The "
        "mesh then has at most 40,000 faces",
    ),
    Parameter(
        "device", "Device", "choice", "auto", choices=("auto", "cpu", "cuda", "mps"),
        help="Where the work is done; auto takes the graphics card where there is one",
    ),
    Parameter(
        "weights", "Weights", "string", "starter",
        help="The built-in starter weights, a set by its name in the list of models, or a folder or checkpoint",
    ),
)  # fmt: skip

NEGATIVE = Parameter("negative", "Avoid", "string", "", help="What it should not look like, in words")
TEXT_WEIGHTS = Parameter(
    "weights", "Weights", "string", "starter-text",
    help="The built-in starter weights, a set by its name in the list of models, or a diffusers folder",
)  # fmt: skip

MULTI_VIEW_WEIGHTS = Parameter(
    "weights", "Weights", "string", "starter-text",
    help="The built-in starter weights, a set by its name in the list of models, or a folder or .pt file of MVDream",
)  # fmt: skip

PICTURE = Engine(  # makes no mesh, but the image for the engines that take one
    name="text_to_image",
    title="Picture of a Prompt",
    help="Makes an image from words, for the engines that start from an image",
    inputs=("prompt",),
    parameters=(
        NEGATIVE,
        Parameter("steps", "Steps", "int", 0, 0, 1000, help="Denoising steps; 0 takes 30"),
        Parameter(
            "guidance_scale", "Guidance", "float", 0.0, 0, 50,
            help="How strictly the picture follows the prompt; 0 takes what suits the weights",
        ),
        COMMON[-2],
        TEXT_WEIGHTS,
    ),
    weights=("starter-text",),
    parts=("text",),
)  # fmt: skip

ENGINES: tuple[Engine, ...] = (
    Engine(
        name="lrm",
        title="LRM (fastest)",
        help="One network sees the image and gives the whole shape in one pass, in seconds; with the weights of "
        "TripoSR or OpenLRM too",
        inputs=("image",),
        parameters=(
            Parameter(
                "auto_elevation", "Estimate Elevation", "bool", True,
                help="Estimate the camera's height above the object from the image, for the starter weights. Others "
                "are not told it",
            ),
            Parameter(
                "elevation_deg", "Elevation", "float", 20.0, -30, 80, unit="deg",
                help="Angle from which the image looks down on the object, used when it is not estimated",
            ),
            Parameter(
                "match_picture", "Match Picture", "bool", True,
                help="Cut the mesh to the image's outline and give its front the image's colours, with the starter "
                "weights",
            ),
            REMOVE_BACKGROUND,
            Parameter(
                "source_distance", "Camera Distance", "float", 2.0, 1.2, 4.0,
                help="How far OpenLRM takes the camera to be from the object, whose space reaches from -1 to 1",
            ),
            Parameter(
                "threshold", "Threshold", "float", 0.0, 0, 1000,
                help="Density from which on something is solid; lower keeps thin parts. 0 takes what suits the weights",
            ),
            Parameter(
                "mesh_resolution", "Mesh Resolution", "int", 256, 32, 1024, unit="cells",
                help="Marching cubes cells along each side; more gives a finer mesh",
            ),
            *COMMON[1:],
        ),
        weights=("starter",),
        parts=("all", "planes"),
    ),
    Engine(
        name="one2345",
        title="One-2-3-45 (fast)",
        help="Imagines the object from 32 sides and fits a surface to them, in about a minute on a CPU",
        inputs=("image",),
        parameters=(
            Parameter(
                "auto_elevation", "Estimate Elevation", "bool", True,
                help="Estimate the camera's height above the object from the image",
            ),
            Parameter(
                "elevation_deg", "Elevation", "float", 20.0, -30, 80, unit="deg",
                help="Angle from which the image looks down on the object, used when it is not estimated",
            ),
            Parameter(
                "match_picture", "Match Picture", "bool", True,
                help="Cut the mesh to the image's outline and give its front the image's colours",
            ),
            REMOVE_BACKGROUND,
            Parameter(
                "lower_contrast", "Lower Contrast", "bool", False,
                help="Darken the image by a fifth for published weights, which helps with very bright objects",
            ),
            Parameter(
                "quality", "Quality", "choice", "fast", choices=("fast", "paper"),
                help="How published weights imagine the views: fast in 20 steps; paper in 75 noisy ones, as published. "
                "The starter weights always take one step",
            ),
            Parameter(
                "num_inference_steps", "Steps", "int", 0, 0, 100,
                help="Denoising steps for each imagined view; 0 takes as many as suit the weights and the quality",
            ),
            Parameter(
                "guidance_scale", "Guidance", "float", 0.0, 0, 10,
                help="How strictly the imagined views follow the image; 0 takes what suits the weights",
            ),
            *COMMON,
        ),
        weights=("starter",),
    ),
    Engine(
        name="zero123_sds",
        title="Zero-1-to-3 (slow, optimised)",
        help="Optimises a shape until it looks like the image, and from all other sides as Zero-1-to-3 expects; "
        "can refine what the fast engine makes, or a mesh",
        inputs=("image", "mesh"),
        parameters=(
            Parameter(
                "method", "Method", "choice", "sds", choices=("sds", "sjc"),
                help="sds: score distillation of a density field; sjc: Zero-1-to-3's own, with voxels",
            ),
            Parameter(
                "start", "Start", "choice", "nothing", choices=("nothing", "fast", "mesh"),
                help="What to begin with: nothing; fast, what the fast engine makes; or the mesh that is selected",
            ),
            Parameter(
                "steps", "Steps", "int", 0, 0, 100_000,
                help="Optimisation steps; 0 takes what suits the weights and the method",
            ),
            Parameter(
                "minutes", "Time", "float", 0.0, 0, 10_000, unit="minutes",
                help="Ends after this time, whatever it has by then; 0 takes all the steps",
            ),
            Parameter(
                "auto_elevation", "Estimate Elevation", "bool", True,
                help="Estimate the camera's height above the object from the image, where the weights can",
            ),
            Parameter(
                "elevation_deg", "Elevation", "float", 5.0, -30, 80, unit="deg",
                help="Angle from which the image looks down on the object, used when it is not estimated",
            ),
            REMOVE_BACKGROUND,
            Parameter(
                "guidance_scale", "Guidance", "float", 0.0, 0, 200,
                help="How strictly the imagined views follow the image; 0 takes what suits the weights and the method",
            ),
            *COMMON,
        ),
        weights=("starter",),
    ),
    Engine(
        name="make_it_3d",
        title="Make-It-3D (slow, optimised)",
        help="Optimises a shape until its front is the image and its other sides fit the image's description, then "
        "refines its colours as points",
        inputs=("image",),
        parameters=(
            Parameter(
                "description", "Description", "string", "",
                help="What the image shows, in words; empty asks BLIP, where its weights are here",
            ),
            NEGATIVE,
            Parameter(
                "refine", "Refine Colours", "bool", True,
                help="The second stage: colours from the image itself in front, and as the model expects elsewhere",
            ),
            Parameter(
                "steps", "Steps", "int", 0, 0, 100_000,
                help="Optimisation steps of the shape; 0 takes what suits the weights: 5,000 as released, 160 for the "
                "starter. Refining takes its share of them more",
            ),
            Parameter(
                "minutes", "Time", "float", 0.0, 0, 10_000, unit="minutes",
                help="Ends after this time, whatever it has by then; 0 takes all the steps",
            ),
            Parameter(
                "elevation_deg", "Elevation", "float", 10.0, -30, 80, unit="deg",
                help="Angle from which the image looks down on the object",
            ),
            REMOVE_BACKGROUND,
            Parameter(
                "guidance_scale", "Guidance", "float", 0.0, 0, 200,
                help="How strictly the other sides follow the description; 0 takes what suits the weights",
            ),
            *COMMON[:-1],
            TEXT_WEIGHTS,
        ),
        weights=("starter-text",),
        parts=("text",),
    ),
    Engine(
        name="dreamfusion",
        title="DreamFusion (prompt, slow)",
        help="Optimises a shape until it looks from everywhere as Stable Diffusion expects of the prompt",
        inputs=("prompt", "mesh"),
        parameters=(
            NEGATIVE,
            Parameter(
                "perp_neg", "Avoid Extra Faces", "bool", False,
                help="Perp-Neg: tell the model at every view which sides must not show; three more looks a step",
            ),
            Parameter(
                "start", "Start", "choice", "nothing", choices=("nothing", "mesh"),
                help="What to begin with: nothing, or the mesh that is selected",
            ),
            Parameter(
                "steps", "Steps", "int", 0, 0, 100_000,
                help="Optimisation steps; 0 takes what suits the weights: 10,000 as published, 240 for the starter",
            ),
            Parameter(
                "minutes", "Time", "float", 0.0, 0, 10_000, unit="minutes",
                help="Ends after this time, whatever it has by then; 0 takes all the steps",
            ),
            Parameter(
                "guidance_scale", "Guidance", "float", 0.0, 0, 200,
                help="How strictly the shape follows the prompt; 0 takes what suits the weights",
            ),
            *COMMON[:-1],
            TEXT_WEIGHTS,
        ),
        weights=("starter-text",),
        parts=("text",),
    ),
    Engine(
        name="shap_e",
        title="Shap-E",
        help="One diffusion model of whole shapes, in a minute: smooth, simple, free for any use. Needs a download",
        inputs=("image",),
        parameters=(
            Parameter("steps", "Steps", "int", 0, 0, 1000, help="Denoising steps; 0 takes 64, as published"),
            Parameter(
                "guidance_scale", "Guidance", "float", 0.0, 0, 50,
                help="How strictly the shape follows the image; 0 takes 3, as published",
            ),
            REMOVE_BACKGROUND,
            *COMMON[:-1],
            Parameter(
                "weights", "Weights", "string", "shap-e-img2img",
                help="A set by its name in the list of models, or a diffusers folder",
            ),
        ),
        weights=(),
        parts=("shap_e",),
    ),
    Engine(
        name="shap_e_text",
        title="Shap-E (prompt)",
        help="One diffusion model of whole shapes, in a minute: smooth, simple, free for any use. Needs a download",
        inputs=("prompt",),
        parameters=(
            Parameter("steps", "Steps", "int", 0, 0, 1000, help="Denoising steps; 0 takes 64, as published"),
            Parameter(
                "guidance_scale", "Guidance", "float", 0.0, 0, 50,
                help="How strictly the shape follows the prompt; 0 takes 15, as published",
            ),
            *COMMON[:-1],
            Parameter(
                "weights", "Weights", "string", "shap-e",
                help="A set by its name in the list of models, or a diffusers folder",
            ),
        ),
        weights=(),
        parts=("shap_e_text",),
    ),
    Engine(
        name="mvdream",
        title="MVDream (prompt, slow)",
        help="Optimises a shape until four sides at once look as MVDream expects of the prompt, which cures the extra "
        "faces of DreamFusion",
        inputs=("prompt",),
        parameters=(
            NEGATIVE,
            Parameter(
                "steps", "Steps", "int", 0, 0, 100_000,
                help="Optimisation steps; 0 takes what suits the weights: 10,000 as published, 240 for the starter",
            ),
            Parameter(
                "minutes", "Time", "float", 0.0, 0, 10_000, unit="minutes",
                help="Ends after this time, whatever it has by then; 0 takes all the steps",
            ),
            Parameter(
                "guidance_scale", "Guidance", "float", 0.0, 0, 200,
                help="How strictly the shape follows the prompt; 0 takes what suits the weights",
            ),
            Parameter(
                "rescale", "Contrast Rescale", "float", 0.5, 0, 1,
                help="How far the contrast that guidance adds is taken back; the paper takes 0.7, its code 0.5",
            ),
            Parameter(
                "shading", "Shading", "bool", True,
                help="Light the shape in half the steps, which shows its form; needs twice the memory and time",
            ),
            *COMMON[:-1],
            MULTI_VIEW_WEIGHTS,
        ),
        weights=("starter-text",),
        parts=("multi_view",),
    ),
)  # fmt: skip

NOVEL_VIEW = Engine(  # makes no mesh either
    name="novel_view",
    title="Novel View",
    help="Imagines the object in the image from other sides",
    inputs=("image", "angles"),
    parameters=tuple(
        p
        for p in engine("one2345").parameters
        if p.name not in {"match_picture", "mesh_resolution", "max_faces", "texture"}
    ),
    weights=("starter",),
)
VIEWS = Engine(
    name="views_to_mesh",
    title="Views to Mesh",
    help="Makes a mesh of pictures whose cameras are known",
    inputs=("views",),
    parameters=(
        Parameter(
            "method", "Method", "choice", "fast", choices=("fast", "neus"),
            help="fast: one pass of SparseNeuS, in seconds; neus: a surface optimised until every view shows it, in "
            "minutes",
        ),
        Parameter("steps", "Steps", "int", 0, 0, 100_000, help="Optimisation steps of neus; 0 takes 300"),
        Parameter(
            "minutes", "Time", "float", 0.0, 0, 10_000, unit="minutes",
            help="Ends neus after this time, whatever it has by then; 0 takes all the steps",
        ),
        REMOVE_BACKGROUND,
        *COMMON,
    ),
    weights=("starter",),
)  # fmt: skip
VIEWS_OF_PROMPT = Engine(
    name="views_from_text",
    title="Views of a Prompt",
    help="Makes pictures of one object from several sides from words, with their cameras",
    inputs=("prompt",),
    parameters=(
        NEGATIVE,
        Parameter("views", "Views", "int", 4, 1, 16, help="How many, evenly around; the models learnt four"),
        Parameter(
            "elevation_deg", "Elevation", "float", 15.0, -30, 60, unit="deg",
            help="Angle from which all the views look down on the object; MVDream learnt 0 to 30",
        ),
        Parameter("steps", "Steps", "int", 0, 0, 1000, help="Denoising steps; 0 takes 50, or 30 with the starter"),
        Parameter(
            "guidance_scale", "Guidance", "float", 0.0, 0, 50,
            help="How strictly the views follow the prompt; 0 takes what suits the weights",
        ),
        COMMON[-2],
        MULTI_VIEW_WEIGHTS,
    ),
    weights=("starter-text",),
    parts=("multi_view",),
)  # fmt: skip
LEARN = Engine(
    name="dreambooth",
    title="Learn a Subject",
    help="Learns one object from 3 to 6 photos, so that prompts can name it, such as <gnome>",
    inputs=("photos",),
    parameters=(
        Parameter(
            "subject", "Name", "string", "",
            help="Its word in prompts, without the < and > that go around it: small letters, digits, - and _",
        ),
        Parameter("kind", "Kind", "string", "", help="What it is, in words that the model knows, such as: chair"),
        Parameter(
            "method", "Method", "choice", "lora", choices=("lora", "full"),
            help="lora: a small file, a third of the memory; full: all of the model changes, as published",
        ),
        Parameter("steps", "Steps", "int", 0, 0, 100_000, help="Learning steps; 0 takes 600, or 200 with the starter"),
        Parameter(
            "preservation", "Preservation", "float", -1.0, -1, 1e6,
            help="How strongly the model is held to what it knew; -1 takes what suits the weights, 1 as published",
        ),
        REMOVE_BACKGROUND,
        COMMON[-2],
        MULTI_VIEW_WEIGHTS,
    ),
    weights=("starter-text",),
    parts=("multi_view",),
)  # fmt: skip
# what can be asked for besides an engine that makes a mesh of an image or prompt
OTHERS = (PICTURE, NOVEL_VIEW, VIEWS, VIEWS_OF_PROMPT, LEARN)
# whose result is pictures and no mesh
OF_PICTURES = frozenset({PICTURE.name, NOVEL_VIEW.name, VIEWS_OF_PROMPT.name, LEARN.name})


def asked(name: str) -> Engine:
    """What a request can name: an engine, or one of OTHERS; ParameterError."""
    return next((declared for declared in OTHERS if declared.name == name), None) or engine(name)
