# SPDX-License-Identifier: GPL-3.0-or-later
"""The tasks that there are, each with its parameters. engines/ has the module that runs each."""

from __future__ import annotations

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
    unseen_sides,
    weights,
)
from .mesh_tasks import MAKE_SOLID, PRINT_CHECK
from .parameters import ParameterError, nearest, parameter, parameters
from .task import Task

VIEW_GUIDANCE = "How closely the generated views follow the image; 0 uses the default for the weights"
SHAPE_GUIDANCE = "How closely the shape follows the prompt; 0 uses the default for the weights"
STARTER = {"weights": ("starter",)}  # parameters that have an effect with these weights alone
PUBLISHED = {"weights": ("zero123", "stable-zero123")}
NEUS = {"method": ("neus",)}
GIVEN = {"auto_elevation": (False,)}  # the elevation, if it is not estimated
PROMPT_STEPS = "Optimisation steps; 0 uses 10,000, or 120 with the starter weights"


@parameters
class LRMParameters(MeshParameters):
    """Parameters of LRM, TripoSR and OpenLRM."""

    auto_elevation: bool = auto_elevation(
        "Estimate the camera's elevation from the image. Starter weights only; others do not use it", STARTER
    )
    elevation_deg: float = elevation(20.0, only=STARTER | GIVEN)
    depth: float = parameter(
        "Depth",
        0.0,
        0,
        5,
        help="Depth of the object relative to its width. Starter weights only; 0 estimates it",
        own=1.0,
        only=STARTER,
    )
    match_picture: bool = parameter(
        "Match Picture",
        True,
        help="Project the image onto the front of the mesh. The starter weights also trim the mesh to the image's "
        "outline",
    )
    unseen_sides: str = unseen_sides()
    remove_background: str = remove_background()
    source_distance: float = parameter(
        "Distance",
        2.0,
        1.2,
        4.0,
        help="Distance of the camera that OpenLRM assumes; the object lies within -1 to 1",
        only={"weights": ("openlrm",)},
    )
    threshold: float = parameter(
        "Threshold",
        0.0,
        0,
        1000,
        help="Density above which space is solid; lower keeps thin parts. 0 uses the default for the weights",
        own=10.0,
        only={"weights": ("triposr", "openlrm")},
    )
    mesh_resolution: int = parameter(
        "Resolution",
        256,
        32,
        1024,
        unit="cells",
        help="Marching cubes cells along each side; more gives a finer mesh",
    )

    @property
    def is_seeded(self) -> bool:
        """Only the starter estimates something that another seed can draw."""
        return self.weights == "starter" and (self.auto_elevation or not self.depth)


LRM = Task(
    name="lrm",
    title="LRM (fastest)",
    help="One network turns the image into a mesh in one pass, in seconds. Also runs the weights of TripoSR and "
    "OpenLRM",
    inputs=("image",),
    values=LRMParameters,
    weights=("starter",),
    parts=("all", "planes"),
)


def lower_contrast() -> Any:
    return parameter(
        "Lower Contrast",
        False,
        help="Darken the image by a fifth, which helps with very bright objects. Published weights only",
        only=PUBLISHED,
    )


def quality() -> Any:
    return parameter(
        "Quality",
        "fast",
        choices=("fast", "paper"),
        help="How published weights sample the views: fast takes 20 steps; paper takes 75 noisy steps, as "
        "published. Starter weights always take one",
        only=PUBLISHED,
    )


def inference_steps() -> Any:
    return parameter(
        "Steps",
        0,
        0,
        100,
        help="Denoising steps per view; 0 uses the default for the weights and the quality",
        own=20,
        only=PUBLISHED,
    )


@parameters
class One2345Parameters(MeshParameters):
    """Parameters of One-2-3-45."""

    auto_elevation: bool = auto_elevation()
    elevation_deg: float = elevation(20.0, only=GIVEN)
    match_picture: bool = parameter(
        "Match Picture", True, help="Trim the mesh to the image's outline and project the image onto its front"
    )
    unseen_sides: str = unseen_sides()
    remove_background: str = remove_background()
    lower_contrast: bool = lower_contrast()
    quality: str = quality()
    num_inference_steps: int = inference_steps()
    guidance_scale: float = guidance(VIEW_GUIDANCE, 10)


