# SPDX-License-Identifier: GPL-3.0-or-later
"""Solid textures (Peachey 1985) for training meshes, nearly all of which are flat-coloured, unlike artists' objects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PATTERNED = 0.5  # share of the objects
WAVES = (1.5, 9.0)  # range of waves across an object
EDGE_SHARPNESS = 30.0  # contrast of a wave before clipping that makes a hard edge
BEND = 0.25  # distortion of the waves, in wavelengths
PALE = 0.35  # share of the patterns in pale colours, which look like gaps
PALE_RANGE = 0.25  # distance of pale colours from white


@dataclass
class Pattern:
    """A second colour where distorted waves in space are high."""

    waves: np.ndarray  # (3, 3), wave vectors in waves per unit length, one per row
    phase: np.ndarray  # (3,)
    kind: str  # "checks", "stripes" or "spots"
    sharpness: float  # contrast of the edges
    color: np.ndarray  # (3,), sRGB 0..1
    share: float  # of the second colour, 0..1

    @classmethod
    def random(cls, rng: np.random.Generator) -> Pattern | None:
        """Draw a pattern, or None for an object without one."""
        if rng.random() >= PATTERNED:
            return None
        axes = np.linalg.qr(rng.normal(size=(3, 3)))[0] if rng.random() < 0.5 else np.eye(3)
        low, high = np.log(WAVES)
        sharpness = EDGE_SHARPNESS if rng.random() < 0.5 else rng.uniform(0.5, 4)
        return cls(
            axes * np.exp(rng.uniform(low, high)) * np.exp(0.2 * rng.normal(size=(3, 1))),
            rng.uniform(0, 2 * np.pi, 3),
            str(rng.choice(["checks", "stripes", "spots"])),
            sharpness,
            1 - rng.uniform(size=3) * (PALE_RANGE if rng.random() < PALE else 1),
            rng.uniform(0.3, 1),
        )

    def paint(self, points: np.ndarray, colors: np.ndarray) -> np.ndarray:
        """Paint the pattern over colours (N, 3) at points (N, 3) -> (N, 3)."""
        angle = 2 * np.pi * points @ self.waves.T + self.phase
        wave = np.sin(angle + (2 * np.pi * BEND * np.sin(angle[:, [1, 2, 0]] / 2) if self.kind == "spots" else 0))
        height = {"checks": wave.prod(1), "stripes": wave[:, 0], "spots": wave.sum(1)}[self.kind]
        share = self.share * (0.5 + self.sharpness * height).clip(0, 1)[:, None]
        return (colors * (1 - share) + self.color * share).astype(np.float32)
