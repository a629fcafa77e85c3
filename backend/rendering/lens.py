# SPDX-License-Identifier: GPL-3.0-or-later
"""Lenses as files describe them: any focal lengths and centre, with distortion. Engines use the plain `Camera`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

WIDEST = {"perspective": 5.7, "fisheye": np.pi}  # of what is looked at: tan(80 degrees), and an angle
SAMPLES = 2000  # of the radius, to find where a distortion turns back
ROUNDS = 20  # of undoing a distortion


@dataclass(frozen=True)
class Lens:
    """OpenCV's models. Pixel (0, 0) is the left upper corner of the image; pixel centres lie at +0.5.

    radial: k1, k2, ... up to k6 (from k4 on a divisor), or up to k4 for a fisheye. tangential: p1, p2.
    """

    width: int
    height: int
    fl_x: float  # focal lengths in pixels
    fl_y: float
    cx: float  # where the optical axis meets the image
    cy: float
    model: Literal["perspective", "fisheye"] = "perspective"
    radial: tuple[float, ...] = ()
    tangential: tuple[float, float] = (0.0, 0.0)

    def resized(self, width: int, height: int, scale_x: float, scale_y: float) -> Lens:
        """The lens for its image scaled by these factors, which has width x height pixels then."""
        return replace(
            self,
            width=width,
            height=height,
            fl_x=self.fl_x * scale_x,
            fl_y=self.fl_y * scale_y,
            cx=self.cx * scale_x,
            cy=self.cy * scale_y,
        )

    @cached_property
    def limit(self) -> float:
        """The radius (fisheye: angle) up to which farther out is farther out in the image too."""
        radius = np.linspace(0, WIDEST[self.model], SAMPLES)
        falling = np.flatnonzero(np.diff(radius * self.stretch(radius)) <= 0)
        return float(radius[falling[0]] if len(falling) else radius[-1])

    def stretch(self, radius: np.ndarray) -> np.ndarray:
        """Factor of the radial distortion at a radius from the axis, at distance 1 (fisheye: at an angle)."""
        k = np.array([*self.radial, *[0.0] * (6 - len(self.radial))])
        square = radius**2
        powers = np.stack([square, square**2, square**3, square**4])
        if self.model == "fisheye":
            return 1 + np.tensordot(k[:4], powers, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return (1 + np.tensordot(k[:3], powers[:3], 1)) / (1 + np.tensordot(k[3:], powers[:3], 1))

    def distort(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Right and down at distance 1 (fisheye: direction times angle), without -> with the distortion."""
        factor, (p1, p2) = self.stretch(np.hypot(x, y)), self.tangential
        bent_x = x * factor + 2 * p1 * x * y + p2 * (3 * x * x + y * y)
        return bent_x, y * factor + p1 * (x * x + 3 * y * y) + 2 * p2 * x * y

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points (N, 3) in the camera's axes (x right, y up, z backward) -> columns, rows (N,), and whether each lies
        before the lens and in the image."""
        x, y, depth = points[:, 0], -points[:, 1], -points[:, 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.model == "fisheye":
                across = np.hypot(x, y)
                radius = np.arctan2(across, depth)
                per = np.where(across > 0, radius / across, 0.0)
                x, y, before = x * per, y * per, radius < self.limit
            else:
                x, y = x / depth, y / depth
                before = (depth > 0) & (np.hypot(x, y) < self.limit)
            x, y = self.distort(x, y)
            column, row = np.nan_to_num(self.cx + self.fl_x * x, nan=-1.0), np.nan_to_num(self.cy + self.fl_y * y)
        inside = (column >= 0) & (column <= self.width) & (row >= 0) & (row <= self.height)
        return column, row, before & inside

    def directions(self, column: np.ndarray, row: np.ndarray) -> np.ndarray:
        """Unit directions (N, 3) in the camera's axes of what is seen at columns and rows (N,)."""
        bent_x, bent_y = (column - self.cx) / self.fl_x, (row - self.cy) / self.fl_y
        x, y = bent_x, bent_y
        for _ in range(ROUNDS):
            there_x, there_y = self.distort(x, y)
            x, y = x + bent_x - there_x, y + bent_y - there_y
            excess = np.maximum(1.0, np.hypot(x, y) / self.limit)
            x, y = x / excess, y / excess
        if self.model == "fisheye":
            angle = np.hypot(x, y)
            x, y, depth = np.sinc(angle / np.pi) * x, np.sinc(angle / np.pi) * y, np.cos(angle)
        else:
            depth = np.ones_like(x)
        along = np.stack([x, -y, -depth], 1)
        return along / np.linalg.norm(along, axis=1, keepdims=True)


@dataclass(frozen=True)
class ViewCamera:
    """The camera of a picture as it is given: cam_to_world float64 (4, 4), of Blender's axes, and its lens."""

    cam_to_world: np.ndarray
    lens: Lens

    @property
    def position(self) -> np.ndarray:
        """Where the camera stands (3,)."""
        return self.cam_to_world[:3, 3]

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """World points (N, 3) -> columns, rows (N,), and whether each lies in the image; see `Lens.project`."""
        return self.lens.project((points - self.position) @ self.cam_to_world[:3, :3])
