# SPDX-License-Identifier: GPL-3.0-or-later
"""The tasks that there are, each with its parameters. engines/ has the module that runs each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .common_parameters import (
    CommonParameters,
    MeshParameters,
    auto_elevation,
    elevation,
    guidance,
    minutes,
    multi_view_weights,
    negative,
    remove_background,
    steps,
    text_weights,
    weights,
)
from .parameters import ParameterError, nearest, parameter
from .task import Task

VIEW_GUIDANCE = "How strictly the imagined views follow the image; 0 takes what suits the weights"
SHAPE_GUIDANCE = "How strictly the shape follows the prompt; 0 takes what suits the weights"
PROMPT_STEPS = "Optimisation steps; 0 takes what suits the weights: 10,000 as published, 120 for the starter"


@dataclass(frozen=True)
class LRMParameters(MeshParameters):
    auto_elevation: bool = auto_elevation(
        "Estimate the camera's height above the object from the image, for the starter weights. Others are not told it"
    )
    elevation_deg: float = elevation(20.0)
    depth: float = parameter(
        "Depth",
        0.0,
        0,
        5,
        help="How deep the object is, as a share of its width, with the starter weights. 0 estimates it",
    )
    match_picture: bool = parameter(
        "Match Picture",
        True,
        help="Cut the mesh to the image's outline and give its front the image's colours, with the starter weights",
    )
    remove_background: str = remove_background()
    source_distance: float = parameter(
        "Camera Distance",
        2.0,
        1.2,
        4.0,
        help="How far OpenLRM takes the camera to be from the object, whose space reaches from -1 to 1",
    )
    threshold: float = parameter(
        "Threshold",
        0.0,
        0,
        1000,
        help="Density from which on something is solid; lower keeps thin parts. 0 takes what suits the weights",
    )
    mesh_resolution: int = parameter(
        "Mesh Resolution",
        256,
        32,
        1024,
        unit="cells",
        help="Marching cubes cells along each side; more gives a finer mesh",
    )


LRM = Task(
    name="lrm",
    title="LRM (fastest)",
    help="One network sees the image and gives the whole shape in one pass, in seconds; with the weights of "
    "TripoSR or OpenLRM too",
    inputs=("image",),
    values=LRMParameters,
    weights=("starter",),
    parts=("all", "planes"),
)


def lower_contrast() -> Any:
    return parameter(
        "Lower Contrast",
        False,
        help="Darken the image by a fifth for published weights, which helps with very bright objects",
    )


def quality() -> Any:
    return parameter(
        "Quality",
        "fast",
        choices=("fast", "paper"),
        help="How published weights imagine the views: fast in 20 steps; paper in 75 noisy ones, as published. "
        "The starter weights always take one step",
    )


def inference_steps() -> Any:
    return parameter(
        "Steps",
        0,
        0,
        100,
        help="Denoising steps for each imagined view; 0 takes as many as suit the weights and the quality",
    )


@dataclass(frozen=True)
class One2345Parameters(MeshParameters):
    auto_elevation: bool = auto_elevation()
    elevation_deg: float = elevation(20.0)
    match_picture: bool = parameter(
        "Match Picture", True, help="Cut the mesh to the image's outline and give its front the image's colours"
    )
    remove_background: str = remove_background()
    lower_contrast: bool = lower_contrast()
    quality: str = quality()
    num_inference_steps: int = inference_steps()
    guidance_scale: float = guidance(VIEW_GUIDANCE, 10)


ONE2345 = Task(
    name="one2345",
    title="One-2-3-45 (fast)",
    help="Imagines the object from 32 sides and fits a surface to them, in about a minute on a CPU",
    inputs=("image",),
    values=One2345Parameters,
    weights=("starter",),
    offers=("novel_view", "views_to_mesh"),
)


@dataclass(frozen=True)
class Zero123SDSParameters(MeshParameters):
    method: str = parameter(
        "Method",
        "sds",
        choices=("sds", "sjc"),
        help="sds: score distillation of a density field; sjc: Zero-1-to-3's own, with voxels",
    )
    start: str = parameter(
        "Start",
        "nothing",
        choices=("nothing", "fast", "mesh"),
        help="What to begin with: nothing; fast, what the fast engine makes; or the mesh that is selected",
    )
    steps: int = steps("Optimisation steps; 0 takes what suits the weights and the method")
    minutes: float = minutes()
    auto_elevation: bool = auto_elevation(
        "Estimate the camera's height above the object from the image, where the weights can"
    )
    elevation_deg: float = elevation(5.0)
    match_picture: bool = parameter(
        "Match Picture",
        True,
        help="Give the finished mesh's front the image's colours, and cut what the starter made of a mesh "
        "to the image's outline",
    )
    remove_background: str = remove_background()
    guidance_scale: float = guidance(f"{VIEW_GUIDANCE} and the method")


ZERO123_SDS = Task(
    name="zero123_sds",
    title="Zero-1-to-3 (slow, optimised)",
    help="Optimises a shape until it looks like the image, and from all other sides as Zero-1-to-3 expects; "
    "can refine what the fast engine makes, or a mesh",
    inputs=("image", "mesh"),
    values=Zero123SDSParameters,
    weights=("starter",),
    optimises=True,
)


@dataclass(frozen=True)
class MakeIt3DParameters(MeshParameters):
    description: str = parameter(
        "Description", "", help="What the image shows, in words; empty asks BLIP, where its weights are here"
    )
    negative: str = negative()
    refine: bool = parameter(
        "Refine Colours",
        True,
        help="The second stage: colours from the image itself in front, and as the model expects elsewhere",
    )
    steps: int = steps(
        "Optimisation steps of the shape; 0 takes what suits the weights: 5,000 as released, 160 for the "
        "starter. Refining takes its share of them more"
    )
    minutes: float = minutes()
    elevation_deg: float = elevation(10.0, "Angle from which the image looks down on the object")
    remove_background: str = remove_background()
    guidance_scale: float = guidance(
        "How strictly the other sides follow the description; 0 takes what suits the weights"
    )
    weights: str = text_weights()


MAKE_IT_3D = Task(
    name="make_it_3d",
    title="Make-It-3D (slow, optimised)",
    help="Optimises a shape until its front is the image and its other sides fit the image's description, then "
    "refines its colours as points",
    inputs=("image",),
    values=MakeIt3DParameters,
    weights=("starter-text",),
    parts=("text",),
    optimises=True,
)


@dataclass(frozen=True)
class DreamFusionParameters(MeshParameters):
    negative: str = negative()
    perp_neg: bool = parameter(
        "Avoid Extra Faces",
        False,
        help="Perp-Neg: tell the model at every view which sides must not show; three more looks a step",
    )
    start: str = parameter(
        "Start",
        "nothing",
        choices=("nothing", "mesh"),
        help="What to begin with: nothing, or the mesh that is selected",
    )
    surface: str = parameter(
        "Surface",
        "density",
        choices=("density", "distance"),
        help="What is optimised: a density, as published, or a signed distance, slower, with cleaner surfaces",
    )
    steps: int = steps(PROMPT_STEPS)
    minutes: float = minutes()
    guidance_scale: float = guidance(SHAPE_GUIDANCE)
    weights: str = text_weights()


DREAMFUSION = Task(
    name="dreamfusion",
    title="DreamFusion (prompt, slow)",
    help="Optimises a shape until it looks from everywhere as Stable Diffusion expects of the prompt",
    inputs=("prompt", "mesh"),
    values=DreamFusionParameters,
    weights=("starter-text",),
    parts=("text",),
    optimises=True,
)

SHAP_E_HELP = "One diffusion model of whole shapes, in a minute: smooth, simple, free for any use. Needs a download"
SHAP_E_STEPS = "Denoising steps; 0 takes 64, as published"
SHAP_E_WEIGHTS = "A set by its name in the list of models, or a diffusers folder"


@dataclass(frozen=True)
class ShapEParameters(MeshParameters):
    steps: int = steps(SHAP_E_STEPS, 1000)
    guidance_scale: float = guidance("How strictly the shape follows the image; 0 takes 3, as published", 50)
    remove_background: str = remove_background()
    weights: str = weights("shap-e-img2img", SHAP_E_WEIGHTS)


SHAP_E = Task(
    name="shap_e",
    title="Shap-E",
    help=SHAP_E_HELP,
    inputs=("image",),
    values=ShapEParameters,
    weights=(),
    parts=("shap_e",),
)


@dataclass(frozen=True)
class ShapETextParameters(MeshParameters):
    steps: int = steps(SHAP_E_STEPS, 1000)
    guidance_scale: float = guidance("How strictly the shape follows the prompt; 0 takes 15, as published", 50)
    weights: str = weights("shap-e", SHAP_E_WEIGHTS)


SHAP_E_TEXT = Task(
    name="shap_e_text",
    title="Shap-E (prompt)",
    help=SHAP_E_HELP,
    inputs=("prompt",),
    values=ShapETextParameters,
    weights=(),
    parts=("shap_e_text",),
)


@dataclass(frozen=True)
class MVDreamParameters(MeshParameters):
    negative: str = negative()
    steps: int = steps(PROMPT_STEPS)
    minutes: float = minutes()
    guidance_scale: float = guidance(SHAPE_GUIDANCE)
    rescale: float = parameter(
        "Contrast Rescale",
        0.5,
        0,
        1,
        help="How far the contrast that guidance adds is taken back; the paper takes 0.7, its code 0.5",
    )
    shading: bool = parameter(
        "Shading",
        True,
        help="Light the shape in half the steps, which shows its form; needs twice the memory and time",
    )
    weights: str = multi_view_weights()


MVDREAM = Task(
    name="mvdream",
    title="MVDream (prompt, slow)",
    help="Optimises a shape until four sides at once look as MVDream expects of the prompt, which cures the extra "
    "faces of DreamFusion",
    inputs=("prompt",),
    values=MVDreamParameters,
    weights=("starter-text",),
    parts=("multi_view",),
    optimises=True,
)


@dataclass(frozen=True)
class TextToImageParameters(CommonParameters):
    negative: str = negative()
    steps: int = steps("Denoising steps; 0 takes 30", 1000)
    guidance_scale: float = guidance("How strictly the picture follows the prompt; 0 takes what suits the weights", 50)
    weights: str = text_weights()


TEXT_TO_IMAGE = Task(
    name="text_to_image",
    title="Picture of a Prompt",
    help="Makes an image from words, for the engines that start from an image",
    inputs=("prompt",),
    values=TextToImageParameters,
    weights=("starter-text",),
    parts=("text",),
    produces="images",
)


@dataclass(frozen=True)
class NovelViewParameters(CommonParameters):
    auto_elevation: bool = auto_elevation()
    elevation_deg: float = elevation(20.0)
    remove_background: str = remove_background()
    lower_contrast: bool = lower_contrast()
    quality: str = quality()
    num_inference_steps: int = inference_steps()
    guidance_scale: float = guidance(VIEW_GUIDANCE, 10)


NOVEL_VIEW = Task(
    name="novel_view",
    title="Novel View",
    help="Imagines the object in the image from other sides",
    inputs=("image", "angles"),
    values=NovelViewParameters,
    weights=("starter",),
    produces="images",
)


@dataclass(frozen=True)
class ViewsToMeshParameters(MeshParameters):
    method: str = parameter(
        "Method",
        "fast",
        choices=("fast", "neus"),
        help="fast: one pass of SparseNeuS, in seconds; neus: a surface optimised until every view shows it, in "
        "minutes",
    )
    steps: int = steps("Optimisation steps of neus; 0 takes 300")
    minutes: float = minutes("Ends neus after this time, whatever it has by then; 0 takes all the steps")
    remove_background: str = remove_background()


VIEWS_TO_MESH = Task(
    name="views_to_mesh",
    title="Views to Mesh",
    help="Makes a mesh of pictures whose cameras are known",
    inputs=("views",),
    values=ViewsToMeshParameters,
    weights=("starter",),
    optimises=True,
)


@dataclass(frozen=True)
class ViewsFromTextParameters(CommonParameters):
    negative: str = negative()
    views: int = parameter("Views", 4, 1, 16, help="How many, evenly around; the models learnt four")
    elevation_deg: float = elevation(
        15.0, "Angle from which all the views look down on the object; MVDream learnt 0 to 30", maximum=60
    )
    steps: int = steps("Denoising steps; 0 takes 50, or 30 with the starter", 1000)
    guidance_scale: float = guidance("How strictly the views follow the prompt; 0 takes what suits the weights", 50)
    weights: str = multi_view_weights()


VIEWS_FROM_TEXT = Task(
    name="views_from_text",
    title="Views of a Prompt",
    help="Makes pictures of one object from several sides from words, with their cameras",
    inputs=("prompt",),
    values=ViewsFromTextParameters,
    weights=("starter-text",),
    parts=("multi_view",),
    produces="images",
)


@dataclass(frozen=True)
class DreamBoothParameters(CommonParameters):
    subject: str = parameter(
        "Name", "", help="Its word in prompts, without the < and > that go around it: small letters, digits, - and _"
    )
    kind: str = parameter("Kind", "", help="What it is, in words that the model knows, such as: chair")
    method: str = parameter(
        "Method",
        "lora",
        choices=("lora", "full"),
        help="lora: a small file, a third of the memory; full: all of the model changes, as published",
    )
    steps: int = steps("Learning steps; 0 takes 600, or 200 with the starter")
    preservation: float = parameter(
        "Preservation",
        -1.0,
        -1,
        1e6,
        help="How strongly the model is held to what it knew; -1 takes what suits the weights, 1 as published",
    )
    remove_background: str = remove_background()
    weights: str = multi_view_weights()


DREAMBOOTH = Task(
    name="dreambooth",
    title="Learn a Subject",
    help="Learns one object from 3 to 6 photos, so that prompts can name it, such as <gnome>",
    inputs=("photos",),
    values=DreamBoothParameters,
    weights=("starter-text",),
    parts=("multi_view",),
    produces="images",
    optimises=True,
)

# The engines that Image to Mesh and `generate` offer: they take an image or a prompt and make a mesh.
MESH_TASKS: tuple[Task[Any], ...] = (
    LRM,
    ONE2345,
    ZERO123_SDS,
    MAKE_IT_3D,
    DREAMFUSION,
    SHAP_E,
    SHAP_E_TEXT,
    MVDREAM,
)
TASKS: tuple[Task[Any], ...] = (*MESH_TASKS, TEXT_TO_IMAGE, NOVEL_VIEW, VIEWS_TO_MESH, VIEWS_FROM_TEXT, DREAMBOOTH)


def task(name: str, among: tuple[Task[Any], ...] = TASKS) -> Task[Any]:
    """The task of that name; ParameterError names the nearest one."""
    for declared in among:
        if declared.name == name:
            return declared
    names = [declared.name for declared in among]
    raise ParameterError(f"There is no engine {str(name)[:80]!r}{nearest(name, names)}. Engines: {', '.join(names)}.")
