# SPDX-License-Identifier: GPL-3.0-or-later
"""Patterns painted on training meshes as solid textures (Peachey 1985): nearly all of the meshes are flat-coloured, and
what artists render is not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PATTERNED = 0.5  # share of the objects
WAVES = (1.5, 9.0)  # across an object
SHARPEST = 30.0  # contrast of a wave before it is cut off: an edge
BEND = 0.25  # how far waves are bent, in wavelengths
PALE, PALEST = 0.35, 0.25  # share of the patterns in colours so near to white, which look like gaps


@dataclass
class Pattern:
    """A second colour where waves in space are high, bent by others.

    waves (3, 3): waves per unit of length, one a row; phase (3,); kind: "checks", "stripes" or "spots";
    sharpness: contrast of its edges; color sRGB 0..1 (3,), and its share in 0..1.
    """

    waves: np.ndarray
    phase: np.ndarray
    kind: str
    sharpness: float
    color: np.ndarray
    share: float

    @classmethod
    def random(cls, rng: np.random.Generator) -> Pattern | None:
        """None for what stays as it is."""
        if rng.random() >= PATTERNED:
            return None
        axes = np.linalg.qr(rng.normal(size=(3, 3)))[0] if rng.random() < 0.5 else np.eye(3)
        low, high = np.log(WAVES)
        sharpness = SHARPEST if rng.random() < 0.5 else rng.uniform(0.5, 4)
        return cls(
            axes * np.exp(rng.uniform(low, high)) * np.exp(0.2 * rng.normal(size=(3, 1))),
            rng.uniform(0, 2 * np.pi, 3),
            str(rng.choice(["checks", "stripes", "spots"])),
            sharpness,
            1 - rng.uniform(size=3) * (PALEST if rng.random() < PALE else 1),
            rng.uniform(0.3, 1),
        )

    def paint(self, points: np.ndarray, colors: np.ndarray) -> np.ndarray:
        """Points (N, 3) and their colours (N, 3) -> colours (N, 3)."""
        angle = 2 * np.pi * points @ self.waves.T + self.phase
        wave = np.sin(angle + (2 * np.pi * BEND * np.sin(angle[:, [1, 2, 0]] / 2) if self.kind == "spots" else 0))
        height = {"checks": wave.prod(1), "stripes": wave[:, 0], "spots": wave.sum(1)}[self.kind]
        share = self.share * (0.5 + self.sharpness * height).clip(0, 1)[:, None]
        return (colors * (1 - share) + self.color * share).astype(np.float32)
