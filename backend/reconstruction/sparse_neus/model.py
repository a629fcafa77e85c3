# SPDX-License-Identifier: GPL-3.0-or-later
"""SparseNeuS (Long et al. 2022) as used by One-2-3-45: posed views -> cost volume -> signed distance and colours.

Module names and tensor shapes are those of the published checkpoint. All points lie in the network's volume [-1, 1]^3;
`volume_frame` maps the cameras into it.
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
    """Channels of the networks; the defaults are the published ones."""

    base: int = 8  # the pyramid's finest level
    compressed: int = 16  # a view in the cost volume
    sparse: tuple[int, int, int, int] = (16, 16, 32, 64)  # the sparse U-Net's levels; the first is the latent
    hidden: int = 128  # the SDF head
    octaves: int = 6  # of the SDF head's positional encoding

    @property
    def fused(self) -> int:
        return 7 * self.base


@dataclass
class Scene:
    """The encoding of V views."""

    images: Tensor  # (V, 3, H, W), 0..1
    features: Tensor  # (V, F, H, W)
    affine: Tensor  # (V, 4, 4), volume to pixels, OpenCV axes
    centres: Tensor  # (V, 3) of the cameras
    volume: Tensor  # (16, D, D, D)
    mask: Tensor  # (1, 1, D, D, D), voxels that at least two views see


class SdfNetwork(nn.Module):
    """The checkpoint's sdf_network_lod0."""

    def __init__(self, widths: Widths):
        super().__init__()
        self.compress_layer = ConvBnReLU(widths.fused, widths.compressed)
        self.sparse_costreg_net = SparseCostRegNet(2 * widths.compressed, widths.sparse)
        self.sdf_layer = SdfLayer(widths.hidden, widths.sparse[0], widths.octaves)


class VarianceNetwork(nn.Module):
    """NeuS's sharpness: inverse standard deviation exp(10 v)."""

    def __init__(self):
        super().__init__()
        self.variance = nn.Parameter(torch.tensor(0.2))


class SparseNeuS(nn.Module):
    """`build` a scene from views, then evaluate `sdf` and `color`. rig: the cameras of its training data."""

    def __init__(self, resolution: int, widths: Widths = Widths(), rig: Rig = "starter"):
        super().__init__()
        self.resolution = resolution
        self.rig: Rig = rig
        self.pyramid_feature_network = FeaturePyramid(widths.base)
        self.sdf_network_lod0 = SdfNetwork(widths)
        self.rendering_network_lod0 = BlendingNetwork(3 + widths.fused, widths.sparse[0])
        self.variance_network_lod0 = VarianceNetwork()

    def build(self, images: Tensor, affine: Tensor, centres: Tensor) -> Scene:
        """Encode views; shapes as in `Scene`."""
        features = self.pyramid_feature_network(images)
        compressed = self.sdf_network_lod0.compress_layer(features)
        cost, mask = cost_volume(compressed, affine, self.resolution)
        volume = self.sdf_network_lod0.sparse_costreg_net(cost, mask)[0]
        return Scene(images, features, affine, centres, volume, mask)

    def sdf(self, scene: Scene, points: Tensor) -> Tensor:
        """Signed distance (N,) at points (N, 3), negative inside."""
        return self.sdf_network_lod0.sdf_layer(points, sample_volume(scene.volume, points), 1)[:, 0]

    def gradient(self, scene: Scene, points: Tensor) -> Tensor:
        """Gradient (N, 3) of the signed distance."""
        with torch.enable_grad():
            points = points.detach().requires_grad_()
            return torch.autograd.grad(self.sdf(scene, points).sum(), points, create_graph=self.training)[0]

    def color(self, scene: Scene, points: Tensor, target: Tensor) -> Tensor:
        """RGB (N, 3) in 0..1 at points (N, 3). target: unit vectors to the viewer, or surface normals (N, 3)."""
        return self.blend(scene, points, target, *self.sample_images(scene, points))

    def blend(self, scene: Scene, points: Tensor, target: Tensor, features: Tensor, mask: Tensor) -> Tensor:
        """RGB (N, 3) from the features and mask of `sample_images`."""
        geometry = F.grid_sample(scene.volume[None], to_grid(points), align_corners=True)[0, :, 0, 0].T
        return self.rendering_network_lod0(features, ray_difference(points, target, scene.centres), mask, geometry)

    def sample_images(self, scene: Scene, points: Tensor) -> tuple[Tensor, Tensor]:
        """Sample the views at points (N, 3) -> RGB and features (V, N, 3 + F), validity mask bool (V, N)."""
        u, v, _ = project(points, scene.affine, scene.images, 1e-3)
        outside = (u.abs() >= 1) | (v.abs() >= 1)
        grid = torch.stack([u, v], -1).masked_fill(outside[..., None], 2)[:, None]
        maps = torch.cat([scene.images, scene.features], 1)
        features = F.grid_sample(maps, grid, align_corners=True)[:, :, 0].transpose(1, 2)
        return features, ~outside & (is_observed(scene, points) & (points.abs() < 1).all(1))


def is_observed(scene: Scene, points: Tensor) -> Tensor:
    """bool (N,): whether at least two views see any of the voxels around points (N, 3)."""
    return F.grid_sample(scene.mask, to_grid(points), align_corners=True).flatten() > 0


def to_grid(points: Tensor) -> Tensor:
    """Points (N, 3) as a grid for F.grid_sample, whose last axis comes first."""
    return points.flip(-1)[None, None, None]


def project(points: Tensor, affine: Tensor, images: Tensor, near: float) -> tuple[Tensor, Tensor, Tensor]:
    """Project points (N, 3) -> u, v (V, N), -1 and 1 at the centres of the border pixels, and depth z (V, N)."""
    height, width = images.shape[-2:]
    x, y, z = (points @ affine[:, :3, :3].transpose(1, 2) + affine[:, None, :3, 3]).unbind(-1)
    safe = torch.where((z >= 0) & (z < near) if near < 1e-4 else z < near, near, z)
    return 2 * x / safe / (width - 1) - 1, 2 * y / safe / (height - 1) - 1, z


def voxel_centres(resolution: int, device: torch.device) -> Tensor:
    """Voxel centres (D^3, 3) from -1 to 1 inclusive, x slowest."""
    axis = torch.linspace(-1, 1, resolution, device=device)
    return torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)


def cost_volume(features: Tensor, affine: Tensor, resolution: int) -> tuple[Tensor, Tensor]:
    """Variance and mean over the views (V, C, H, W) -> cost volume (1, 2 C, D, D, D) and mask of sites seen twice.

    Accumulated view by view. As published, samples are not masked by visibility: zero padding bleeds one pixel at the
    border, and only the count takes visibility into account.
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
