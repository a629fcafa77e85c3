# SPDX-License-Identifier: GPL-3.0-or-later
"""Make-It-3D's second stage (Tang et al. 2023, section 3.3): points with learned descriptors and the network that
renders them are optimised with the image from in front and with diffusion from elsewhere, then colour the mesh."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..diffusion.clip_similarity import contextual, unlike
from ..diffusion.prior import Prior
from ..input_view.view_colors import view_with_depth
from ..reconstruction.point_renderer import PointRenderer
from ..rendering.cameras import Camera, orbit
from ..rendering.mesh import Mesh
from ..rendering.point_cloud import PointCloud, View, build_point_cloud, dilate, reliable_view
from ..rendering.points import splat_scales
from ..runtime.images import to_bytes
from . import losses
from .image_objective import Reference
from .make_it_3d_coarse import ClipDistillation, CoarseObjective, ReferenceFeatures
from .recipes.make_it_3d import ImageRecipe, RefineRecipe

OPAQUE = 0.9  # opacity from which a pixel shows the object alone, as released
EMPTY = 0.01  # opacity up to which a pixel shows the background alone


class Descriptors(nn.Module):
    """Three colours and `channels` learned numbers, at first N(0, spread^2), of every point and of the background."""

    def __init__(self, cloud: PointCloud, channels: int, seed: int, spread: float = 1.0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        learned = spread * torch.randn(len(cloud.points), channels, generator=generator).to(cloud.points)
        self.points = nn.Parameter(torch.cat([cloud.colors, learned], 1))
        self.background = nn.Parameter(  # white at first
            torch.cat([torch.ones(3), torch.zeros(channels)]).to(cloud.points)
        )


class RefineObjective:
    """The second stage's points and network (`loop.Objective`). surface: the first stage's mesh, whose depth makes the
    cloud. coarse: the first stage's recipe."""

    def __init__(
        self,
        prior: Prior,
        features: ReferenceFeatures,
        cloud: PointCloud,
        surface: Mesh,
        recipe: RefineRecipe,
        coarse: ImageRecipe,
        seed: int = 0,
    ):
        self.prior, self.features, self.cloud, self.surface = prior, features, cloud, surface
        self.recipe, self.coarse = recipe, coarse
        settings = replace(coarse, guidance_scale=recipe.guidance_scale)
        self.distillation = ClipDistillation(prior, settings, features)
        self.name = f"{type(prior).__name__} points {len(cloud.points)} {recipe}"
        self.descriptors = Descriptors(cloud, recipe.channels, seed, recipe.spread)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = PointRenderer(recipe.channels).to(cloud.points.device)
        self.modules: dict[str, nn.Module] = {"descriptors": self.descriptors, "network": self.network}

    def groups(self) -> list[dict[str, Any]]:
        return [
            {"params": list(self.network.parameters()), "lr": self.recipe.rate},
            {"params": list(self.descriptors.parameters()), "lr": self.recipe.point_rate},
        ]

    def draw(self, cameras: list[Camera]) -> tuple[Tensor, Tensor]:
        """Images (B, 3, H, W) and the points' opacity (B, H, W). The network also sees the learned background, which
        is composited behind the points at every scale."""
        device, maps, opacity = self.cloud.points.device, [], []
        for camera in cameras:
            scales = splat_scales(self.cloud.points, camera.to(device), self.recipe.radius)
            background = self.descriptors.background[:, None, None]
            maps.append([s.composite(self.descriptors.points) + (1 - s.opacity) * background for s in scales])
            opacity.append(scales[0].opacity)
        images = self.network([torch.stack(scale) for scale in zip(*maps, strict=True)])
        return images, torch.stack(opacity)

    def losses(self, position: float, generator: torch.Generator) -> dict[str, Tensor]:
        """Weighted losses by name. The prior's is one among them, so that no step can lose its gradient."""
        terms = self.random_view_terms(position, generator) | self.reference_terms() | self.cloud_terms()
        return {name: self.recipe.weights[name] * term for name, term in terms.items() if self.recipe.weights.get(name)}

    def random_view_terms(self, position: float, generator: torch.Generator) -> dict[str, Tensor]:
        """Losses of random views, with the reference's lens and distance."""
        features, size = self.features, self.recipe.size
        position = self.coarse.steps * position / self.recipe.steps
        cameras = [
            Camera(c.cam_to_world, c.fov_deg, size, size) for c in self.coarse.cameras(self.coarse.steps, generator)
        ][: self.recipe.batch]
        images, opacity = self.draw(cameras)
        terms, x0 = self.distillation.losses(self.prior.encode(images), cameras, position, generator)
        if self.recipe.weights.get("picture"):
            with torch.no_grad():
                expected = self.prior.decode(x0)
            seen = F.interpolate(images, expected.shape[2:], mode="bilinear", align_corners=False)
            terms["picture"] = losses.reference_mse(seen, expected)
        if features.likeness is not None and features.patches is not None:
            terms["likeness"] = unlike(features.likeness.see(images), features.image)
            terms["contextual"] = contextual(features.likeness.patches(images), features.patches)
        empty = torch.stack([~dilate(o > EMPTY, 2) for o in opacity])[:, None]
        return terms | {"background": ((1 - images) ** 2 * empty).mean()}

    def reference_terms(self) -> dict[str, Tensor]:
        """The reference's colour, without its outline, whose pixels are mixed."""
        color, alpha, camera = self.features.reference.at(self.recipe.size)
        inside = 1 - F.max_pool2d(1 - alpha, 3, 1, 1)
        return {"color": ((self.draw([camera])[0] - color).abs() * inside[:, None]).mean()}

    def cloud_terms(self) -> dict[str, Tensor]:
        """Distance of the points' colours from those of the cloud: the reference's points, and all others."""
        off, first = (self.descriptors.points[:, :3] - self.cloud.colors) ** 2, self.cloud.reference_count
        return {"canonical": off[:first].mean(), "anchor": off[first:].mean() if first < len(off) else 0 * off.sum()}

    @torch.no_grad()
    def images(self, cameras: list[Camera]) -> Tensor:
        """Finished images (B, H, W, 3)."""
        return torch.cat([self.draw([camera])[0].permute(0, 2, 3, 1) for camera in cameras])

    @torch.no_grad()
    def views(self) -> np.ndarray:
        distance = sum(self.coarse.radius) / 2
        lens = self.coarse.fov_deg, self.recipe.size, self.recipe.size
        cameras = [Camera(orbit(azimuth, 15, distance), *lens) for azimuth in range(0, 360, 90)]
        images, opacity = zip(*(self.draw([camera]) for camera in cameras), strict=True)
        rgba = torch.cat([torch.cat(images), torch.cat(opacity)[:, None]], 1).permute(0, 2, 3, 1)
        return to_bytes(rgba)

    def mesh(self, resolution: int) -> Mesh:
        return self.surface

    @torch.no_grad()
    def refined(self) -> list[View]:
        """Views that colour the mesh: the reference at its full size, and the network's images from all around, where
        points hide the background. Mixed pixels of outlines are left out: other views see these places better."""
        views = [reference_view(self.features.reference, self.surface, self.features.reference.camera.height)]
        for camera in ring(self.recipe, self.coarse, self.recipe.size):
            images, opacity = self.draw([camera])
            view = view_with_depth(self.surface, camera, images[0].permute(1, 2, 0))
            views.append(View(view.camera, view.color, view.depth, view.mask & (opacity[0] > OPAQUE)))
        return [reliable_view(view, min(number, 1)) for number, view in enumerate(views)]


