# SPDX-License-Identifier: GPL-3.0-or-later
"""LRM (Hong et al. 2024): an image -> a triplane in one forward pass, decoded to density and colour at any point.

One network covers the paper, its descendants TripoSR and OpenLRM, and our starter; `Architecture` configures it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...runtime.cores import map_on_cores
from ...runtime.fused_mlp import apply_mlp
from .efficientnet import CHANNELS
from .image_tokens import Encoder, FeatureTokens, ImageTokens
from .local_features import OCTAVES, LocalFeatures, encode_position
from .transformer import Order, TriplaneTransformer

AXES = {"x": 0, "y": 1, "z": 2}
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, for DINO
CAMERA = 16  # numbers of a source camera, see `source_camera`
PADDING = 0.001  # OpenLRM's colours range from -0.001 to 1.001
POINTS_AT_ONCE = 1 << 16  # queried at once on a graphics card
POINTS_PER_CORE = 1 << 10  # queried at once on a processor: what they need stays in each core's cache
MAX_DEPTH_POSITION = 3.0  # half depths from the centre at which the decoder's depth input is clamped


@dataclass(frozen=True)
class Architecture:
    """Configuration of an LRM; the defaults are TripoSR's."""

    encoder: Encoder = field(default_factory=lambda: Encoder(pooler=True))
    image_size: int = 512
    normalise: bool = True  # images with ImageNet's mean and standard deviation
    width: int = 1024
    depth: int = 16
    heads: int = 16
    order: Order = "self first"
    camera: int = 0  # width of the source camera's embedding; 0 for models without it
    plane_size: int = 32  # tokens per side
    channels: int = 40  # of the feature planes
    planes: tuple[str, str, str] = ("xy", "xz", "yz")  # axes along each plane's width and height
    radius: float = 0.87  # half side of the cube that the planes span
    decoder_width: int = 64
    decoder_layers: int = 10
    activation: Literal["silu", "relu"] = "silu"
    density: Literal["exp", "softplus", "raw"] = "exp"  # activation of raw output + bias; "raw" is minus a distance
    bias: float = -1.0
    padded_colors: bool = False  # colours range from -PADDING to 1 + PADDING
    # The starter's pixel-aligned features, see LocalFeatures. With them the planes lie in the source camera's axes.
    local: int = 0  # channels, 0 for none
    local_widths: tuple[int, ...] = (48, 80, 112, 144)
    local_last: int = 64
    local_fine: int = 32
    local_blocks: int = 0
    slices: int = 0  # depth slices of the feature volume
    slice_channels: int = 0  # channels per slice


@dataclass
class Scene:
    """The encoding of B images. All but `planes` belongs to models with local features."""

    planes: Tensor  # (B, 3, C, H, W)
    local: Tensor | None = None  # (B, L, h, w) local features
    volume: Tensor | None = None  # (B, C D, h / 2, w / 2) features of C channels in D slices of depth
    images: Tensor | None = None  # (B, 3, S, S), -1..1
    camera: Tensor | None = None  # (B, 16) source cameras
    estimate: Tensor | None = None  # (B, 3) predicted elevation in radians, log apparent distance, log depth
    depth: Tensor | None = None  # (B,) log depth used for decoding
    is_mirrored: bool = False  # the second half of B mirrors the first, and queries return the mean of both
    stretch: float = 1.0  # factor of the object's extent along the world's y in queries

    def select(self, index: Tensor) -> Scene:
        """The scenes of some of the images."""
        return replace(self, **{name: t[index] for name, t in vars(self).items() if isinstance(t, Tensor)})


