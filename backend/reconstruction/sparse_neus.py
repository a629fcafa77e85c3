# SPDX-License-Identifier: GPL-3.0-or-later
"""SparseNeuS (Long et al. 2022) as One-2-3-45 uses it: views with cameras -> cost volume -> signed distance, colours.

Module names and tensor shapes are those of the published checkpoint. Everything here lives in the network's own
volume [-1, 1]^3; engines bring their scene into it through the cameras (`View.affine`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .blending import FEATURES, BlendingNetwork, ray_difference
from .cost_regularisation import SparseCostRegNet
from .feature_pyramid import ConvBnReLU, FeaturePyramid
from .sdf_head import SdfLayer, sample_volume


@dataclass
class Scene:
    """What the networks made of a set of V views.

    images (V, 3, H, W) in 0..1; features (V, 56, H, W); affine (V, 4, 4) volume -> pixels (OpenCV axes);
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

    def __init__(self):
        super().__init__()
        self.compress_layer = ConvBnReLU(56, 16)
        self.sparse_costreg_net = SparseCostRegNet()
        self.sdf_layer = SdfLayer()


class VarianceNetwork(nn.Module):
    """The sharpness of NeuS: inverse standard deviation exp(10 v)."""

    def __init__(self):
        super().__init__()
        self.variance = nn.Parameter(torch.tensor(0.2))


class SparseNeuS(nn.Module):
    """`build` a scene from views, then ask it for `sdf` and `color`."""

    def __init__(self, resolution: int):
        super().__init__()
        self.resolution = resolution
        self.pyramid_feature_network = FeaturePyramid()
        self.sdf_network_lod0 = SdfNetwork()
        self.rendering_network_lod0 = BlendingNetwork()
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
        return self.sdf_network_lod0.sdf_layer(points, sample_volume(scene.volume, points))[:, 0]

    def gradient(self, scene: Scene, points: Tensor) -> Tensor:
        """Gradient of the signed distance (N, 3)."""
        with torch.enable_grad():
            points = points.detach().requires_grad_()
            return torch.autograd.grad(self.sdf(scene, points).sum(), points, create_graph=self.training)[0]

    def color(self, scene: Scene, points: Tensor, target: Tensor) -> Tensor:
        """points (N, 3) and unit vectors to the viewer, or normals on a surface -> RGB (N, 3) in 0..1."""
        u, v, _, size = project(points, scene.affine, scene.images, 1e-3)
        outside = (u.abs() >= 1) | (v.abs() >= 1)
        grid = torch.stack([u, v], -1).masked_fill(outside[..., None], 2)[:, None]
        maps = torch.cat([scene.images, scene.features], 1)
        features = F.grid_sample(maps, grid, align_corners=True)[:, :, 0].transpose(1, 2)
        place = points.flip(-1)[None, None, None]
        known = F.grid_sample(scene.mask, place, align_corners=True).flatten() > 0
        geometry = F.grid_sample(scene.volume[None], place, align_corners=True)[0, :, 0, 0].T
        mask = ~outside & (known & (points.abs() < 1).all(1))
        assert features.shape[-1] == FEATURES and size == scene.images.shape[-1]
        return self.rendering_network_lod0(features, ray_difference(points, target, scene.centres), mask, geometry)


def project(points: Tensor, affine: Tensor, images: Tensor, near: float) -> tuple[Tensor, Tensor, Tensor, int]:
    """points (N, 3) -> u, v (V, N) with -1 and 1 at the centres of the border pixels, depth z (V, N), and the width."""
    height, width = images.shape[-2:]
    x, y, z = (points @ affine[:, :3, :3].transpose(1, 2) + affine[:, None, :3, 3]).unbind(-1)
    safe = torch.where((z >= 0) & (z < near) if near < 1e-4 else z < near, near, z)
    return 2 * x / safe / (width - 1) - 1, 2 * y / safe / (height - 1) - 1, z, width


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
        u, v, z, _ = project(points, matrix[None], view, 1e-6)
        count = count + ((u.abs() <= 1) & (v.abs() <= 1) & (z > 0))[0]
        sample = F.grid_sample(view[None], torch.stack([u, v], -1)[None].to(view.dtype), align_corners=True)[0, :, 0]
        total, square = total + sample, square + sample**2
    share = 1 / (count + 1e-5)
    mean = total * share
    mask = (count > min(1, len(features) - 1)).to(features.dtype)
    volume = torch.cat([square * share - mean**2, mean]) * mask
    shape = (1, -1, resolution, resolution, resolution)
    return volume.reshape(shape), mask.reshape(shape)


def volume_cameras(
    cam_to_world: Tensor, fov_deg: float, size: int, volume_to_world: Tensor, pixel_shift: float = -0.5
) -> tuple[Tensor, Tensor]:
    """Cameras (V, 4, 4) with Blender axes -> affine (V, 4, 4), volume to pixels, and centres (V, 3) in the volume.

    The network's own convention, converted here: OpenCV axes and pixel centres at whole numbers (`pixel_shift`;
    the published rig shifts nothing). `volume_to_world` is a similarity.
    """
    focal = size / 2 / torch.tan(torch.deg2rad(torch.tensor(fov_deg)) / 2)
    middle = size / 2 + pixel_shift
    k = torch.tensor(
        [[focal, 0, -middle, 0], [0, -focal, -middle, 0], [0, 0, -1, 0], [0, 0, 0, 1]], device=cam_to_world.device
    )
    centres = torch.linalg.solve(volume_to_world, cam_to_world[:, :, 3].T).T[:, :3]
    return k @ torch.linalg.inv(cam_to_world) @ volume_to_world, centres
