# SPDX-License-Identifier: GPL-3.0-or-later
"""Optimisation against an image's prior, one step: what random cameras see, and what the input's camera sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..diffusion import guidance
from ..diffusion.prior import Denoised, Prior
from ..fields.field import Field
from ..fields.initial import Start
from ..fields.renderer import FieldRendering, Renderer
from ..fields.solid import Solid
from ..fields.surface import MIN_PIECE, Value, to_mesh
from ..rendering.cameras import Camera, orbit, rays
from ..rendering.mesh import Mesh
from . import losses
from .annealing import draw_timesteps
from .recipes.base import Recipe, elements

JITTER = 0.01  # distance of points whose normals should agree
NEAR = 0.05  # how far the near view's camera is moved, 3DRec's; a pixel where pixels are finer than 3DRec's 0.057
FAR = 10.0  # depth of the background, 3DRec's
EIKONAL_POINTS = 4096  # points of a step whose gradients should be of length one
PIECE = 0.003  # of the largest piece's volume: what a mesh may have, and a cloud's crumbs have not
OF_NORMALS = ("orientation", "normal_smoothness", "normal_jitter")


class Vanished(ValueError):
    """Nothing solid is left of the field."""

    remedy = "Try another seed. What is white is hard to tell from the white behind it."


@dataclass
class Reference:
    """The input: RGBA float32 (H, W, 4), straight alpha, and its camera."""

    image: Tensor
    camera: Camera

    def at(self, size: int) -> tuple[Tensor, Tensor, Camera]:
        """Colour on white (1, 3, S, S), alpha (1, S, S) and the camera, at a size in pixels."""
        alpha = self.image[..., 3:]
        premultiplied = torch.cat([self.image[..., :3] * alpha, alpha], -1).permute(2, 0, 1)[None]
        small = nn.functional.interpolate(premultiplied, (size, size), mode="area")
        camera = Camera(self.camera.cam_to_world, self.camera.fov_deg, size, size)
        return small[:, :3] + 1 - small[:, 3:], small[:, 3], camera


class Reconstruction:
    """The task of the shared loop: what is optimised, and what for.

    A field of three channels is seen by the prior through its encoder; one of latents is what the prior looks at.
    """

    def __init__(
        self,
        prior: Prior,
        field: Field,
        reference: Reference | None,
        recipe: Recipe,
        method: str = "sds",
        start: Start | None = None,
    ):
        self.start = start
        self.prior, self.field, self.reference, self.recipe, self.method = prior, field, reference, recipe, method
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
        """Weighted, by name."""
        self.field.advance(position / self.recipe.steps)
        self.renderer.update(generator)
        terms = self.imagine(position, generator) | self.look(position, generator)
        if self.start is not None and self.recipe.weight("start", position):
            terms["start"] = self.start.loss(self.field, generator)
        return {name: self.recipe.weight(name, position) * term for name, term in terms.items()}

    def imagine(self, position: float, generator: torch.Generator) -> dict[str, Tensor]:
        """Random cameras, and what the prior would change in what they see."""
        recipe, prior = self.recipe, self.prior
        cameras = recipe.cameras(position, generator)
        seen = self.render(cameras, position, generator)
        with torch.set_grad_enabled(recipe.weight("prior", position) > 0):
            z = seen.color if self.is_latent else prior.encode(seen.color)
        t = self.timesteps(len(z), position, generator)
        a = prior.alphas_cumprod[t.to(z.device)].view(-1, 1, 1, 1)
        with torch.no_grad():
            noisy = guidance.add_noise(z, draw_normal(z, generator), a)
            told = prior.denoise(noisy, t.to(z.device), cameras, unconditional=recipe.guidance_scale != 1)
            x0 = self.guided(told)
            if self.method == "sjc":
                gradient = guidance.sjc_gradient(z, x0, guidance.level(a))
            else:
                gradient = guidance.sds_gradient(z, x0, a, recipe.weighting)
            if recipe.clip:
                gradient = guidance.clip_norm(gradient, recipe.clip * gradient[0].numel() ** 0.5)
        terms = {"prior": elements(z) * guidance.surrogate_loss(z, gradient)}
        if recipe.weight("silhouette", position) or recipe.weight("picture", position):
            shown = resized(prior.decode(x0).detach(), seen.opacity.shape[1:])
            terms["silhouette"] = losses.silhouette(seen.opacity, shown)
            terms["picture"] = losses.reference_mse(prior.decode(z) if self.is_latent else seen.color, shown)
        if recipe.weight("near_view", position):
            near = self.render([moved(camera, generator) for camera in cameras], position, generator)
            terms["near_view"] = losses.near_view(seen.color, near.color, seen.depth, near.depth)
        return terms | self.shape(seen, position, generator, "random")

    def timesteps(self, count: int, position: float, generator: torch.Generator) -> Tensor:
        """For `count` pictures, each its own."""
        recipe, total = self.recipe, len(self.prior.alphas_cumprod)
        return draw_timesteps(count, position, recipe.least_t, recipe.most_t, total, generator)

    def guided(self, told: Denoised) -> Tensor:
        """x0 as the recipe's guidance has it."""
        return guided(told, self.recipe.guidance_scale)

    def look(self, position: float, generator: torch.Generator) -> dict[str, Tensor]:
        """The input's own camera, and how what it sees differs from the input."""
        assert self.reference is not None
        color, alpha, camera = self.reference.at(self.recipe.reference_size[self.recipe.stage(position)])
        seen = self.render([camera], position, generator)
        picture = seen.color
        if self.is_latent:
            picture, color = self.prior.decode(seen.color), self.reference.at(self.prior.image_size)[0]
        terms = {"color": losses.reference_mse(picture, color), "mask": losses.mask(seen.opacity, alpha)}
        return terms | self.shape(seen, position, generator, "reference")

    def shape(self, seen: Pictures, position: float, generator: torch.Generator, view: str) -> dict[str, Tensor]:
        """What is asked of any shape; only what has a weight is computed. Depth is blended with the background's."""
        samples = seen.rendering.samples

        def jitter() -> Tensor:
            beside = samples.points.detach() + JITTER * draw_normal(samples.points, generator)
            return losses.normal_jitter(seen.normals, self.field.normal(beside))

        terms: dict[str, Callable[[], Tensor]] = {
            "orientation": lambda: losses.orientation(
                samples.weights, seen.normals, samples.directions, (seen.opacity > 0).sum()
            ),
            "sparsity": lambda: losses.sparsity(seen.opacity),
            "opaqueness": lambda: losses.opaqueness(seen.opacity),
            "normal_smoothness": lambda: losses.normal_smoothness(seen.normal),
            "normal_jitter": jitter,
            "depth_smoothness": lambda: losses.depth_smoothness(seen.depth),
            "eikonal": lambda: losses.eikonal(self.field.gradient(some(samples.points.detach(), generator))),
        }
        names = {f"{name} {view}": term for name, term in terms.items()}
        return {name: term() for name, term in names.items() if self.recipe.weight(name, position)}

    def render(self, cameras: list[Camera], position: float, generator: torch.Generator) -> Pictures:
        """All cameras' pictures on white."""
        origins, directions = (torch.cat(parts).to(self.device) for parts in zip(*map(rays, cameras), strict=True))
        needed = any(self.recipe.weight(f"{n} {v}", position) for n in OF_NORMALS for v in ("random", "reference"))
        seen = self.renderer.render(
            origins, directions, self.background, normals="analytic" if needed else "ray", generator=generator
        )
        return Pictures(seen, len(cameras), cameras[0].height, cameras[0].width)

    def views(self) -> np.ndarray:
        """Four sides for a preview, uint8 (4, H, W, 4)."""
        size, distance = self.recipe.random_size[-1], sum(self.recipe.radius) / 2
        cameras = [Camera(orbit(side, 15, distance), self.recipe.fov_deg, size, size) for side in range(0, 360, 90)]
        if not self.is_latent:
            return np.stack([self.renderer.render_image(camera) for camera in cameras])
        return (
            (self.prior.decode(self.latents(cameras)).clamp(0, 1) * 255 + 0.5).byte().permute(0, 2, 3, 1).cpu().numpy()
        )

    @torch.no_grad()
    def latents(self, cameras: list[Camera]) -> Tensor:
        """What cameras see of a field of latents, (B, C, h, w)."""
        return self.render(cameras, 0, torch.Generator().manual_seed(0)).color

    def mesh(self, resolution: int, correct: Callable[[Value], Value] | None = None) -> Mesh:
        """correct: as in `to_mesh`. What began as a mesh keeps its small pieces. Raises Vanished."""
        surface, decode = self.field if self.field.is_sdf else Solid(self.field, resolution), None
        if self.is_latent:
            size, distance = self.recipe.random_size[-1], sum(self.recipe.radius) / 2
            cameras = [Camera(orbit(side, 15, distance), self.recipe.fov_deg, size, size) for side in range(0, 360, 45)]
            decode = latent_colors(self.prior, self.latents(cameras))
        smallest = MIN_PIECE if self.start is None else PIECE
        mesh = to_mesh(surface, resolution, smallest=smallest, decode=decode, correct=correct)
        if not len(mesh.faces):
            raise Vanished("The shape vanished while it was optimised, so there is no mesh.")
        return mesh