class LRM(nn.Module):
    """`encode` an image, then `query` the scene. Points lie in the model's own frame, [-radius, radius]^3."""

    def __init__(self, architecture: Architecture):
        super().__init__()
        self.architecture = a = architecture
        if a.width % a.heads or a.encoder.width % a.encoder.heads:
            raise ValueError(f"{a.width} and {a.encoder.width} channels do not divide among the attention's heads")
        if not all(len(axes) == 2 and set(axes) <= set(AXES) for axes in a.planes):
            raise ValueError(f"unknown planes {a.planes}")
        self.image_tokens = FeatureTokens(a.encoder.width) if a.local else ImageTokens(a.encoder)
        self.camera_embedding = None
        if a.camera:
            self.camera_embedding = nn.Sequential(nn.Linear(CAMERA, a.camera), nn.SiLU(), nn.Linear(a.camera, a.camera))
        self.transformer = TriplaneTransformer(
            a.width, a.depth, a.heads, a.encoder.width, a.plane_size, a.order, a.camera
        )
        self.upsample = nn.ConvTranspose2d(a.width, a.channels, 2, 2)
        self.local_features = None
        if a.local:
            volume = a.slices * a.slice_channels
            self.local_features = LocalFeatures(
                a.local, volume, CHANNELS, a.local_widths, a.local_last, a.local_fine, a.local_blocks
            )
        inputs = 3 * a.channels + (a.local + a.slice_channels + 3 + 3 + 6 * OCTAVES + 2 if a.local else 0)
        self.decoder = make_decoder(inputs, a.decoder_width, a.decoder_layers, a.activation)

    @property
    def device(self) -> torch.device:
        return self.upsample.weight.device

    def encode(self, images: Tensor, camera: Tensor | None = None, depth: Tensor | None = None) -> Scene:
        """Encode images.

        Args:
            images: (B, 3, S, S) in 0..1.
            camera: source cameras (B, 16), for models with a camera embedding.
            depth: logs of the objects' extents along the world's y (B,), for models with local features; predicted if
                None.
        """
        embedding = self.camera_embedding(camera) if self.camera_embedding is not None else None
        if self.local_features is None:
            return Scene(self.planes(self.transformer(self.tokens(images), embedding)))
        tokens, features = self.image_tokens(images)
        planes = self.planes(self.transformer(tokens, embedding))
        local, volume, estimate = self.local_features(images * 2 - 1, features)
        return Scene(
            planes, local, volume, images * 2 - 1, camera, estimate, estimate[:, 2] if depth is None else depth
        )

    def estimate_camera(self, images: Tensor) -> Tensor:
        """Predict elevation in radians, log apparent distance and log depth (B, 3) from images (B, 3, S, S) in 0..1.

        Returns the average of the predictions for the image and its mirror image. Raises ValueError for a model without
        local features.
        """
        if self.local_features is None:
            raise ValueError("only a model with local features estimates cameras")
        both = torch.cat([images, images.flip(-1)])
        return self.local_features(both * 2 - 1, self.image_tokens(both)[1])[2].unflatten(0, (2, -1)).mean(0)

    def encode_mirrored(self, images: Tensor, camera: Tensor, depth: Tensor) -> Scene:
        """Encode images from azimuth 0 together with their mirror images, whose average is a better prediction."""
        scene = self.encode(torch.cat([images, images.flip(-1)]), camera.repeat(2, 1), depth.repeat(2))
        return replace(scene, is_mirrored=True)

    def tokens(self, images: Tensor) -> Tensor:
        """Image tokens (B, T, encoder's width), class token first."""
        if self.architecture.normalise:
            mean, std = (torch.tensor(v, device=images.device).view(3, 1, 1) for v in (MEAN, STD))
            images = (images - mean) / std
        return self.image_tokens(images)

    def planes(self, tokens: Tensor) -> Tensor:
        """Plane tokens (B, 3 P P, W) -> feature planes (B, 3, C, 2 P, 2 P)."""
        size = self.architecture.plane_size
        maps = tokens.unflatten(1, (3, size, size)).permute(0, 1, 4, 2, 3)
        return self.upsample(maps.flatten(0, 1)).unflatten(0, (-1, 3))

    def query(self, scene: Scene, points: Tensor) -> tuple[Tensor, Tensor]:
        """points (B, N, 3) -> raw densities (B, N) and colours (B, N, 3)."""
        if scene.is_mirrored:
            both = torch.cat([points, points * points.new_tensor([-1, 1, 1])])
            raw, colors = self.query(replace(scene, is_mirrored=False), both)
            return raw.unflatten(0, (2, -1)).mean(0), colors.unflatten(0, (2, -1)).mean(0)
        a = self.architecture
        if scene.stretch != 1:
            points = points / points.new_tensor([1, scene.stretch, 1])
        y = points[..., 1:2]
        if scene.camera is not None:
            points = to_camera(scene.camera, points)
        positions = points / a.radius
        features = [
            sample(plane, positions[..., [AXES[axis] for axis in axes]])
            for plane, axes in zip(scene.planes.unbind(1), a.planes, strict=True)
        ]
        if scene.local is not None and scene.images is not None and scene.camera is not None:
            pixels = project(scene.camera, points)
            if a.slices and scene.volume is not None:
                volume = scene.volume.unflatten(1, (a.slice_channels, a.slices))
                features.append(sample_volume(volume, torch.cat([pixels, positions[..., 2:]], -1)))
            features += [sample(scene.local, pixels), sample(scene.images, pixels), encode_position(positions)]
        if scene.depth is not None:
            depth = scene.depth[:, None, None]
            depth_position = (2 * y / depth.exp()).clamp(-MAX_DEPTH_POSITION, MAX_DEPTH_POSITION)
            features += [depth_position, depth.expand_as(depth_position)]
        raw, colors = apply_mlp(self.decoder, torch.cat(features, -1)).split([1, 3], -1)
        colors = colors.sigmoid()
        return raw[..., 0], colors * (1 + 2 * PADDING) - PADDING if a.padded_colors else colors

    def query_many(self, scene: Scene, points: Tensor) -> tuple[Tensor, Tensor]:
        """Any number of points (N, 3) of a single image, part by part -> raw densities (N,) and colours (N, 3)."""
        if points.device.type == "cpu":
            found = map_on_cores(lambda part: self.query(scene, part[None]), points.split(POINTS_PER_CORE))
        else:
            found = [self.query(scene, part[None]) for part in points.split(POINTS_AT_ONCE)]
        raw, colors = zip(*found, strict=True)
        return torch.cat(raw, 1)[0], torch.cat(colors, 1)[0]

    def density(self, raw: Tensor) -> Tensor:
        """Raw outputs of any shape -> densities; for "raw" unchanged, positive inside."""
        a = self.architecture
        if a.density == "raw":
            return raw
        return (raw + a.bias).exp() if a.density == "exp" else F.softplus(raw + a.bias)


