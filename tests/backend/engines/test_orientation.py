# SPDX-License-Identifier: GPL-3.0-or-later
"""A known object through One-2-3-45's whole flow and the published rig: the picture's view becomes Blender's front.

Balls on the axes stand in for the object, a model that draws them for Zero123, and their visual hull for the distance
that SparseNeuS learns. Everything between is the engine's own: order, poses, cameras, volume, box, colours.
"""

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from backend.diffusion.sampling import PAPER, Sampling
from backend.diffusion.zero123 import Condition, relative_pose
from backend.engines import Request, one2345
from backend.interface.tasks import task
from backend.reconstruction.sparse_neus.model import Scene, SparseNeuS, Widths, project
from backend.reconstruction.sparse_neus.volume_frame import PUBLISHED_FOV_DEG
from backend.rendering.cameras import Camera, orbit, rays
from backend.runtime.progress import Progress
from backend.weights.loaders.one2345 import One2345Networks

SIZE, BODY, REACH = 64, 0.2, 0.4
BALLS = (  # centre, radius, colour: red in front, green to the right, blue on top
    ((0, 0, 0), BODY, (0.5, 0.5, 0.5)),
    ((0, -0.28, 0), 0.12, (0.9, 0.1, 0.1)),
    ((0.28, 0, 0), 0.12, (0.1, 0.9, 0.1)),
    ((0, 0, 0.28), 0.12, (0.1, 0.1, 0.9)),
)


def draw(azimuth: float, elevation: float) -> Tensor:
    """The balls on white by ray and sphere: RGBA (4, SIZE, SIZE)."""
    origins, directions = rays(Camera(orbit(azimuth, elevation, 1.2), PUBLISHED_FOV_DEG, SIZE, SIZE))
    nearest, rgba = torch.full((len(origins),), 9.0), torch.tensor([1.0, 1, 1, 0]).repeat(len(origins), 1)
    for centre, radius, color in BALLS:
        away = origins - torch.tensor(centre)
        b = (away * directions).sum(1)
        root = b * b - (away * away).sum(1) + radius**2
        distance = torch.where(root > 0, -b - root.clamp(min=0).sqrt(), 9.0)
        rgba[distance < nearest] = torch.tensor([*color, 1])
        nearest = nearest.minimum(distance)
    return rgba.T.reshape(4, SIZE, SIZE)


@dataclass
class KnowsTheObject:
    """Stands in for Zero123: turns from what it is shown by the pose that it is told, and draws."""

    elevation: float
    kind: str = "zero123"
    image_size: int = SIZE
    is_starter: bool = False
    drawn: list[tuple[Tensor, tuple[float, float]]] = field(default_factory=list)

    def sampling(self, *_) -> Sampling:
        return PAPER

    def pose(self, azimuth: Tensor, height: Tensor, _, nearer: float) -> Tensor:
        return relative_pose(azimuth, height, nearer)

    def encode(self, images: Tensor) -> Condition:
        """The angles from which each of these was drawn; the first one is the input."""

        def recall(image: Tensor) -> tuple[float, float]:
            return min(self.drawn, key=lambda d: float((d[0] - image).abs().mean()))[1]

        angles = [recall(i / 2 + 0.5) for i in images] if self.drawn else [(0.0, self.elevation)]
        return Condition(torch.zeros(len(angles), 1), torch.tensor(angles))

    def sample(self, condition: Condition, pose: Tensor, *_) -> Tensor:
        turn = torch.rad2deg(torch.stack([torch.atan2(pose[:, 1], pose[:, 2]), -pose[:, 0]], 1))
        angles = [(a, e) for a, e in (condition.latent + turn).tolist()]
        views = [draw(*angle)[:3] for angle in angles]
        self.drawn += zip(views, angles, strict=True)
        return torch.stack(views)


class VisualHull(SparseNeuS):
    """Inside is what no view shows as white (the darkest channel tells)."""

    def sdf(self, scene: Scene, points: Tensor) -> Tensor:
        u, v, _ = project(points, scene.affine, scene.images, 1e-6)
        least = scene.images.amin(1, keepdim=True)
        grid = torch.stack([u, v], -1)[:, None]
        return F.grid_sample(least, grid, padding_mode="border", align_corners=True).amax(0).flatten() - 0.75


@pytest.mark.parametrize("elevation", [20, 5])
def test_the_inputs_view_is_blenders_front_view(elevation, monkeypatch):
    torch.manual_seed(0)
    hull = VisualHull(16, Widths(2, 4, (4, 4, 4, 4), 8, 2), "published").eval().requires_grad_(False)
    models = One2345Networks(KnowsTheObject(elevation), hull, torch.device("cpu"))  # pyright: ignore[reportArgumentType]
    monkeypatch.setattr(one2345, "load_models", lambda *_: models)
    monkeypatch.setattr(one2345, "make_room", lambda _: None)
    monkeypatch.setattr(one2345, "check_weights", lambda *_: None)
    monkeypatch.setattr(one2345, "find_loftr", lambda: "here")
    monkeypatch.setattr(one2345, "load_loftr", lambda *_: None)
    monkeypatch.setattr(one2345, "match", lambda *_: None)
    monkeypatch.setattr(one2345, "estimate_polar", lambda _: 90 - elevation)
    told = {"weights": "zero123-xl", "mesh_resolution": 48, "match_picture": False}
    parameters = task("one2345").check(told)
    image = draw(0, elevation).permute(1, 2, 0).numpy()
    mesh = one2345.run(Request("one2345", {"image": image}, parameters, 0), Progress()).mesh
    low, high = mesh.vertices.min(0), mesh.vertices.max(0)
    np.testing.assert_allclose(low, [-BODY, -REACH, -BODY], atol=0.05)  # front is -Y
    np.testing.assert_allclose(high, [REACH, BODY, REACH], atol=0.05)  # no mirror image: right is +X, top is +Z
    assert mesh.is_closed and mesh.volume > 4 / 3 * np.pi * BODY**3
    for channel, tip in enumerate(([0, -REACH, 0], [REACH, 0, 0], [0, 0, REACH])):
        near = np.linalg.norm(mesh.vertices - tip, axis=1) < 0.1
        assert mesh.vertex_colors[near, :3].mean(0).argmax() == channel