ONE2345 = Task(
    name="one2345",
    title="One-2-3-45 (fast)",
    help="Generates 32 views of the object and fits a surface to them, in about a minute on a CPU",
    inputs=("image",),
    values=One2345Parameters,
    weights=("starter",),
    offers=("novel_view", "views_to_mesh"),
)


@parameters
class Zero123SDSParameters(MeshParameters):
    """Parameters of Zero-1-to-3 by score distillation."""

    method: str = parameter(
        "Method",
        "sds",
        choices=("sds", "sjc"),
        help="sds: score distillation of a density field; sjc: the method of the Zero-1-to-3 paper, with voxels",
    )
    start: str = parameter(
        "Start",
        "nothing",
        choices=("nothing", "fast", "mesh"),
        help="Start from nothing, from the mesh that One-2-3-45 makes (fast), or from the selected mesh",
    )
    steps: int = steps("Optimisation steps; 0 uses the default for the weights and the method", own=500)
    minutes: float = minutes()
    auto_elevation: bool = auto_elevation("Estimate the camera's elevation from the image, if the weights can")
    elevation_deg: float = elevation(5.0, only=GIVEN)
    match_picture: bool = parameter(
        "Match Picture",
        True,
        help="Project the image onto the front of the finished mesh. A mesh that the starter weights refined is "
        "also trimmed to the image's outline",
    )
    unseen_sides: str = unseen_sides()
    remove_background: str = remove_background()
    guidance_scale: float = guidance(f"{VIEW_GUIDANCE} and the method")


ZERO123_SDS = Task(
    name="zero123_sds",
    title="Zero-1-to-3 (slow, optimised)",
    help="Optimises a shape until it matches the image in front and Zero-1-to-3's prediction everywhere else. Can "
    "also refine a mesh",
    inputs=("image", "mesh"),
    values=Zero123SDSParameters,
    weights=("starter",),
    optimises=True,
)


@parameters
class MakeIt3DParameters(MeshParameters):
    """Parameters of Make-It-3D."""

    description: str = parameter(
        "Description",
        "",
        help="What the image shows, in words. If empty, BLIP describes it, if its weights are installed",
    )
    negative: str = negative()
    refine: bool = parameter(
        "Refine Colors",
        True,
        help="Second stage: colors come from the image in front, and from the model elsewhere",
    )
    steps: int = steps(
        "Optimisation steps for the shape; 0 uses 5,000, or 160 with the starter weights. Refining adds more in "
        "proportion",
        own=500,
    )
    minutes: float = minutes()
    elevation_deg: float = elevation(10.0, "Camera angle above the horizon in the image")
    remove_background: str = remove_background()
    guidance_scale: float = guidance(
        "How closely the other sides follow the description; 0 uses the default for the weights"
    )
    weights: str = text_weights()


MAKE_IT_3D = Task(
    name="make_it_3d",
    title="Make-It-3D (slow, optimised)",
    help="Optimises a shape until it matches the image in front and its description from other sides, then refines "
    "the colors",
    inputs=("image",),
    values=MakeIt3DParameters,
    weights=("starter-text",),
    parts=("text",),
    optimises=True,
)


@parameters
class DreamFusionParameters(MeshParameters):
    """Parameters of DreamFusion."""

    negative: str = negative()
    perp_neg: bool = parameter(
        "Avoid Extra Faces",
        False,
        help="Negative prompts per view direction (Perp-Neg). Three extra model evaluations per step",
    )
    start: str = parameter(
        "Start",
        "nothing",
        choices=("nothing", "mesh"),
        help="Start from nothing, or from the selected mesh",
    )
    surface: str = parameter(
        "Surface",
        "density",
        choices=("density", "distance"),
        help="density: as published; distance: a signed distance, slower, with a cleaner surface",
    )
    steps: int = steps(PROMPT_STEPS, own=500)
    minutes: float = minutes()
    guidance_scale: float = guidance(SHAPE_GUIDANCE)
    weights: str = text_weights()


