# SPDX-License-Identifier: GPL-3.0-or-later
"""Make-It-3D's second stage (Tang et al. 2023, section 3.3), one step: points with learned descriptors and the network
that draws them, taught by the picture from in front and by diffusion from elsewhere; and the way back to the mesh."""

from __future__ import annotations

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
from . import losses
from .make_it_3d_coarse import Coarse, Told, distil
from .recipes.image_prior import ImageRecipe, RefineRecipe

OPAQUE = 0.9  # what a pixel shows from here on is the object alone, as released


class Descriptors(nn.Module):
    """3 colours and `channels` learned numbers of every point of a cloud, which begin as N(0, spread^2), and of the
    background, which is white."""

    def __init__(self, cloud: PointCloud, channels: int, seed: int, spread: float = 1.0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        learned = spread * torch.randn(len(cloud.points), channels, generator=generator).to(cloud.points)
        self.points = nn.Parameter(torch.cat([cloud.colors, learned], 1))
        self.behind = nn.Parameter(torch.cat([torch.ones(3), torch.zeros(channels)]).to(cloud.points))


class Refine:
    """The second stage as a task of the shared loop. surface: the first stage's mesh, whose depth makes the cloud."""

    def __init__(
        self,
        prior: Prior,
        told: Told,
        cloud: PointCloud,
        surface: Mesh,
        recipe: RefineRecipe,
        coarse: ImageRecipe,
        seed: int = 0,
    ):
        self.prior, self.told, self.cloud, self.surface = prior, told, cloud, surface
        self.recipe, self.coarse = recipe, coarse
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
        """Pictures (B, 3, H, W) and what the points hide of the background, (B, H, W); the network paints over the
        learned background too, which is composited behind the points at every scale."""
        device, maps, seen = self.cloud.points.device, [], []
        for camera in cameras:
            scales = splat_scales(self.cloud.points, camera.to(device), self.recipe.radius)
            behind = self.descriptors.behind[:, None, None]
            maps.append([s.composite(self.descriptors.points) + (1 - s.opacity) * behind for s in scales])
            seen.append(scales[0].opacity)
        pictures = self.network([torch.stack(scale) for scale in zip(*maps, strict=True)])
        return pictures, torch.stack(seen)

    def losses(self, position: float, generator: torch.Generator) -> dict[str, Tensor]:
        """Weighted, by name. What the prior asks for is a loss among the others, so that no step can lose it."""
        terms = self.imagine(position, generator) | self.look() | self.stay()
        return {name: self.recipe.weights[name] * term for name, term in terms.items() if self.recipe.weights.get(name)}

    def imagine(self, position: float, generator: torch.Generator) -> dict[str, Tensor]:
        """Random cameras, with the reference's lens and distance."""
        told, size = self.told, self.recipe.size
        position = self.coarse.steps * position / self.recipe.steps
        cameras = [
            Camera(c.cam_to_world, c.fov_deg, size, size) for c in self.coarse.cameras(self.coarse.steps, generator)
        ][: self.recipe.batch]
        pictures, opacity = self.draw(cameras)
        z = self.prior.encode(pictures)
        terms, x0 = distil(z, self.prior, told, cameras, self.coarse, position, self.recipe.guidance_scale, generator)
        if self.recipe.weights.get("picture"):
            with torch.no_grad():
                wanted = self.prior.decode(x0)
            seen = F.interpolate(pictures, wanted.shape[2:], mode="bilinear", align_corners=False)
            terms["picture"] = losses.reference_mse(seen, wanted)
        if told.likeness is not None and told.places is not None:
            terms["likeness"] = unlike(told.likeness.see(pictures), told.picture)
            terms["contextual"] = contextual(told.likeness.patches(pictures), told.places)
        empty = torch.stack([~dilate(o > 0.01, 2) for o in opacity])[:, None]
        return terms | {"background": ((1 - pictures) ** 2 * empty).mean()}

    def look(self) -> dict[str, Tensor]:
        """The reference, without its outline, whose pixels are mixed."""
        color, alpha, camera = self.told.reference.at(self.recipe.size)
        inside = 1 - F.max_pool2d(1 - alpha, 3, 1, 1)
        return {"color": ((self.draw([camera])[0] - color).abs() * inside[:, None]).mean()}

    def stay(self) -> dict[str, Tensor]:
        """Colours near those of the cloud; the reference's above all."""
        off, first = (self.descriptors.points[:, :3] - self.cloud.colors) ** 2, self.cloud.reference_count
        return {"canonical": off[:first].mean(), "anchor": off[first:].mean() if first < len(off) else 0 * off.sum()}

    @torch.no_grad()
    def pictures(self, cameras: list[Camera]) -> Tensor:
        """Finished pictures (B, H, W, 3)."""
        parts = [self.draw([camera])[0].permute(0, 2, 3, 1) for camera in cameras]
        return torch.cat(parts)

    @torch.no_grad()
    def views(self) -> np.ndarray:
        distance = sum(self.coarse.radius) / 2
        lens = self.coarse.fov_deg, self.recipe.size, self.recipe.size
        cameras = [Camera(orbit(azimuth, 15, distance), *lens) for azimuth in range(0, 360, 90)]
        pictures, opacity = zip(*(self.draw([camera]) for camera in cameras), strict=True)
        rgba = torch.cat([torch.cat(pictures), torch.cat(opacity)[:, None]], 1).permute(0, 2, 3, 1)
        return (rgba.clamp(0, 1) * 255 + 0.5).byte().cpu().numpy()

    def mesh(self, resolution: int) -> Mesh:
        return self.surface

    @torch.no_grad()
    def refined(self) -> list[View]:
        """The reference, as finely as it is known, and what the network makes of the mesh from all around: where points
        hide the background, and without the mixed pixels of outlines, which other views see better."""
        views = [reference_view(self.told, self.surface, self.told.reference.camera.height)]
        for camera in ring(self.recipe, self.coarse, self.recipe.size):
            pictures, opacity = self.draw([camera])
            view = view_with_depth(self.surface, camera, pictures[0].permute(1, 2, 0))
            views.append(View(view.camera, view.color, view.depth, view.mask & (opacity[0] > OPAQUE)))
        return [reliable_view(view, min(number, 1)) for number, view in enumerate(views)]


def reference_view(told: Told, surface: Mesh, size: int) -> View:
    """The picture on the surface: where it shows the object alone, in its colours without the white behind them."""
    color, alpha, camera = told.reference.at(size)
    rgb = (color - 1 + alpha[:, None]) / alpha[:, None].clamp(min=1e-3)
    view = view_with_depth(surface, camera, rgb.clamp(0, 1)[0].permute(1, 2, 0))
    return View(view.camera, view.color, view.depth, view.mask & (alpha[0] > OPAQUE))


def ring(recipe: RefineRecipe, coarse: ImageRecipe, size: int) -> list[Camera]:
    """The cameras around the object, from the reference outward; size: pixels a side."""
    angles = sorted(((a, e) for a in recipe.azimuths for e in recipe.elevations), key=lambda p: (abs(p[0]), abs(p[1])))
    return [Camera(orbit(a, e, coarse.radius[0]), coarse.fov_deg, size, size) for a, e in angles]


def make_cloud(task: Coarse, surface: Mesh, told: Told, recipe: RefineRecipe) -> PointCloud:
    """The textured cloud: the picture's colours from in front, the field's from elsewhere, the surface's depth."""
    size = recipe.size * recipe.dense
    views = [reference_view(told, surface, size)]
    for camera in ring(recipe, task.recipe, size):
        rgba = torch.from_numpy(task.renderer.render_image(camera.to(task.device))).to(task.device).float() / 255
        view = view_with_depth(surface, camera, rgba[..., :3])
        views.append(View(view.camera, view.color, view.depth, view.mask & (rgba[..., 3] > OPAQUE)))
    return build_point_cloud(views)
