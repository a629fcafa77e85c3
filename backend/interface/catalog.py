# SPDX-License-Identifier: GPL-3.0-or-later
"""Every set of weights that engines can use: where it comes from, how large it is, and what its licence permits."""

from __future__ import annotations

from dataclasses import dataclass

from .parameters import ParameterError, nearest


class WeightsError(Exception):
    """Weights are missing, damaged or of the wrong shape; `remedy` says what to do. Both are written for an artist."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True)
class File:
    """One file of a set: its path in the repository it comes from, bytes, and sha256 in hex, None where unknown."""

    path: str
    size: int
    sha256: str | None = None


@dataclass(frozen=True)
class Weights:
    """A set of weights.

    repository: owner/name on the Hugging Face hub, "" for what ships with the extension. licence: as published.
    commercial_use: whether the licence permits it; None where the terms are not clear enough to say.
    """

    id: str
    title: str
    repository: str
    files: tuple[File, ...]
    licence: str
    commercial_use: bool | None
    note: str = ""

    @property
    def size(self) -> int:
        """Bytes of all files whose sizes are known."""
        return sum(file.size for file in self.files)


WEIGHTS: tuple[Weights, ...] = (
    Weights(
        "starter", "Starter weights (built in)", "", (), "GPL-3.0-or-later", True,
        "Small networks in the published architectures, trained by this repository; they ship with the extension.",
    ),
    Weights(
        "zero123-xl", "Zero123-XL", "One-2-3-45/code",
        (File("zero123-xl.ckpt", 15_465_973_531, "bc4ea2f8696ed96495a756e178cab659de807bbae2d2df18987cf61c44070696"),),
        "MIT (code and conversions)", None, "The terms of the weights and of their training data need a check.",
    ),
    Weights(
        "zero123-105000", "Zero123 (105,000 steps)", "cvlab/zero123-weights",
        (File("105000.ckpt", 15_500_000_000),), "MIT", True, "The size is approximate.",
    ),
    Weights(
        "zero123-165000", "Zero123 (165,000 steps)", "cvlab/zero123-weights",
        (File("165000.ckpt", 15_500_000_000),), "MIT", True, "The size is approximate.",
    ),
    Weights(
        "zero123-xl-diffusers", "Zero123-XL (half precision)", "ashawkey/zero123-xl-diffusers",
        (), "MIT", None, "2.5 GB in several files: the smallest download of Zero123-XL.",
    ),
    Weights(
        "stable-zero123", "Stable Zero123", "stabilityai/stable-zero123",
        (File("stable_zero123.ckpt", 8_584_305_838),), "Stability AI non-commercial research licence", False,
        "The download asks for an account and for agreement to the licence.",
    ),
    Weights(
        "stable-zero123-c", "Stable Zero123 C", "stabilityai/stable-zero123",
        (File("stable_zero123_c.ckpt", 8_584_305_838),), "Stability AI Community licence", None,
        "Commercial use has conditions; the download asks for an account and for agreement to the licence.",
    ),
    Weights(
        "one2345-sparseneus", "One-2-3-45 reconstruction", "One-2-3-45/code",
        (
            File(
                "SparseNeuS_demo_v1/exp/lod0/checkpoints/ckpt_215000.pth", 5_312_111,
                "888aaa8abde948358c26e4ef63df99f666438345c1dee301059967c5ce77b6ea",
            ),
        ),
        "Apache-2.0 (code), MIT (model card)", True,
    ),
    Weights(
        "one2345-elevation", "One-2-3-45 elevation estimate (LoFTR)", "One-2-3-45/code",
        (
            File(
                "elevation_estimate/utils/weights/indoor_ds_new.ckpt", 46_355_053,
                "be9ff88b323ec27889114719f668ae41aff7034b56a4c4acbd46b8b180b87ed3",
            ),
        ),
        "Apache-2.0", True,
    ),
    Weights(
        "sam-vit-h", "Segment Anything ViT-H", "One-2-3-45/code",
        (
            File(
                "sam_vit_h_4b8939.pth", 2_564_550_879,
                "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
            ),
        ),
        "Apache-2.0", True,
    ),
)  # fmt: skip


def weights(identity: str) -> Weights:
    """The set of that id; ParameterError names the nearest one."""
    for known in WEIGHTS:
        if known.id == identity:
            return known
    names = [known.id for known in WEIGHTS]
    raise ParameterError(
        f"There are no weights {identity[:80]!r}{nearest(identity, names)}. Known: {', '.join(names)}."
    )
