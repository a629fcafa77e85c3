# SPDX-License-Identifier: GPL-3.0-or-later
"""Optimisation of a field with a diffusion prior: losses of random views, regularisers, previews and the mesh."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from ..diffusion.prior import Prior
from ..fields.field import Field
from ..fields.initial import Start
from ..fields.renderer import Renderer
from ..fields.solid import Solid
from ..fields.surface import MIN_PIECE, Value, to_mesh
from ..rendering.cameras import Camera, orbit, rays
from ..rendering.mesh import Mesh
from ..rendering.shading import Light, Shading
from ..runtime.images import to_bytes
from . import losses
from .distillation import Distillation, draw_normal
from .recipes.base import Recipe
from .rendered_views import RenderedViews, resized

JITTER = 0.01  # distance of points whose normals should agree
MAX_CAMERA_SHIFT = 0.05  # from a view to its near view, 3DRec's
EIKONAL_POINTS = 4096  # of a step: differentiating twice is what costs most
MIN_PIECE_FROM_MESH = 0.003  # keep pieces above this share of the largest; below CRUMB, as a mesh has real small parts
NORMAL_LOSSES = ("orientation", "normal_smoothness", "normal_jitter")
PREVIEW_ELEVATION_DEG = 15


class Vanished(ValueError):
    """The field has no surface left."""

    remedy = "Try another seed. White objects are hard to tell from the white background."


class FieldObjective:
    """A field, its losses, and the cameras that evaluate them (`loop.Objective`).

    A field of three channels is rendered and encoded for the prior; a field of latents is rendered as latents. start:
    the mesh that the field began as.
    """

    def __init__(self, prior: Prior, field: Field, recipe: Recipe, method: str = "sds", start: Start | None = None):
        self.prior, self.field, self.recipe, self.start = prior, field, recipe, start
        self.distillation = Distillation(prior, recipe, method)
        self.name = f"{type(prior).__name__} {method} {type(field).__name__} {recipe}"
        self.renderer = Renderer(field, recipe.section, memory=recipe.memory)
        self.modules: dict[str, nn.Module] = {"field": field, "renderer": self.renderer}
        self.device, self.is_latent = next(field.parameters()).device, field.channels != 3
        self.background: Tensor | float = 1.0
        if self.is_latent:
            with torch.no_grad():
                white = torch.ones(1, 3, prior.image_size, prior.image_size, device=self.device)
                self.background = prior.encode(white).mean((0, 2, 3))

    def groups(self) -> list[dict]:
        return [group | {"decay": self.recipe.decay} for group in self.field.groups(self.recipe.rate)]

    def losses(self, position: float, generator: torch.Generator) -> dict[str, Tensor]:
        """Weighted losses by name."""
        self.field.advance(position / self.recipe.steps)
        self.renderer.update(generator)
        terms = self.terms(position, generator)
        if self.start is not None and self.recipe.weight("start", position):
            terms["start"] = self.start.loss(self.field, generator)
        return {name: self.recipe.weight(name, position) * term for name, term in terms.items()}

    def terms(self, position: float, generator: torch.Generator) -> dict[str, Tensor]:
        """Losses by name, without weights."""
        return self.random_view_terms(position, generator)

    def random_view_terms(self, position: float, generator: torch.Generator) -> dict[str, Tensor]:
        """Losses of views from random cameras: the prior's opinion and regularisers."""
        recipe, prior = self.recipe, self.prior
        cameras = recipe.cameras(position, generator)
        seen = self.render_random(cameras, position, generator)
        with torch.set_grad_enabled(any(recipe.weight(name, position) > 0 for name in ("prior", "clip"))):
            z = seen.color if self.is_latent else prior.encode(seen.color)
        terms, x0 = self.distillation.losses(z, cameras, position, generator)
        if recipe.weight("silhouette", position) or recipe.weight("picture", position):
            with torch.no_grad():
                expected = resized(prior.decode(x0), seen.opacity.shape[1:])
            terms["silhouette"] = losses.silhouette(seen.opacity, expected)
            terms["picture"] = losses.reference_mse(prior.decode(z) if self.is_latent else seen.color, expected)
        if recipe.weight("near_view", position):
            near = self.render_random([moved(camera, generator) for camera in cameras], position, generator)
            terms["near_view"] = losses.near_view(seen.color, near.color, seen.depth, near.depth)
        return terms | self.regularisers(seen, position, generator, "random")

    def regularisers(
        self, seen: RenderedViews, position: float, generator: torch.Generator, view: str
    ) -> dict[str, Tensor]:
        """Losses of the shape in views of a kind, "random" or "reference". Terms of weight 0 are not computed."""
        samples = seen.rendering.samples

        def jitter() -> Tensor:
            beside = samples.points.detach() + JITTER * draw_normal(samples.points, generator)
            return losses.normal_jitter(seen.section_normals, self.field.normal(beside))

        terms: dict[str, Callable[[], Tensor]] = {
            "orientation": lambda: losses.orientation(
                samples.weights, seen.section_normals, samples.directions, (seen.opacity > 0).sum()
            ),
            "sparsity": lambda: losses.sparsity(seen.opacity),
            "opaqueness": lambda: losses.opaqueness(seen.opacity),
            "normal_smoothness": lambda: losses.normal_smoothness(seen.normal_map),
            "normal_jitter": jitter,
            "depth_smoothness": lambda: losses.depth_smoothness(seen.depth),
            "eikonal": lambda: losses.eikonal(self.field.gradient(draw_points(samples.points.detach(), generator))),
        }
        names = {f"{name} {view}": term for name, term in terms.items()}
        return {name: term() for name, term in names.items() if self.recipe.weight(name, position)}

    def render_random(self, cameras: list[Camera], position: float, generator: torch.Generator) -> RenderedViews:
        """Random views, lit as the objective wants them; here by no light."""
        return self.render(cameras, position, generator)

    def render(
        self,
        cameras: list[Camera],
        position: float,
        generator: torch.Generator,
        shading: Shading = "albedo",
        light: Light | None = None,
    ) -> RenderedViews:
        """Render all cameras, which share one size, in front of the backdrop."""
        origins, directions = (torch.cat(parts).to(self.device) for parts in zip(*map(rays, cameras), strict=True))
        weighted = (self.recipe.weight(f"{n} {v}", position) for n in NORMAL_LOSSES for v in ("random", "reference"))
        normals = "analytic" if shading != "albedo" or any(weighted) else "ray"
        backdrop = self.backdrop(directions, generator)
        seen = self.renderer.render(origins, directions, backdrop, shading, light, normals, generator)
        return RenderedViews(seen, len(cameras), cameras[0].height, cameras[0].width)

    def backdrop(self, directions: Tensor, generator: torch.Generator) -> Tensor | float:
        """The colour behind the object in ray directions (N, 3): a number, (C,) or (N, C)."""
        return self.background

    def turntable(self, count: int) -> list[Camera]:
        size, distance = self.recipe.random_size[-1], sum(self.recipe.radius) / 2
        poses = [orbit(360 * i / count, PREVIEW_ELEVATION_DEG, distance) for i in range(count)]
        return [Camera(pose, self.recipe.fov_deg, size, size) for pose in poses]

    def views(self) -> np.ndarray:
        """Four sides for a preview, uint8 (4, H, W, 4)."""
        cameras = self.turntable(4)
        if not self.is_latent:
            return np.stack([self.renderer.render_image(camera) for camera in cameras])
        return to_bytes(self.prior.decode(self.latents(cameras)).permute(0, 2, 3, 1))

    @torch.no_grad()
    def latents(self, cameras: list[Camera]) -> Tensor:
        """A field of latents from these cameras, (B, C, h, w)."""
        return self.render(cameras, 0, torch.Generator().manual_seed(0)).color

    def mesh(self, resolution: int, correct: Callable[[Value], Value] | None = None) -> Mesh:
        """The clean coloured surface. correct: as in `to_mesh`. Raises Vanished."""
        surface, decode = self.field if self.field.is_sdf else Solid(self.field, resolution), None
        if self.is_latent:
            decode = latent_colors(self.prior, self.latents(self.turntable(8)))
        smallest = MIN_PIECE if self.start is None else MIN_PIECE_FROM_MESH
        mesh = to_mesh(surface, resolution, smallest=smallest, decode=decode, correct=correct)
        if not len(mesh.faces):
            raise Vanished("The shape vanished while it was optimised, so there is no mesh.")
        return mesh