@dataclass
class Pictures:
    """A rendering of B cameras of H x W pixels, as pictures."""

    rendering: FieldRendering
    count: int
    height: int
    width: int

    @property
    def color(self) -> Tensor:
        """(B, C, H, W)."""
        return self.rendering.color.view(self.count, self.height, self.width, -1).permute(0, 3, 1, 2)

    @property
    def opacity(self) -> Tensor:
        """(B, H, W)."""
        return self.rendering.opacity.view(self.count, self.height, self.width)

    @property
    def depth(self) -> Tensor:
        """(B, H, W), blended with the background's."""
        return self.rendering.depth.view(self.opacity.shape) * self.opacity + FAR * (1 - self.opacity)

    @property
    def normal(self) -> Tensor:
        """(B, H, W, 3); rendered with normals."""
        assert self.rendering.normal is not None
        return self.rendering.normal.view(*self.opacity.shape, 3)

    @property
    def normals(self) -> Tensor:
        """Of the sections (P, 3); rendered with normals."""
        assert self.rendering.samples.normals is not None
        return self.rendering.samples.normals


def guided(told: Denoised, scale: float) -> Tensor:
    """x0 by Perp-Neg where there are negatives, else by classifier-free guidance, or by none."""
    if told.unconditional is None:
        return told.conditional
    if told.negative_weights is None:
        return guidance.guide(told.conditional, told.unconditional, scale)
    return guidance.guide_perp_neg(told.conditional, told.unconditional, told.negatives, told.negative_weights, scale)