def reference_view(reference: Reference, surface: Mesh, size: int) -> View:
    """The reference on the surface, where it shows the object alone, in colours without the white behind them."""
    color, alpha, camera = reference.at(size)
    rgb = (color - 1 + alpha[:, None]) / alpha[:, None].clamp(min=1e-3)
    view = view_with_depth(surface, camera, rgb.clamp(0, 1)[0].permute(1, 2, 0))
    return View(view.camera, view.color, view.depth, view.mask & (alpha[0] > OPAQUE))


def ring(recipe: RefineRecipe, coarse: ImageRecipe, size: int) -> list[Camera]:
    """Cameras around the object, those nearest to the reference first. size: pixels a side."""
    angles = sorted(((a, e) for a in recipe.azimuths for e in recipe.elevations), key=lambda p: (abs(p[0]), abs(p[1])))
    return [Camera(orbit(a, e, coarse.radius[0]), coarse.fov_deg, size, size) for a, e in angles]


def make_cloud(coarse: CoarseObjective, surface: Mesh, recipe: RefineRecipe) -> PointCloud:
    """The textured cloud: the reference's colours from in front, the field's from elsewhere, the surface's depth."""
    size = recipe.size * recipe.dense
    views = [reference_view(coarse.reference, surface, size)]
    for camera in ring(recipe, coarse.recipe, size):
        rgba = torch.from_numpy(coarse.renderer.render_image(camera.to(coarse.device))).to(coarse.device).float() / 255
        view = view_with_depth(surface, camera, rgba[..., :3])
        views.append(View(view.camera, view.color, view.depth, view.mask & (rgba[..., 3] > OPAQUE)))
    return build_point_cloud(views)