def make_decoder(inputs: int, width: int, layers: int, activation: str) -> nn.Sequential:
    """An MLP of `layers` linear layers with four outputs: raw density and colour."""
    function = nn.SiLU if activation == "silu" else nn.ReLU
    parts: list[nn.Module] = [nn.Linear(inputs, width), function()]
    for _ in range(layers - 2):
        parts += [nn.Linear(width, width), function()]
    return nn.Sequential(*parts, nn.Linear(width, 4))


def sample(maps: Tensor, positions: Tensor) -> Tensor:
    """Bilinear samples of maps (B, C, H, W) at (B, N, 2) in [-1, 1], width first, zero outside -> (B, N, C)."""
    return F.grid_sample(maps, positions[:, :, None], align_corners=False)[..., 0].transpose(1, 2)


def sample_volume(volumes: Tensor, positions: Tensor) -> Tensor:
    """Trilinear samples of volumes (B, C, D, H, W) at (B, N, 3) in [-1, 1], width first, zero outside -> (B, N, C)."""
    return F.grid_sample(volumes, positions[:, :, None, None], align_corners=False)[..., 0, 0].transpose(1, 2)


def to_camera(camera: Tensor, points: Tensor) -> Tensor:
    """Rotate world points (B, N, 3) into the axes of source cameras (B, 16): x right, y up, z towards the camera."""
    return points @ camera[:, :12].view(-1, 3, 4)[:, :, :3]


def project(camera: Tensor, points: Tensor) -> Tensor:
    """Project points (B, N, 3), in the axes of cameras (B, 16) that look at the origin -> image coordinates (B, N, 2)
    in [-1, 1], right and down."""
    matrix = camera[:, :12].view(-1, 3, 4)
    distance = matrix[:, :, 3].norm(dim=1)[:, None, None]
    focal = camera[:, None, 12:14] * camera.new_tensor([2, -2])
    return focal * points[..., :2] / (distance - points[..., 2:]).clamp(min=1e-3) + camera[:, None, 14:] * 2 - 1