def resized(pictures: Tensor, size: tuple[int, ...]) -> Tensor:
    """(B, C, H, W) at another size."""
    return nn.functional.interpolate(pictures, tuple(size), mode="bilinear", antialias=True, align_corners=False)


def draw_normal(like: Tensor, generator: torch.Generator) -> Tensor:
    """N(0, 1) in the shape of another tensor."""
    return torch.randn(like.shape, generator=generator, device=generator.device).to(like)


def some(points: Tensor, generator: torch.Generator) -> Tensor:
    """EIKONAL_POINTS of points (P, 3), drawn: differentiating twice is what costs most of a step."""
    order = torch.randperm(len(points), generator=generator, device=generator.device)
    return points[order[:EIKONAL_POINTS].to(points.device)]


def moved(camera: Camera, generator: torch.Generator) -> Camera:
    """A camera NEAR this one, looking the same way. More than a pixel away everything with an edge would differ."""
    matrix, pixel = camera.cam_to_world.clone(), float(camera.position.norm()) / camera.focal
    matrix[:3, 3] += min(NEAR, pixel) * nn.functional.normalize(draw_normal(matrix[:3, 3], generator), dim=0)
    return Camera(matrix, camera.fov_deg, camera.width, camera.height)


def latent_colors(prior: Prior, latents: Tensor) -> Callable[[Tensor], Tensor]:
    """The linear map of latents (P, C) to colours (P, 3) that comes closest to the prior's decoder on these pictures
    (B, C, h, w): a latent of one point cannot be decoded, but Stable Diffusion's decoder is nearly linear in colour."""
    with torch.no_grad():
        pictures = nn.functional.interpolate(prior.decode(latents), latents.shape[2:], mode="area")
    x, y = (v.permute(0, 2, 3, 1).flatten(0, 2).double().cpu() for v in (latents, pictures))
    matrix = torch.linalg.lstsq(nn.functional.pad(x, (0, 1), value=1), y).solution.to(latents)

    def colors(points: Tensor) -> Tensor:
        return (nn.functional.pad(points, (0, 1), value=1) @ matrix).clamp(0, 1)

    return colors
