# SPDX-License-Identifier: GPL-3.0-or-later
"""SparseNeuS (Long et al. 2022) as One-2-3-45 uses it: views with cameras -> cost volume -> signed distance, colours.

Module names and tensor shapes are those of the published checkpoint. Everything here lives in the network's own
volume [-1, 1]^3; `volume_frame` brings a scene into it through the cameras.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .blending import BlendingNetwork, ray_difference
from .cost_regularisation import SparseCostRegNet
from .feature_pyramid import ConvBnReLU, FeaturePyramid
from .sdf_head import SdfLayer, sample_volume
from .volume_frame import Rig

PUBLISHED_RESOLUTION = 96


@dataclass(frozen=True)
class Widths:
    """Channels of the pyramid's finest level, of a view in the cost volume, of the sparse U-Net's four levels (the
    first is the latent) and of the distance's layers; octaves of its positions. The defaults are the published ones.
    """

    base: int = 8
    compressed: int = 16
    sparse: tuple[int, int, int, int] = (16, 16, 32, 64)
    hidden: int = 128
    octaves: int = 6

    @property
    def fused(self) -> int:
        return 7 * self.base


@dataclass
class Scene:
    """What the networks made of a set of V views.

    images (V, 3, H, W) in 0..1; features (V, F, H, W); affine (V, 4, 4) volume -> pixels (OpenCV axes);
    centres (V, 3) of the cameras; volume (16, D, D, D); mask (1, 1, D, D, D) of voxels that two views or more see.
    """

    images: Tensor
    features: Tensor
    affine: Tensor
    centres: Tensor
    volume: Tensor
    mask: Tensor


class SdfNetwork(nn.Module):
    """The part of the checkpoint named sdf_network_lod0."""

    def __init__(self, widths: Widths):
        super().__init__()
        self.compress_layer = ConvBnReLU(widths.fused, widths.compressed)
        self.sparse_costreg_net = SparseCostRegNet(2 * widths.compressed, widths.sparse)
        self.sdf_layer = SdfLayer(widths.hidden, widths.sparse[0], widths.octaves)


class VarianceNetwork(nn.Module):
    """The sharpness of NeuS: inverse standard deviation exp(10 v)."""

    def __init__(self):
        super().__init__()
        self.variance = nn.Parameter(torch.tensor(0.2))


class SparseNeuS(nn.Module):
    """`build` a scene from views, then ask it for `sdf` and `color`. `rig`: the cameras that it was trained with."""

    def __init__(self, resolution: int, widths: Widths = Widths(), rig: Rig = "starter"):
        super().__init__()
        self.resolution = resolution
        self.rig: Rig = rig
        self.pyramid_feature_network = FeaturePyramid(widths.base)
        self.sdf_network_lod0 = SdfNetwork(widths)
        self.rendering_network_lod0 = BlendingNetwork(3 + widths.fused, widths.sparse[0])
        self.variance_network_lod0 = VarianceNetwork()

    def build(self, images: Tensor, affine: Tensor, centres: Tensor) -> Scene:
        """Features, cost volume and its regularisation. Shapes as in `Scene`."""
        features = self.pyramid_feature_network(images)
        compressed = self.sdf_network_lod0.compress_layer(features)
        cost, mask = cost_volume(compressed, affine, self.resolution)
        volume = self.sdf_network_lod0.sparse_costreg_net(cost, mask)[0]
        return Scene(images, features, affine, centres, volume, mask)

    def sdf(self, scene: Scene, points: Tensor) -> Tensor:
        """points (N, 3) -> signed distance (N,), negative inside."""
        return self.sdf_network_lod0.sdf_layer(points, sample_volume(scene.volume, points), 1)[:, 0]

    def gradient(self, scene: Scene, points: Tensor) -> Tensor:
        """Gradient of the signed distance (N, 3)."""
        with torch.enable_grad():
            points = points.detach().requires_grad_()
            return torch.autograd.grad(self.sdf(scene, points).sum(), points, create_graph=self.training)[0]

    def color(self, scene: Scene, points: Tensor, target: Tensor) -> Tensor:
        """points (N, 3) and unit vectors to the viewer, or normals on a surface -> RGB (N, 3) in 0..1."""
        return self.blend(scene, points, target, *self.sample_images(scene, points))

    def blend(self, scene: Scene, points: Tensor, target: Tensor, features: Tensor, mask: Tensor) -> Tensor:
        """The rest of `color`, when `look` was asked before."""
        geometry = F.grid_sample(scene.volume[None], to_grid(points), align_corners=True)[0, :, 0, 0].T
        return self.rendering_network_lod0(features, ray_difference(points, target, scene.centres), mask, geometry)

    def sample_images(self, scene: Scene, points: Tensor) -> tuple[Tensor, Tensor]:
        """What the views know of points (N, 3): RGB and features (V, N, 3 + F), and whether it counts, bool (V, N)."""
        u, v, _ = project(points, scene.affine, scene.images, 1e-3)
        outside = (u.abs() >= 1) | (v.abs() >= 1)
        grid = torch.stack([u, v], -1).masked_fill(outside[..., None], 2)[:, None]
        maps = torch.cat([scene.images, scene.features], 1)
        features = F.grid_sample(maps, grid, align_corners=True)[:, :, 0].transpose(1, 2)
        return features, ~outside & (is_observed(scene, points) & (points.abs() < 1).all(1))


def is_observed(scene: Scene, points: Tensor) -> Tensor:
    """Whether two views or more see any of the voxels around points (N, 3): bool (N,)."""
    return F.grid_sample(scene.mask, to_grid(points), align_corners=True).flatten() > 0


def to_grid(points: Tensor) -> Tensor:
    """points (N, 3) as F.grid_sample wants them, whose last axis comes first."""
    return points.flip(-1)[None, None, None]


def project(points: Tensor, affine: Tensor, images: Tensor, near: float) -> tuple[Tensor, Tensor, Tensor]:
    """points (N, 3) -> u, v (V, N) with -1 and 1 at the centres of the border pixels, and depth z (V, N)."""
    height, width = images.shape[-2:]
    x, y, z = (points @ affine[:, :3, :3].transpose(1, 2) + affine[:, None, :3, 3]).unbind(-1)
    safe = torch.where((z >= 0) & (z < near) if near < 1e-4 else z < near, near, z)
    return 2 * x / safe / (width - 1) - 1, 2 * y / safe / (height - 1) - 1, z


def voxel_centres(resolution: int, device: torch.device) -> Tensor:
    """(D^3, 3), x slowest, from -1 to 1 inclusive."""
    axis = torch.linspace(-1, 1, resolution, device=device)
    return torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)


def cost_volume(features: Tensor, affine: Tensor, resolution: int) -> tuple[Tensor, Tensor]:
    """Variance and mean over the views: (V, C, H, W) -> (1, 2 C, D, D, D) and the mask of sites seen twice or more.

    Accumulated view by view. As published, samples are not multiplied by the visibility: the border's
    zero padding bleeds one pixel, and only the count knows what is visible.
    """
    points = voxel_centres(resolution, features.device)
    count = torch.zeros(len(points), device=features.device)
    total = square = torch.zeros(features.shape[1], len(points), device=features.device, dtype=features.dtype)
    for view, matrix in zip(features, affine, strict=True):
        u, v, z = project(points, matrix[None], view, 1e-6)
        count = count + ((u.abs() <= 1) & (v.abs() <= 1) & (z > 0))[0]
        sample = F.grid_sample(view[None], torch.stack([u, v], -1)[None].to(view.dtype), align_corners=True)[0, :, 0]
        total, square = total + sample, square + sample**2
    share = 1 / (count + 1e-5)
    mean = total * share
    mask = (count > min(1, len(features) - 1)).to(features.dtype)
    volume = torch.cat([square * share - mean**2, mean]) * mask
    shape = (1, -1, resolution, resolution, resolution)
    return volume.reshape(shape), mask.reshape(shape)
