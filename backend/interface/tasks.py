# SPDX-License-Identifier: GPL-3.0-or-later
"""The engines as Blender's panel, the command line and the checks know them."""

from __future__ import annotations

from .common_parameters import (
    AUTO_ELEVATION,
    COMMON,
    DEVICE,
    MINUTES,
    MULTI_VIEW_WEIGHTS,
    NEGATIVE,
    REMOVE_BACKGROUND,
    TEXT_WEIGHTS,
    elevation,
    guidance,
    steps,
)
from .parameters import Engine, Parameter, ParameterError, nearest

UNLESS_ESTIMATED = ", used when it is not estimated"

PICTURE = Engine(  # makes no mesh, but the image for the engines that take one
    name="text_to_image",
    title="Picture of a Prompt",
    help="Makes an image from words, for the engines that start from an image",
    inputs=("prompt",),
    parameters=(
        NEGATIVE,
        steps("Denoising steps; 0 takes 30", 1000),
        guidance("How strictly the picture follows the prompt; 0 takes what suits the weights", 50),
        DEVICE,
        TEXT_WEIGHTS,
    ),
    weights=("starter-text",),
    parts=("text",),
)

ENGINES: tuple[Engine, ...] = (
    Engine(
        name="lrm",
        title="LRM (fastest)",
        help="One network sees the image and gives the whole shape in one pass, in seconds; with the weights of "
        "TripoSR or OpenLRM too",
        inputs=("image",),
        parameters=(
            Parameter(
                "auto_elevation",
                "Estimate Elevation",
                "bool",
                True,
                help="Estimate the camera's height above the object from the image, for the starter weights. Others "
                "are not told it",
            ),
            elevation(20.0, UNLESS_ESTIMATED),
            Parameter(
                "depth",
                "Depth",
                "float",
                0.0,
                0,
                5,
                help="How deep the object is, as a share of its width, with the starter weights. 0 estimates it",
            ),
            Parameter(
                "match_picture",
                "Match Picture",
                "bool",
                True,
                help="Cut the mesh to the image's outline and give its front the image's colours, with the starter "
                "weights",
            ),
            REMOVE_BACKGROUND,
            Parameter(
                "source_distance",
                "Camera Distance",
                "float",
                2.0,
                1.2,
                4.0,
                help="How far OpenLRM takes the camera to be from the object, whose space reaches from -1 to 1",
            ),
            Parameter(
                "threshold",
                "Threshold",
                "float",
                0.0,
                0,
                1000,
                help="Density from which on something is solid; lower keeps thin parts. 0 takes what suits the weights",
            ),
            Parameter(
                "mesh_resolution",
                "Mesh Resolution",
                "int",
                256,
                32,
                1024,
                unit="cells",
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
            AUTO_ELEVATION,
            elevation(20.0, UNLESS_ESTIMATED),
            Parameter(
                "match_picture",
                "Match Picture",
                "bool",
                True,
                help="Cut the mesh to the image's outline and give its front the image's colours",
            ),
            REMOVE_BACKGROUND,
            Parameter(
                "lower_contrast",
                "Lower Contrast",
                "bool",
                False,
                help="Darken the image by a fifth for published weights, which helps with very bright objects",
            ),
            Parameter(
                "quality",
                "Quality",
                "choice",
                "fast",
                choices=("fast", "paper"),
                help="How published weights imagine the views: fast in 20 steps; paper in 75 noisy ones, as published. "
                "The starter weights always take one step",
            ),
            Parameter(
                "num_inference_steps",
                "Steps",
                "int",
                0,
                0,
                100,
                help="Denoising steps for each imagined view; 0 takes as many as suit the weights and the quality",
            ),
            guidance("How strictly the imagined views follow the image; 0 takes what suits the weights", 10),
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
                "method",
                "Method",
                "choice",
                "sds",
                choices=("sds", "sjc"),
                help="sds: score distillation of a density field; sjc: Zero-1-to-3's own, with voxels",
            ),
            Parameter(
                "start",
                "Start",
                "choice",
                "nothing",
                choices=("nothing", "fast", "mesh"),
                help="What to begin with: nothing; fast, what the fast engine makes; or the mesh that is selected",
            ),
            steps("Optimisation steps; 0 takes what suits the weights and the method"),
            MINUTES,
            Parameter(
                "auto_elevation",
                "Estimate Elevation",
                "bool",
                True,
                help="Estimate the camera's height above the object from the image, where the weights can",
            ),
            elevation(5.0, UNLESS_ESTIMATED),
            Parameter(
                "match_picture",
                "Match Picture",
                "bool",
                True,
                help="Give the finished mesh's front the image's colours, and cut what the starter made of a mesh "
                "to the image's outline",
            ),
            REMOVE_BACKGROUND,
            guidance("How strictly the imagined views follow the image; 0 takes what suits the weights and the method"),
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
                "description",
                "Description",
                "string",
                "",
                help="What the image shows, in words; empty asks BLIP, where its weights are here",
            ),
            NEGATIVE,
            Parameter(
                "refine",
                "Refine Colours",
                "bool",
                True,
                help="The second stage: colours from the image itself in front, and as the model expects elsewhere",
            ),
            steps(
                "Optimisation steps of the shape; 0 takes what suits the weights: 5,000 as released, 160 for the "
                "starter. Refining takes its share of them more"
            ),
            MINUTES,
            elevation(10.0),
            REMOVE_BACKGROUND,
            guidance("How strictly the other sides follow the description; 0 takes what suits the weights"),
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
                "perp_neg",
                "Avoid Extra Faces",
                "bool",
                False,
                help="Perp-Neg: tell the model at every view which sides must not show; three more looks a step",
            ),
            Parameter(
                "start",
                "Start",
                "choice",
                "nothing",
                choices=("nothing", "mesh"),
                help="What to begin with: nothing, or the mesh that is selected",
            ),
            Parameter(
                "surface",
                "Surface",
                "choice",
                "density",
                choices=("density", "distance"),
                help="What is optimised: a density, as published, or a signed distance, slower, with cleaner surfaces",
            ),
            steps("Optimisation steps; 0 takes what suits the weights: 10,000 as published, 120 for the starter"),
            MINUTES,
            guidance("How strictly the shape follows the prompt; 0 takes what suits the weights"),
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
            steps("Denoising steps; 0 takes 64, as published", 1000),
            guidance("How strictly the shape follows the image; 0 takes 3, as published", 50),
            REMOVE_BACKGROUND,
            *COMMON[:-1],
            Parameter(
                "weights",
                "Weights",
                "string",
                "shap-e-img2img",
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
            steps("Denoising steps; 0 takes 64, as published", 1000),
            guidance("How strictly the shape follows the prompt; 0 takes 15, as published", 50),
            *COMMON[:-1],
            Parameter(
                "weights",
                "Weights",
                "string",
                "shap-e",
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
            steps("Optimisation steps; 0 takes what suits the weights: 10,000 as published, 120 for the starter"),
            MINUTES,
            guidance("How strictly the shape follows the prompt; 0 takes what suits the weights"),
            Parameter(
                "rescale",
                "Contrast Rescale",
                "float",
                0.5,
                0,
                1,
                help="How far the contrast that guidance adds is taken back; the paper takes 0.7, its code 0.5",
            ),
            Parameter(
                "shading",
                "Shading",
                "bool",
                True,
                help="Light the shape in half the steps, which shows its form; needs twice the memory and time",
            ),
            *COMMON[:-1],
            MULTI_VIEW_WEIGHTS,
        ),
        weights=("starter-text",),
        parts=("multi_view",),
    ),
)