DREAMFUSION = Task(
    name="dreamfusion",
    title="DreamFusion (prompt, slow)",
    help="Optimises a shape until Stable Diffusion sees the prompt in it from every side",
    inputs=("prompt", "mesh"),
    values=DreamFusionParameters,
    weights=("starter-text",),
    parts=("text",),
    optimises=True,
)

SHAP_E_HELP = "Generates a whole shape by diffusion, in a minute. Smooth and simple; free for any use. Needs a download"
SHAP_E_STEPS = "Denoising steps; 0 uses 64, as published"
SHAP_E_WEIGHTS = "The name of a set of weights, or a diffusers folder"


@parameters
class ShapEParameters(MeshParameters):
    """Parameters of Shap-E from an image."""

    steps: int = steps(SHAP_E_STEPS, 1000)
    guidance_scale: float = guidance("How closely the shape follows the image; 0 uses 3, as published", 50)
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


@parameters
class ShapETextParameters(MeshParameters):
    """Parameters of Shap-E from a prompt."""

    steps: int = steps(SHAP_E_STEPS, 1000)
    guidance_scale: float = guidance("How closely the shape follows the prompt; 0 uses 15, as published", 50)
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


@parameters
class TripoSGParameters(MeshParameters):
    """Parameters of TripoSG."""

    num_inference_steps: int = parameter(
        "Steps", 50, 1, 1000, help="Denoising steps; fewer are faster, and the shape fits the image less"
    )
    guidance_scale: float = parameter(
        "Guidance", 7.0, 1, 50, help="How closely the shape follows the image; 1 takes half of the time"
    )
    latents: int = parameter(
        "Detail",
        2048,
        256,
        4096,
        unit="vectors",
        help="How many vectors describe the shape; fewer take less time and memory, and have less detail",
    )
    match_picture: bool = parameter(
        "Match Picture",
        True,
        help="Turn the mesh until its front is the image's view, and project the image onto it",
    )
    unseen_sides: str = unseen_sides()
    remove_background: str = remove_background()
    mesh_resolution: int = parameter(
        "Resolution",
        256,
        32,
        512,
        unit="cells",
        help="Marching cubes cells along each side; more gives a finer mesh",
    )
    weights: str = weights("triposg", "The name of a set of weights, or the folder of TripoSG")


TRIPOSG = Task(
    name="triposg",
    title="TripoSG",
    help="Generates a detailed, closed shape by diffusion; its colors come from the image. Free for any use. Needs a "
    "download, and a graphics card for speed",
    inputs=("image",),
    values=TripoSGParameters,
    weights=(),
    parts=("triposg",),
)


@parameters
class MVDreamParameters(MeshParameters):
    """Parameters of MVDream."""

    negative: str = negative()
    steps: int = steps(PROMPT_STEPS, own=500)
    minutes: float = minutes()
    guidance_scale: float = guidance(SHAPE_GUIDANCE)
    rescale: float = parameter(
        "Contrast",
        0.5,
        0,
        1,
        help="How much of the contrast that guidance adds is removed; 0.7 in the paper, 0.5 in its code",
    )
    shading: bool = parameter(
        "Shading",
        True,
        help="Shade the object in half of the steps, which improves its shape; doubles memory and time",
    )
    weights: str = multi_view_weights()


MVDREAM = Task(
    name="mvdream",
    title="MVDream (prompt, slow)",
    help="Optimises a shape on four views at once, which avoids DreamFusion's extra faces",
    inputs=("prompt",),
    values=MVDreamParameters,
    weights=("starter-text",),
    parts=("multi_view",),
    optimises=True,
)


@parameters
class TextToImageParameters(CommonParameters):
    """Parameters of an image from a prompt."""

    negative: str = negative()
    steps: int = steps("Denoising steps; 0 uses 30", 1000)
    guidance_scale: float = guidance("How closely the image follows the prompt; 0 uses the default for the weights", 50)
    weights: str = text_weights()


TEXT_TO_IMAGE = Task(
    name="text_to_image",
    title="Picture of a Prompt",
    help="Makes an image from a prompt, for the engines that start from an image",
    inputs=("prompt",),
    values=TextToImageParameters,
    weights=("starter-text",),
    parts=("text",),
    produces="images",
)


