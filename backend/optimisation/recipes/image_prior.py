# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of optimisation with an image-conditioned prior: as published, and for small priors on a CPU."""

from __future__ import annotations

from dataclasses import replace

import torch

from ...diffusion.zero123 import Kind
from ...fields import hash_field, sdf_field
from ...fields.field import Field
from ...fields.voxel_field import VoxelField
from ...interface.tasks import Zero123SDSParameters
from ...interface.view_set import FOV_DEG
from ...interface.view_set import RADIUS as RIG_RADIUS
from ..annealing import Schedule, at
from .base import Recipe

VOXELS, STARTER_VOXELS = 100, 64  # a side of SJC's grid
COARSER_VOXELS = (32, 16, 8)  # sides of the grids below the starter's
STARTER_GAIN = 6.0  # so that voxels become solid in a hundred steps instead of thousands
# A small prior knows less of a shape than the mesh that the optimisation begins with, so it moves that only gently.
GENTLE_RATE = 0.005
GENTLE_WEIGHTS = {"picture": 50.0, "silhouette": 2.0, "color": 100.0, "eikonal": 3.0, "opaqueness": 0.0}
START_WEIGHT = 5.0  # of the loss that keeps the field near the mesh that it began as


ZERO123_XL = Recipe(  # threestudio's zero123.yaml
    least_t=Schedule((0, 0.4), (200, 0.2)),
    most_t=Schedule((0, 0.85), (200, 0.5)),
    weights={
        "prior": 0.1,
        "color": 500,
        "mask": 50,
        "orientation": 1,
        "sparsity random": 0.1,
        "opaqueness": 0.1,
        "normal_smoothness": 8,
        "normal_jitter": 8,
    },
)
STABLE_ZERO123 = replace(  # stable-zero123.yaml
    ZERO123_XL,
    batch=(12, 8, 4),
    least_t=Schedule((50, 0.7), (200, 0.3)),
    most_t=Schedule((50, 0.98), (200, 0.8)),
    weights={
        "prior": 0.1,
        "color": Schedule((100, 500), (400, 1000)),
        "mask": 50,
        "orientation": 1,
        "sparsity random": 0.5,
        "opaqueness": 0.5,
        "normal_smoothness": Schedule((100, 7), (150, 5), (200, 10)),
        "normal_jitter": Schedule((100, 7), (150, 5), (200, 10)),
    },
)
SJC = Recipe(  # Zero-1-to-3's own 3D reconstruction; timesteps 10 to 969, and its scale 100 counts from 0
    steps=10_000,
    milestones=(),
    reference_size=(32,),
    random_size=(32,),
    batch=(1,),
    least_t=0.01,
    most_t=0.969,
    guidance_scale=101,
    weighting="uniform",
    fov_deg=49.1,
    radius=(1.8, 2.2),
    elevation_deg=(-14, 80),
    rate=0.05,
    section=0.01,
    weights={
        "prior": 1,
        "color": 10_000,
        "depth_smoothness reference": 1000,
        "depth_smoothness random": Schedule((5000, 0), (5001, 10_000)),
        "near_view": 10_000,
    },
)

# For a prior of 64 pixels and hash_field.small on a CPU: fewer and longer steps. Losses on normals would double the
# time; the silhouettes of the prior's own images replace them, because white fog costs nothing on white.
SMALL = replace(
    ZERO123_XL,
    steps=160,
    milestones=(60, 120),
    reference_size=(32, 64, 64),
    random_size=(32, 48, 64),
    batch=(4, 3, 2),
    least_t=Schedule((0, 0.4), (60, 0.2)),
    most_t=Schedule((0, 0.85), (60, 0.5)),
    guidance_scale=1.0,
    rate=0.06,
    section=0.025,
    memory=(0.5, 4),
    weights={
        "prior": 0.1,
        "color": 500,
        "mask": 50,
        "silhouette": 20,
        "sparsity random": 0.1,
        "opaqueness": Schedule((0, 0.1), (100, 2)),
    },
)
# The starter knows the views of One-2-3-45's rig. It was mostly trained at the last timestep, where only the x0 form
# has a signal, taken between images (HiFA's image-space residual) because its latents are only 8 x 8.
STARTER = replace(
    SMALL,
    rate=0.02,
    least_t=1.0,
    most_t=1.0,
    weighting="x0",
    fov_deg=FOV_DEG,
    radius=(RIG_RADIUS, RIG_RADIUS),
    elevation_deg=(-35, 65),
    weights=dict(SMALL.weights) | {"prior": 0, "picture": 500},
)
SMALL_SJC = replace(  # at 64 pixels 3DRec's weights of depth would outweigh the image: its background is far away
    SMALL,
    weighting="uniform",
    rate=0.05,
    weights=dict(SMALL.weights)
    | {"prior": 0.5, "silhouette": 5, "depth_smoothness random": Schedule((80, 0), (81, 0.1)), "near_view": 0.2},
)
STARTER_SJC = replace(SMALL_SJC, fov_deg=FOV_DEG, radius=(RIG_RADIUS, RIG_RADIUS), elevation_deg=(-35, 65))


def refining(recipe: Recipe, gently: bool = False) -> Recipe:
    """The recipe for a field that begins as a mesh: noise as low as at the recipe's end, and a loss named "start" that
    keeps the field near the mesh, in units of the field's own level.

    gently: for a signed distance that a small prior moves.
    """
    if gently:
        recipe = replace(recipe, rate=GENTLE_RATE, weights=dict(recipe.weights) | GENTLE_WEIGHTS)
    return replace(
        recipe,
        least_t=at(recipe.least_t, recipe.steps),
        most_t=at(recipe.most_t, recipe.steps),
        weights=dict(recipe.weights) | {"start": START_WEIGHT},
    )


def choose_recipe(kind: Kind, parameters: Zero123SDSParameters) -> Recipe:
    """The published settings for weights of this kind, changed as the user wants."""
    if parameters.method == "sjc":
        recipe = STARTER_SJC if kind == "starter" else SJC
    else:
        recipe = {"starter": STARTER, "stable-zero123": STABLE_ZERO123}.get(kind, ZERO123_XL)
    scale = parameters.guidance_scale or recipe.guidance_scale
    return replace(recipe.shortened(parameters.steps), guidance_scale=scale)


def make_field(kind: Kind, method: str, seed: int, from_mesh: bool = False) -> Field:
    """The field that is optimised with weights of this kind by "sds" or "sjc".

    from_mesh: whether it begins as a mesh, whose surface a signed distance keeps better than a small density does.
    """
    is_small = kind == "starter"
    if method == "sjc":
        if is_small:
            return VoxelField(STARTER_VOXELS, gain=STARTER_GAIN, coarse=COARSER_VOXELS)
        return VoxelField(VOXELS, generator=torch.Generator().manual_seed(seed))
    if is_small and from_mesh:
        return sdf_field.small(seed=seed, anneal=0, sharpness=sdf_field.SHARPNESS_FROM_MESH)
    return hash_field.small(seed=seed) if is_small else hash_field.published(seed=seed)