def engine(name: str) -> Engine:
    """The declaration of an engine; ParameterError names the nearest one."""
    for declared in ENGINES:
        if declared.name == name:
            return declared
    names = [e.name for e in ENGINES]
    raise ParameterError(f"There is no engine {str(name)[:80]!r}{nearest(name, names)}. Engines: {', '.join(names)}.")


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
            "method",
            "Method",
            "choice",
            "fast",
            choices=("fast", "neus"),
            help="fast: one pass of SparseNeuS, in seconds; neus: a surface optimised until every view shows it, in "
            "minutes",
        ),
        steps("Optimisation steps of neus; 0 takes 300"),
        Parameter(
            "minutes",
            "Time",
            "float",
            0.0,
            0,
            10_000,
            unit="minutes",
            help="Ends neus after this time, whatever it has by then; 0 takes all the steps",
        ),
        REMOVE_BACKGROUND,
        *COMMON,
    ),
    weights=("starter",),
)
VIEWS_OF_PROMPT = Engine(
    name="views_from_text",
    title="Views of a Prompt",
    help="Makes pictures of one object from several sides from words, with their cameras",
    inputs=("prompt",),
    parameters=(
        NEGATIVE,
        Parameter("views", "Views", "int", 4, 1, 16, help="How many, evenly around; the models learnt four"),
        Parameter(
            "elevation_deg",
            "Elevation",
            "float",
            15.0,
            -30,
            60,
            unit="deg",
            help="Angle from which all the views look down on the object; MVDream learnt 0 to 30",
        ),
        steps("Denoising steps; 0 takes 50, or 30 with the starter", 1000),
        guidance("How strictly the views follow the prompt; 0 takes what suits the weights", 50),
        DEVICE,
        MULTI_VIEW_WEIGHTS,
    ),
    weights=("starter-text",),
    parts=("multi_view",),
)
LEARN = Engine(
    name="dreambooth",
    title="Learn a Subject",
    help="Learns one object from 3 to 6 photos, so that prompts can name it, such as <gnome>",
    inputs=("photos",),
    parameters=(
        Parameter(
            "subject",
            "Name",
            "string",
            "",
            help="Its word in prompts, without the < and > that go around it: small letters, digits, - and _",
        ),
        Parameter("kind", "Kind", "string", "", help="What it is, in words that the model knows, such as: chair"),
        Parameter(
            "method",
            "Method",
            "choice",
            "lora",
            choices=("lora", "full"),
            help="lora: a small file, a third of the memory; full: all of the model changes, as published",
        ),
        steps("Learning steps; 0 takes 600, or 200 with the starter"),
        Parameter(
            "preservation",
            "Preservation",
            "float",
            -1.0,
            -1,
            1e6,
            help="How strongly the model is held to what it knew; -1 takes what suits the weights, 1 as published",
        ),
        REMOVE_BACKGROUND,
        DEVICE,
        MULTI_VIEW_WEIGHTS,
    ),
    weights=("starter-text",),
    parts=("multi_view",),
)

# what can be asked for besides an engine that makes a mesh of an image or prompt
OTHERS = (PICTURE, NOVEL_VIEW, VIEWS, VIEWS_OF_PROMPT, LEARN)
# whose result is pictures and no mesh
OF_PICTURES = frozenset({PICTURE.name, NOVEL_VIEW.name, VIEWS_OF_PROMPT.name, LEARN.name})


def asked(name: str) -> Engine:
    """What a request can name: an engine, or one of OTHERS; ParameterError."""
    return next((declared for declared in OTHERS if declared.name == name), None) or engine(name)