@parameters
class NovelViewParameters(CommonParameters):
    """Parameters of novel views by Zero-1-to-3."""

    auto_elevation: bool = auto_elevation()
    elevation_deg: float = elevation(20.0, only=GIVEN)
    remove_background: str = remove_background()
    lower_contrast: bool = lower_contrast()
    quality: str = quality()
    num_inference_steps: int = inference_steps()
    guidance_scale: float = guidance(VIEW_GUIDANCE, 10)


NOVEL_VIEW = Task(
    name="novel_view",
    title="Novel View",
    help="Generates views of the object from other sides",
    inputs=("image", "angles"),
    values=NovelViewParameters,
    weights=("starter",),
    produces="images",
)


@parameters
class ViewsToMeshParameters(MeshParameters):
    """Parameters of a mesh from views."""

    method: str = parameter(
        "Method",
        "fast",
        choices=("fast", "neus"),
        help="fast: one pass of SparseNeuS, in seconds; neus: a surface optimised to match every view, in minutes",
    )
    steps: int = steps("Optimisation steps for neus; 0 uses 300", own=300, only=NEUS)
    minutes: float = minutes("Stop neus after this time and keep the result; 0 runs all steps", NEUS)
    remove_background: str = remove_background()


VIEWS_TO_MESH = Task(
    name="views_to_mesh",
    title="Views to Mesh",
    help="Makes a mesh from images with known cameras",
    inputs=("views",),
    values=ViewsToMeshParameters,
    weights=("starter",),
    optimises=True,
)


@parameters
class ViewsFromTextParameters(CommonParameters):
    """Parameters of views from a prompt."""

    negative: str = negative()
    views: int = parameter(
        "Views", 4, 1, 16, help="Number of views, evenly around the object; the models were trained on four"
    )
    elevation_deg: float = elevation(15.0, "Camera angle above the horizon; MVDream was trained on 0 to 30", maximum=60)
    steps: int = steps("Denoising steps; 0 uses 50, or 30 with the starter weights", 1000)
    guidance_scale: float = guidance("How closely the views follow the prompt; 0 uses the default for the weights", 50)
    weights: str = multi_view_weights()


VIEWS_FROM_TEXT = Task(
    name="views_from_text",
    title="Views of a Prompt",
    help="Makes views of one object from a prompt, with their cameras",
    inputs=("prompt",),
    values=ViewsFromTextParameters,
    weights=("starter-text",),
    parts=("multi_view",),
    produces="images",
)


@parameters
class DreamBoothParameters(CommonParameters):
    """Parameters of multi-view DreamBooth."""

    subject: str = parameter(
        "Name", "", help="Its name in prompts, without < and >: lowercase letters, digits, - and _"
    )
    kind: str = parameter("Kind", "", help="What it is, in common words, such as: chair")
    method: str = parameter(
        "Method",
        "lora",
        choices=("lora", "full"),
        help="lora: a small file, a third of the memory; full: trains the whole model, as published",
    )
    steps: int = steps("Training steps; 0 uses 600, or 200 with the starter weights", own=300)
    preservation: float = parameter(
        "Preservation",
        -1.0,
        -1,
        1e6,
        help="How strongly the model keeps what it knew; -1 uses the default for the weights, 1 is as published",
        own=1.0,
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
    TRIPOSG,
    MVDREAM,
)
TASKS: tuple[Task[Any], ...] = (
    *MESH_TASKS,
    TEXT_TO_IMAGE,
    NOVEL_VIEW,
    VIEWS_TO_MESH,
    VIEWS_FROM_TEXT,
    DREAMBOOTH,
    MAKE_SOLID,
    PRINT_CHECK,
)


def task(name: str, among: tuple[Task[Any], ...] = TASKS) -> Task[Any]:
    """The task of that name; ParameterError names the nearest one."""
    for declared in among:
        if declared.name == name:
            return declared
    names = [declared.name for declared in among]
    raise ParameterError(f"There is no engine {str(name)[:80]!r}{nearest(name, names)}. Engines: {', '.join(names)}.")
