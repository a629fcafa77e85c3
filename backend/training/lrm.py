# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains the starter's LRM: from one framed view to true distances and colours at points, and to other views."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..reconstruction.lrm.image_tokens import Encoder
from ..reconstruction.lrm.model import LRM, Architecture, Scene
from ..reconstruction.lrm.source_camera import source_camera
from ..runtime.devices import choose_dtype
from .labels import POINTS, Labels
from .loop import train
from .lrm_views import draw_crops, view_losses
from .render import FOV_DEG, RADIUS, orbit
from .views import FRAMED, SIZE, Views

STARTER = Architecture(
    encoder=Encoder("dino", width=64, depth=2, heads=2, hidden=256, patch=8, grid=8, eps=1e-6),
    image_size=SIZE,
    width=64,
    depth=2,
    heads=2,
    order="cross first",
    camera=64,
    plane_size=8,
    channels=24,
    planes=("xy", "xz", "zy"),
    radius=0.6,
    decoder_width=224,
    decoder_layers=4,
    density="raw",
    bias=0.0,
    local=48,
    slices=16,
    slice_channels=12,
    local_last=128,
    local_blocks=6,
)
UNIT = 0.02  # distance, in the world, that is one unit of the raw output
INPUT_ELEVATIONS = (-15.0, 50.0)  # degrees, of the pictures that people take
KINDS = (192, 448, 512)  # points a picture asked for their distance, of each kind that `labels` draws
PLACES, COLORS = sum(KINDS), 128  # points asked for their distance, and for their colour
POWER = 0.3  # standard deviation of the logarithms of what recoloured channels are raised to
WRONG_ELEVATION, WRONG_SIZE, WRONG_DEPTH = 8.0, 0.08, 0.15  # standard deviations, degrees and shares, of estimates


