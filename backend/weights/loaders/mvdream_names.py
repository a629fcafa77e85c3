# SPDX-License-Identifier: GPL-3.0-or-later
"""Maps names of diffusers and transformers to those in MVDream's files: Stable Diffusion's own, OpenCLIP's or CLIP's,
or diffusers' names."""

from __future__ import annotations

import re

from ..formats.checkpoint import StoredTensor
from ..formats.names import Origin, swap
from ..formats.probe import Probe
from .zero123_names import CLIP, DEPRECATED, UNET, VAE, clip_origins, unet_origins, vae_origins

CAMERA = {"class_embedding.linear_1": "camera_embed.0", "class_embedding.linear_2": "camera_embed.2"}
TEXT = {"embeddings.token_embedding": "token_embedding", "final_layer_norm": "ln_final"}
ANCHORS = {  # the name of one tensor of each part, by the authors, then in diffusers and transformers
    "unet": ("input_blocks.0.0.weight", "conv_in.weight"),
    "vae": ("encoder.conv_in.weight",),
    "text_encoder": ("embeddings.token_embedding.weight", "token_embedding.weight"),
}
UNUSED = re.compile(r"position_ids|.*\.position_ids|text_projection|logit_scale|attn_mask")


class StoredNetwork(Probe):
    """The stored tensors of one network, `part`; all their names begin with `prefix`."""

    def __init__(self, part: str, prefix: str, tensors: dict[str, StoredTensor]) -> None:
        super().__init__(tensors, self.find_origin)
        self.part, self.prefix = part, prefix
        self.names = {name.removeprefix(prefix) for name in tensors}

    @property
    def is_open_clip(self) -> bool:
        return self.part == "text_encoder" and "positional_embedding" in self.names

    def find_origin(self, name: str) -> Origin:
        """Where a tensor of diffusers or transformers comes from."""
        origin = self._short_origin(name)
        return origin._replace(name=self.prefix + origin.name)

    def _short_origin(self, name: str) -> Origin:
        """The origin without the prefix."""
        if self.part == "unet" and "input_blocks.0.0.weight" in self.names:
            if name.startswith("class_embedding."):
                return Origin(swap(name, CAMERA))
            return shorter(unet_origins([name])[name], UNET)
        if self.part == "vae" and any(stored.startswith("encoder.down.") for stored in self.names):
            blocks = 1 + max(int(s.split(".")[2]) for s in self.names if s.startswith("encoder.down."))
            return shorter(vae_origins([name], blocks)[name], VAE)
        if self.is_open_clip:
            origin = shorter(clip_origins([name])[name], CLIP)
            return origin._replace(name=swap(origin.name, TEXT))
        if self.part == "vae" and name not in self.names:
            older = swap(name, {new: old for old, new in DEPRECATED.items()})
            return Origin(older if older in self.names else name)
        return Origin(name)

    def is_unused(self, name: str) -> bool:
        """Whether nothing reads a stored tensor, such as OpenCLIP's projection and last block."""
        name = name.removeprefix(self.prefix)
        if UNUSED.fullmatch(name):
            return True
        blocks = [int(m[1]) for s in self.names if (m := re.match(r"transformer\.resblocks\.(\d+)\.", s))]
        return self.is_open_clip and name.startswith(f"transformer.resblocks.{max(blocks, default=0)}.")


def find_network(part: str, tensors: dict[str, StoredTensor]) -> StoredNetwork:
    """The tensors of one part among all tensors of a file."""
    for anchor in ANCHORS[part]:
        for name in tensors:
            if name.endswith(anchor):
                prefix = name.removesuffix(anchor)
                return StoredNetwork(part, prefix, {n: t for n, t in tensors.items() if n.startswith(prefix)})
    return StoredNetwork(part, "", {})


def shorter(origin: Origin, prefix: str) -> Origin:
    return origin._replace(name=origin.name.removeprefix(prefix))
