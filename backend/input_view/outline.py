# SPDX-License-Identifier: GPL-3.0-or-later
"""A reconstruction's outline made that of the input picture, smoothly.

Where the model does not reach the picture's outline, rounded parts are added; what reaches beyond it is cut away with
rounded edges.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from .input_view import InputView
from .outline_maps import breadth, made_visible, resized, signed_distance, spread
from .silhouette_rays import FINE, trace

Field = Callable[[Tensor], Tensor]
SIDE = 256  # pixels of the maps
THICKEST = 0.04  # world units; half thickness of an added part, at most
THINNEST = 0.9  # cells; half thickness of a part, and half width of a hole, at least
ROOT = 0.02  # world units that an added part reaches into the body
ROUNDING = 0.05  # world units; largest radius of the edges of a cut
JOINT = 0.03  # world units; largest radius between an added part and the body
SLACK = 0.002  # world units by which the model may reach over the outline
BEVEL = 0.004  # world units; radius of the edge of the slightest cut
TOLERANCE = 0.002  # world units between two outlines that count as one
GAP = 0.01  # world units between two outlines that do not
SURE = 0.02  # world units; rays that miss the object by more say little about a missing part's depth
STIFFNESS = 10.0  # of the depth of added parts


def match_silhouette(field: Field, view: InputView, reach: float, cell: float = 1 / 256) -> Field:
    """Give a signed distance field, points (N, 3) -> (N,) in world units, the input view's silhouette.

    The field may be a multiple of the distance; the result grows by one per unit of distance at the surface.

    Args:
        field: negative inside.
        view: the picture, whose alpha is the silhouette, and its camera.
        reach: radius of the object around the origin.
        cell: side of the mesh's cells. Thinner parts are widened and smaller holes closed, as they would come out torn.
    """
    size = view.camera.height
    pixel = float(view.camera.position.norm()) / view.camera.focal  # in world units, in the middle of the object
    mask = view.rgba[..., 3].cpu().numpy() >= 0.5
    goal = signed_distance(made_visible(mask, THINNEST * cell / pixel))
    small = resized(goal, FINE)
    rays = trace(field, view, torch.from_numpy(small * pixel).to(view.rgba), reach)
    least, depth = (x.cpu().numpy().astype(float) for x in (rays.least, rays.depth))
    maps = constraint_maps(least, depth, resized(goal, SIDE) * pixel, pixel * size / SIDE, THINNEST * cell)
    outline, rest = (torch.from_numpy(x).to(view.rgba) for x in (goal[..., None], maps))

    def constrained(points: Tensor) -> Tensor:
        sampled, z = view.sample(rest, points)
        middle, radius, strength, cut_radius = sampled.unbind(1)
        body = field(points) / rays.slope
        outside = view.sample(outline, points)[0][:, 0] * z / view.camera.focal
        within = torch.minimum(-outside, radius)
        bulge = strength * torch.where(within > 0, within * (2 * radius - within), 2 * radius * within)
        part = ((z - middle).square() - bulge) / (2 * radius) + (1 - strength) * ROOT
        joint = strength * (-outside).clamp(0, JOINT)
        body = -smooth_max(-body, -part, joint)
        return smooth_max(body, outside - SLACK, cut_radius + BEVEL)

    return constrained


def constraint_maps(
    least: np.ndarray, depth: np.ndarray, goal: np.ndarray, pixel: float, thinnest: float
) -> np.ndarray:
    """Maps (SIDE, SIDE, 4) in world units: depth, radius and strength of added parts, and radius of a cut's edges.

    least, depth: of the rays (FINE, FINE). goal: signed distance (SIDE, SIDE) to the picture's outline. pixel: size of
    a pixel of the result in the middle of the object. thinnest: least radius of a part.
    """
    middle = spread(depth, np.exp(-np.maximum(least, 0) / SURE) + 1e-6, STIFFNESS)
    model = resized(signed_distance(resized(least, 2 * SIDE) < 0), SIDE) / 2 * pixel
    inside = gaussian_filter(resized(least, SIDE), 1)
    radius = np.maximum(gaussian_filter(breadth(goal / pixel, THICKEST / pixel), 2) * pixel, thinnest)
    strength = smooth_step(np.minimum((model - goal - TOLERANCE) / GAP, 1 + model / ROOT))
    cut = np.clip(-inside, 0, ROUNDING) * smooth_step((goal - model - TOLERANCE) / GAP)
    return np.stack([resized(middle, SIDE), radius, strength, cut], -1)


def smooth_step(x: np.ndarray) -> np.ndarray:
    """From 0 at 0 to 1 at 1, level at both ends."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def smooth_max(a: Tensor, b: Tensor, radius: Tensor) -> Tensor:
    """The larger of two values, rounded where they differ by less than `radius`, by a quarter of it at most."""
    return torch.maximum(a, b) + (radius - (a - b).abs()).clamp(min=0).square() / (4 * radius).clamp(min=1e-9)
