# SPDX-License-Identifier: GPL-3.0-or-later
"""LRM (Hong et al. 2024): one picture -> three feature planes in one pass, asked for density and colour at any point.

One network for the paper, its descendants TripoSR and OpenLRM, and our starter; `Architecture` tells them apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .image_tokens import Encoder, ImageTokens
from .local_features import OCTAVES, LocalFeatures, encode_place
from .transformer import Order, TriplaneTransformer

AXES = {"x": 0, "y": 1, "z": 2}
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, of DINO
CAMERA = 16  # numbers of a source camera: camera to world (3, 4) row by row, then fx, fy, cx, cy in picture sides
PADDING = 0.001  # OpenLRM's colours reach from -0.001 to 1.001
POINTS_AT_ONCE = 1 << 16  # asked for at once
BEYOND = 3.0  # half depths from the middle, from where on the decoder is told no more


@dataclass(frozen=True)
class Architecture:
    """What tells one LRM from another; the defaults are TripoSR's.

    normalise: whether the encoder wants ImageNet's mean and deviation. camera: width of the source camera's embedding,
    0 for a model that is not told it. planes: the axes that run along each plane's width and height. radius: half the
    side of the cube that the planes span. density: what turns the raw output, plus bias, into density; "raw" is minus
    a distance, in units of `unit`. local: channels of the starter's convolutional features, 0 for none; such a model's
    planes lie in the axes of the source camera. slices, slice_channels: more of them for each of so many depths.
    """

    encoder: Encoder = field(default_factory=lambda: Encoder(pooler=True))
    image_size: int = 512
    normalise: bool = True
    width: int = 1024
    depth: int = 16
    heads: int = 16
    order: Order = "self first"
    camera: int = 0
    plane_size: int = 32
    channels: int = 40
    planes: tuple[str, str, str] = ("xy", "xz", "yz")
    radius: float = 0.87
    decoder_width: int = 64
    decoder_layers: int = 10
    activation: Literal["silu", "relu"] = "silu"
    density: Literal["exp", "softplus", "raw"] = "exp"
    bias: float = -1.0
    padded_colors: bool = False
    local: int = 0
    local_widths: tuple[int, ...] = (48, 80, 112, 144)
    local_last: int = 64
    local_blocks: int = 0
    slices: int = 0
    slice_channels: int = 0


@dataclass
class Scene:
    """What an LRM made of B pictures: planes (B, 3, C, H, W); for local features also those (B, L, h, w), the pictures
    (B, 3, S, S), their cameras (B, 16), what these and the objects' depths seem to be (B, 3), and the logarithms of the
    depths that are taken (B,). is_mirrored: the second half of B are the first half's mirror images, and what is asked
    is answered by the mean of both."""

    planes: Tensor
    local: Tensor | None = None
    pictures: Tensor | None = None
    camera: Tensor | None = None
    estimate: Tensor | None = None
    depth: Tensor | None = None
    is_mirrored: bool = False


class LRM(nn.Module):
    """`encode` a picture, then `query` the scene. Points lie in the model's own frame, [-radius, radius]^3."""

    def __init__(self, architecture: Architecture):
        super().__init__()
        self.architecture = a = architecture
        if a.width % a.heads or a.encoder.width % a.encoder.heads:
            raise ValueError(f"{a.width} and {a.encoder.width} channels do not divide among the attention's heads")
        if not all(len(axes) == 2 and set(axes) <= set(AXES) for axes in a.planes):
            raise ValueError(f"planes {a.planes}")
        self.image_tokens = ImageTokens(a.encoder)
        self.camera_embedding = None
        if a.camera:
            self.camera_embedding = nn.Sequential(nn.Linear(CAMERA, a.camera), nn.SiLU(), nn.Linear(a.camera, a.camera))
        self.transformer = TriplaneTransformer(
            a.width, a.depth, a.heads, a.encoder.width, a.plane_size, a.order, a.camera
        )
        self.upsample = nn.ConvTranspose2d(a.width, a.channels, 2, 2)
        self.local_features = None
        if a.local:
            features = a.local + a.slices * a.slice_channels
            self.local_features = LocalFeatures(features, a.local_widths, a.local_last, a.local_blocks)
        inputs = 3 * a.channels + (a.local + a.slice_channels + 3 + 3 + 6 * OCTAVES + 2 if a.local else 0)
        self.decoder = make_decoder(inputs, a.decoder_width, a.decoder_layers, a.activation)

    @property
    def device(self) -> torch.device:
        return self.upsample.weight.device

    def encode(self, pictures: Tensor, camera: Tensor | None = None, depth: Tensor | None = None) -> Scene:
        """pictures (B, 3, S, S) in 0..1 and, where the model takes them, source cameras (B, 16) -> Scene. depth (B,):
        logarithms of what the objects measure along the world's y, for a model with local features; else estimated."""
        tokens = self.tokens(pictures)
        embedding = self.camera_embedding(camera) if self.camera_embedding is not None else None
        planes = self.planes(self.transformer(tokens, embedding))
        if self.local_features is None:
            return Scene(planes)
        local, estimate = self.local_features(pictures * 2 - 1)
        return Scene(planes, local, pictures * 2 - 1, camera, estimate, estimate[:, 2] if depth is None else depth)

    def estimate_camera(self, pictures: Tensor) -> Tensor:
        """Of a model with local features: pictures (B, 3, S, S) in 0..1 -> (B, 3), elevation in radians, logarithms of
        the apparent distance and of the object's depth: the means of what they and their mirror images seem taken
        with."""
        if self.local_features is None:
            raise ValueError("only a model with local features estimates cameras")
        return self.local_features(torch.cat([pictures, pictures.flip(-1)]) * 2 - 1)[1].unflatten(0, (2, -1)).mean(0)

    def encode_mirrored(self, pictures: Tensor, camera: Tensor, depth: Tensor) -> Scene:
        """Of pictures from azimuth 0 and of their mirror images, whose mean is a better guess than either."""
        scene = self.encode(*(torch.cat(two) for two in ((pictures, pictures.flip(-1)), (camera,) * 2, (depth,) * 2)))
        return replace(scene, is_mirrored=True)

    def tokens(self, pictures: Tensor) -> Tensor:
        """The picture's tokens (B, T, encoder's width), class token first."""
        if self.architecture.normalise:
            mean, deviation = (torch.tensor(v, device=pictures.device).view(3, 1, 1) for v in (MEAN, DEVIATION))
            pictures = (pictures - mean) / deviation
        return self.image_tokens(pictures)

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
        a, along = self.architecture, points[..., 1:2]
        if scene.camera is not None:
            points = to_camera(scene.camera, points)
        places = points / a.radius
        features = [
            sample(plane, places[..., [AXES[axis] for axis in axes]])
            for plane, axes in zip(scene.planes.unbind(1), a.planes, strict=True)
        ]
        if scene.local is not None and scene.pictures is not None and scene.camera is not None:
            seen = project(scene.camera, points)
            flat, volume = scene.local[:, : a.local], scene.local[:, a.local :]
            if a.slices:
                volume = volume.unflatten(1, (a.slice_channels, a.slices))
                features.append(sample_volume(volume, torch.cat([seen, places[..., 2:]], -1)))
            features += [sample(flat, seen), sample(scene.pictures, seen), encode_place(places)]
        if scene.depth is not None:
            depth = scene.depth[:, None, None]
            share = (2 * along / depth.exp()).clamp(-BEYOND, BEYOND)
            features += [share, depth.expand_as(share)]
        raw, colors = self.decoder(torch.cat(features, -1)).split([1, 3], -1)
        colors = colors.sigmoid()
        return raw[..., 0], colors * (1 + 2 * PADDING) - PADDING if a.padded_colors else colors

    def density(self, raw: Tensor) -> Tensor:
        """Raw outputs, of any shape -> densities; what is "raw" stays as it is, positive inside."""
        a = self.architecture
        if a.density == "raw":
            return raw
        return (raw + a.bias).exp() if a.density == "exp" else F.softplus(raw + a.bias)


