# SPDX-License-Identifier: GPL-3.0-or-later
# transformers annotates its models loosely.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false
"""Similarity of images to each other and to text by CLIP (Radford et al. 2021), and losses made of it (Make-It-3D,
sections 3.2 and 3.3)."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
BANDWIDTH = 0.5  # of the contextual loss, as published


class ClipSimilarity(nn.Module):
    """CLIP. vision: a CLIPVisionModelWithProjection. text: a CLIPTextModelWithProjection with its tokenizer; None for
    an image encoder alone, such as the starter's."""

    def __init__(self, vision: nn.Module, text: nn.Module | None = None, tokenizer: Any = None):
        super().__init__()
        self.vision, self.text, self.tokenizer = vision, text, tokenizer
        self.requires_grad_(False).eval()

    def see(self, pictures: Tensor) -> Tensor:
        """Images (B, 3, H, W) in 0..1 -> unit embeddings (B, D), differentiable."""
        return F.normalize(self.vision(self.prepare(pictures)).image_embeds.float(), dim=-1)

    def patches(self, pictures: Tensor) -> Tensor:
        """Images (B, 3, H, W) in 0..1 -> features of their L patches (B, L, D), differentiable."""
        return self.vision(self.prepare(pictures)).last_hidden_state[:, 1:].float()

    @torch.no_grad()
    def read(self, words: str) -> Tensor | None:
        """A sentence -> unit embedding (D,); None without a text encoder."""
        if self.text is None:
            return None
        length = self.text.config.max_position_embeddings
        tokens = self.tokenizer([words], padding="max_length", max_length=length, truncation=True, return_tensors="pt")
        place = next(self.text.parameters()).device
        return F.normalize(self.text(tokens.input_ids.to(place)).text_embeds[0].float(), dim=-1)

    def prepare(self, pictures: Tensor) -> Tensor:
        side = self.vision.config.image_size
        pictures = F.interpolate(pictures, (side, side), mode="bicubic", antialias=True, align_corners=False)
        return normalise(pictures).to(next(self.vision.parameters()).dtype)


def normalise(images: Tensor) -> Tensor:
    """Images (B, 3, H, W) in 0..1 as CLIP was trained on them: less their mean colour, by its standard deviation."""
    mean, deviation = (images.new_tensor(v).view(3, 1, 1) for v in (CLIP_MEAN, CLIP_STD))
    return (images - mean) / deviation


def unlike(embeddings: Tensor, wanted: Tensor | None) -> Tensor:
    """Mean of minus the cosine similarity of unit embeddings (B, D) to the wanted one (D,); 0 without a wanted one."""
    return embeddings.new_zeros(()) if wanted is None else -(embeddings @ wanted.to(embeddings)).mean()


def through(z: Tensor, x0: Tensor) -> Tensor:
    """Clean latents x0 (B, C, h, w) of noisy z, with the gradient 1 with respect to z.

    It is exact if the predicted noise is held fixed: x0 = z + sqrt((1 - a) / a) (noise - predicted). So a loss on the
    denoised image reaches the field without backpropagation through the network, as in SDS.
    """
    return x0.detach() + z - z.detach()


def contextual(features: Tensor, wanted: Tensor) -> Tensor:
    """Contextual loss (Mechrez et al. 2018, equations 2 to 5): each wanted feature should occur anywhere in the image.

    features (B, L, D), wanted (B or 1, M, D); 0 for equal sets in any order.
    """
    wanted = wanted.expand(len(features), -1, -1)
    centre = wanted.mean(1, keepdim=True)
    x, y = (F.normalize(v - centre, dim=-1) for v in (features, wanted))
    distance = 1 - x @ y.transpose(1, 2)
    relative = distance / (distance.amin(2, keepdim=True) + 1e-5)
    similar = torch.softmax((1 - relative) / BANDWIDTH, 2)
    return -similar.amax(1).mean(1).clamp(min=1e-8).log().mean()
