# SPDX-License-Identifier: GPL-3.0-or-later
"""From the names of diffusers and transformers to those in MVDream's files: Stable Diffusion's own, OpenCLIP's or
CLIP's, or diffusers' already."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..formats.checkpoint import StoredTensor
from .zero123_names import CLIP, DEPRECATED, UNET, VAE, Origin, clip_origins, swap, unet_origins, vae_origins

CAMERA = {"class_embedding.linear_1": "camera_embed.0", "class_embedding.linear_2": "camera_embed.2"}
TEXT = {"embeddings.token_embedding": "token_embedding", "final_layer_norm": "ln_final"}
ANCHORS = {  # a tensor of each part as it is called by its authors, then by diffusers and transformers
    "unet": ("input_blocks.0.0.weight", "conv_in.weight"),
    "vae": ("encoder.conv_in.weight",),
    "text_encoder": ("embeddings.token_embedding.weight", "token_embedding.weight"),
}
UNUSED = re.compile(r"position_ids|.*\.position_ids|text_projection|logit_scale|attn_mask")


@dataclass
class Names:
    """One network's stored tensors, by name without the `prefix` that all of them share."""

    part: str
    prefix: str
    tensors: dict[str, StoredTensor]

    @property
    def is_open_clip(self) -> bool:
        return self.part == "text_encoder" and "positional_embedding" in self.tensors

    def origin(self, name: str) -> Origin:
        """Where a tensor of diffusers or transformers comes from."""
        if self.part == "unet" and "input_blocks.0.0.weight" in self.tensors:
            if name.startswith("class_embedding."):
                return Origin(swap(name, CAMERA))
            return shorter(unet_origins([name])[name], UNET)
        if self.part == "vae" and any(stored.startswith("encoder.down.") for stored in self.tensors):
            blocks = 1 + max(int(s.split(".")[2]) for s in self.tensors if s.startswith("encoder.down."))
            return shorter(vae_origins([name], blocks)[name], VAE)
        if self.is_open_clip:
            origin = shorter(clip_origins([name])[name], CLIP)
            return origin._replace(name=swap(origin.name, TEXT))
        if self.part == "vae" and name not in self.tensors:
            older = {new: old for old, new in DEPRECATED.items()}
            return Origin(swap(name, older) if swap(name, older) in self.tensors else name)
        return Origin(name)

    def has(self, name: str) -> bool:
        return self.origin(name).name in self.tensors

    def shape(self, name: str) -> tuple[int, ...]:
        """KeyError with the stored name if there is no such tensor."""
        origin = self.origin(name)
        if origin.name not in self.tensors:
            raise KeyError(self.prefix + origin.name)
        return self.tensors[origin.name].shape

    def count(self, pattern: str) -> list[int]:
        """First sizes of the tensors whose numbered names follow each other. KeyError where there is none."""
        found = [self.shape(pattern.format(0))[0]]
        while self.has(pattern.format(len(found))):
            found.append(self.shape(pattern.format(len(found)))[0])
        return found

    def is_unused(self, name: str) -> bool:
        """What nothing reads: OpenCLIP's end, its last block included."""
        if UNUSED.fullmatch(name):
            return True
        blocks = [int(m[1]) for s in self.tensors if (m := re.match(r"transformer\.resblocks\.(\d+)\.", s))]
        return self.is_open_clip and name.startswith(f"transformer.resblocks.{max(blocks, default=0)}.")


def find_names(part: str, tensors: dict[str, StoredTensor]) -> Names:
    """The tensors that belong to a part, of all that lie in one file."""
    for anchor in ANCHORS[part]:
        for name in tensors:
            if name.endswith(anchor):
                prefix = name.removesuffix(anchor)
                own = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
                return Names(part, prefix, own)
    return Names(part, "", {})


def shorter(origin: Origin, prefix: str) -> Origin:
    return origin._replace(name=origin.name.removeprefix(prefix))