def make_decoder(inputs: int, width: int, layers: int, activation: str) -> nn.Sequential:
    """`layers` linear layers to four outputs: raw density and colour."""
    function = nn.SiLU if activation == "silu" else nn.ReLU
    parts: list[nn.Module] = [nn.Linear(inputs, width), function()]
    for _ in range(layers - 2):
        parts += [nn.Linear(width, width), function()]
    return nn.Sequential(*parts, nn.Linear(width, 4))


def sample(maps: Tensor, places: Tensor) -> Tensor:
    """maps (B, C, H, W) at places (B, N, 2) in [-1, 1], width first, bilinear, zeros beyond -> (B, N, C)."""
    return F.grid_sample(maps, places[:, :, None], align_corners=False)[..., 0].transpose(1, 2)


def sample_volume(volumes: Tensor, places: Tensor) -> Tensor:
    """volumes (B, C, D, H, W) at places (B, N, 3) in [-1, 1], width first, trilinear, zeros beyond -> (B, N, C)."""
    return F.grid_sample(volumes, places[:, :, None, None], align_corners=False)[..., 0, 0].transpose(1, 2)


def to_camera(camera: Tensor, points: Tensor) -> Tensor:
    """points (B, N, 3) of the world in the axes of source cameras (B, 16): x right, y up, z towards the camera."""
    return points @ camera[:, :12].view(-1, 3, 4)[:, :, :3]


def project(camera: Tensor, points: Tensor) -> Tensor:
    """points (B, N, 3) in the axes of cameras (B, 16) that look at the origin -> places in the picture (B, N, 2) in
    [-1, 1], first to the right, then down."""
    matrix = camera[:, :12].view(-1, 3, 4)
    distance = matrix[:, :, 3].norm(dim=1)[:, None, None]
    focal = camera[:, None, 12:14] * camera.new_tensor([2, -2])
    return focal * points[..., :2] / (distance - points[..., 2:]).clamp(min=1e-3) + camera[:, None, 14:] * 2 - 1