def train_lrm(
    sets: list[tuple[Views, Labels]],
    folder: Path,
    steps: int,
    batch: int = 16,
    device: str = "cpu",
    encoder: nn.Module | None = None,
    begin: LRM | None = None,
) -> LRM:
    """One view of `batch` objects of one of the sets, recoloured, a step; with an encoder of pictures also crops of
    second views, compared by it. begin: a model to go on from."""
    torch.manual_seed(0)
    model = (begin or LRM(STARTER)).train().requires_grad_(True)
    model = model.to(device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    # Rays need finer distances than half precision has.
    dtype = choose_dtype(torch.device(device), allow_bfloat16=True)
    is_half = encoder is None and dtype is torch.bfloat16
    usable = [list_usable(views, labels) for views, labels in sets]

    def loss(rng: np.random.Generator) -> dict[str, Tensor]:
        k = rng.integers(len(sets))
        chosen = usable[k][rng.integers(len(usable[k]), size=batch)]
        pictures, camera, depth, points, distances, colors, taken, placements = draw_batch(*sets[k], chosen, rng)
        palette = Palette.draw(batch, rng)
        pictures, colors = palette.paint(pictures), palette.paint(colors.mT).mT
        with torch.autocast("cpu", torch.bfloat16, enabled=is_half):
            pictures = pictures.to(device, memory_format=torch.channels_last)
            scene = model.encode(pictures, camera.to(device), depth.to(device))
            terms = losses(model, scene, *(t.to(device) for t in (points, distances, colors, taken)))
        if encoder is None:
            return terms
        crops = draw_crops(sets[k][0], chosen[:, 0], placements.numpy(), rng)
        crops.pictures = palette[crops.of].paint(crops.pictures)
        return terms | view_losses(model, scene, crops.to(device), encoder)

    return train(model, loss, folder, steps, lr=2e-3, ema=0.995, save_every=100, muon=True)


def list_usable(views: Views, labels: Labels) -> np.ndarray:
    """(object, viewpoint) (N, 2) of what is labelled, not for validation and seen from where people take pictures."""
    low, high = INPUT_ELEVATIONS
    elevation = views.poses[:, FRAMED, :, 1]
    usable = np.argwhere((low <= elevation) & (elevation <= high))
    return usable[np.isin(usable[:, 0], np.intersect1d(views.select(False), np.flatnonzero(labels.done)))]


@dataclass
class Palette:
    """New colours of B objects on white, which stays white: channels change places (B, 3) and are raised to powers
    (B, 3)."""

    order: Tensor
    power: Tensor

    @classmethod
    def draw(cls, count: int, rng: np.random.Generator) -> Palette:
        order = rng.permuted(np.tile(np.arange(3), (count, 1)), axis=1)
        power = np.exp(POWER * rng.normal(size=(count, 3))).astype(np.float32)
        return cls(torch.from_numpy(order), torch.from_numpy(power))

    def __getitem__(self, of: Tensor) -> Palette:
        return Palette(self.order[of], self.power[of])

    def paint(self, colors: Tensor) -> Tensor:
        """(B, 3, ...), sRGB 0..1."""
        mixed = torch.stack([color[order] for color, order in zip(colors, self.order, strict=True)])
        return mixed ** self.power.view(-1, 3, *[1] * (colors.ndim - 2))


def losses(
    model: LRM, scene: Scene, points: Tensor, distances: Tensor, colors: Tensor, taken: Tensor
) -> dict[str, Tensor]:
    """Cross-entropy of inside and outside, soft by the distance to the surface; L1 of the colours and of the camera's
    estimate.

    points (B, PLACES + COLORS, 3), of which the first have distances (B, PLACES), the others colours (B, COLORS, 3);
    taken (B, 3), what the estimate should be.
    """
    if scene.estimate is None:
        raise ValueError("losses are of a model with local features")
    raw, seen = model.query(scene, points)
    inside = torch.sigmoid(-distances / UNIT)
    entropy = F.binary_cross_entropy(inside, inside).detach()  # what no network can do without
    return {
        "shape": F.binary_cross_entropy_with_logits(raw[:, :PLACES], inside) - entropy,
        "color": 0.5 * (seen[:, PLACES:] - colors).abs().mean(),
        "camera": 0.2 * (scene.estimate - taken).abs().sum(1).mean(),
    }


def draw_batch(views: Views, labels: Labels, chosen: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, ...]:
    """(object, viewpoint) (B, 2) -> pictures (B, 3, S, S), cameras (B, 16), logarithms of the depth (B,), points,
    distances and colours, half of them mirrored; cameras, depths and points as if elevation, depth and size had been
    estimated. Then the true elevations in radians, logarithms of the apparent distances and of the depths (B, 3). And
    what takes the objects' worlds to the model's, (B, 3, 4)."""
    samples = [draw_sample(views, labels, i, k, rng) for i, k in chosen]
    return tuple(torch.from_numpy(np.stack(parts)) for parts in zip(*samples, strict=True))


def draw_sample(views: Views, labels: Labels, i: int, k: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    azimuth, elevation, apparent = views.poses[i, FRAMED, k].tolist()
    picture = views.images[i, FRAMED, k].astype(np.float32).transpose(2, 0, 1) / 255
    drawn = np.concatenate([kind * POINTS + rng.integers(POINTS, size=n) for kind, n in enumerate(KINDS)])
    places = labels.points[i, drawn].astype(np.float32)
    surface = labels.surface[i, rng.integers(labels.surface.shape[1], size=COLORS)].astype(np.float32)
    points = np.concatenate([places[:, :3], surface[:, :3], np.eye(4, 3, -1, dtype=np.float32)])  # and a frame
    points = see(points, azimuth, elevation, labels.middles[i, k])
    size = np.float32(np.exp(rng.normal() * WRONG_SIZE))
    if rng.random() < 0.5:
        picture, points = picture[..., ::-1], points * np.array([-1, 1, 1], np.float32)
    told = elevation + rng.normal() * WRONG_ELEVATION
    camera = source_camera(told, apparent * float(size) / RADIUS * np.tan(np.radians(FOV_DEG) / 2), RADIUS)
    world = ((size * points) @ orbit(0, told)[:3, :3].T).astype(np.float32)
    origin, axes = world[-4], (world[-3:] - world[-4]).T
    placement = np.concatenate([axes, origin[:, None]], 1)
    depth = np.log(np.ptp(labels.surface[i, :, :3].astype(np.float32) @ orbit(azimuth, 0)[:3, 2]))
    taken = np.array([np.radians(elevation), np.log(apparent), depth], np.float32)
    told_depth = np.array(depth + np.log(size) + rng.normal() * WRONG_DEPTH, np.float32)
    return picture.copy(), camera.numpy(), told_depth, world[:-4], places[:, 3] * size, surface[:, 3:], taken, placement


def see(points: np.ndarray, azimuth: float, elevation: float, middle: np.ndarray) -> np.ndarray:
    """Points (N, 3) of the object's world in the axes of the camera that looks at the middle of the framed picture."""
    camera = orbit(azimuth, elevation)
    back = -np.array([*middle, -1.0])
    back /= np.linalg.norm(back)
    right = np.cross([0.0, 1.0, 0.0], back)
    right /= np.linalg.norm(right)
    turn = np.stack([right, np.cross(back, right), back], 1)
    seen = ((points - camera[:3, 3]) @ camera[:3, :3]) @ turn
    return (seen + np.array([0, 0, RADIUS])).astype(np.float32)