def draw_points(points: Tensor, generator: torch.Generator) -> Tensor:
    """At most EIKONAL_POINTS random ones of points (P, 3)."""
    order = torch.randperm(len(points), generator=generator, device=generator.device)
    return points[order[:EIKONAL_POINTS].to(points.device)]


def moved(camera: Camera, generator: torch.Generator) -> Camera:
    """The camera, shifted in a random direction by at most a pixel: farther away every edge would look different."""
    matrix, pixel = camera.cam_to_world.clone(), float(camera.position.norm()) / camera.focal
    shift = min(MAX_CAMERA_SHIFT, pixel)
    matrix[:3, 3] += shift * nn.functional.normalize(draw_normal(matrix[:3, 3], generator), dim=0)
    return Camera(matrix, camera.fov_deg, camera.width, camera.height)


def latent_colors(prior: Prior, latents: Tensor) -> Callable[[Tensor], Tensor]:
    """The linear map of latents (P, C) to colours (P, 3) that comes closest to the prior's decoder on these images
    (B, C, h, w): a latent of one point cannot be decoded, but Stable Diffusion's decoder is nearly linear in colour."""
    with torch.no_grad():
        images = nn.functional.interpolate(prior.decode(latents), latents.shape[2:], mode="area")
    x, y = (v.permute(0, 2, 3, 1).flatten(0, 2).double().cpu() for v in (latents, images))
    matrix = torch.linalg.lstsq(nn.functional.pad(x, (0, 1), value=1), y).solution.to(latents)

    def colors(points: Tensor) -> Tensor:
        return (nn.functional.pad(points, (0, 1), value=1) @ matrix).clamp(0, 1)

    return colors
