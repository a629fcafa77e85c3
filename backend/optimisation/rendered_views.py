# SPDX-License-Identifier: GPL-3.0-or-later
"""A field's rendering from several cameras, as images and maps."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from ..fields.renderer import FieldRendering

BACKGROUND_DEPTH = 10.0  # 3DRec's


@dataclass
class RenderedViews:
    """The rendering of the rays of B cameras of H x W pixels each."""

    rendering: FieldRendering
    count: int
    height: int
    width: int

    @property
    def color(self) -> Tensor:
        """(B, C, H, W)."""
        return self.rendering.color.view(self.count, self.height, self.width, -1).permute(0, 3, 1, 2)

    @property
    def opacity(self) -> Tensor:
        """(B, H, W), 0..1."""
        return self.rendering.opacity.view(self.count, self.height, self.width)

    @property
    def depth(self) -> Tensor:
        """(B, H, W) in world units, blended with the background's by opacity."""
        return self.rendering.depth.view(self.opacity.shape) * self.opacity + BACKGROUND_DEPTH * (1 - self.opacity)

    @property
    def normal_map(self) -> Tensor:
        """(B, H, W, 3). Only of a rendering with normals."""
        assert self.rendering.normal is not None
        return self.rendering.normal.view(*self.opacity.shape, 3)

    @property
    def section_normals(self) -> Tensor:
        """Unit normals (P, 3) of the rays' sections. Only of a rendering with normals."""
        assert self.rendering.samples.normals is not None
        return self.rendering.samples.normals


def resized(images: Tensor, size: tuple[int, ...]) -> Tensor:
    """Images (B, C, H, W) at another size (height, width)."""
    return nn.functional.interpolate(images, tuple(size), mode="bilinear", antialias=True, align_corners=False)
