# SPDX-License-Identifier: GPL-3.0-or-later
"""Training of the starter's SparseNeuS on rendered views: distances, colours, silhouettes and depths along rays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..diffusion.two_stages import TwoStages
from ..diffusion.zero123 import Zero123
from ..engines.one2345 import views_at
from ..interface.view_set import FOV_DEG, RADIUS, view_set
from ..preprocess.input_camera import input_camera
from ..reconstruction.sparse_neus.model import Scene, SparseNeuS
from ..reconstruction.sparse_neus.volume_frame import volume_cameras
from ..rendering.volume import alpha_weights, neus_section_alpha
from ..runtime.progress import Progress
from .distance import SignedDistance
from .loop import train
from .meshes import list_meshes, load_mesh
from .patterns import Pattern
from .render import Light, Renderer, orbit
from .vae import to_tensor
from .views import on_white

HALF = 0.55  # half side of the cube that the network's volume covers, in world units
VIEWS_PER_STEP = 16  # of the 32: view statistics do not depend on their number, and a step costs half
SMALLER = 0.4  # share of the rendered views in which the object is scaled down
MAX_BLUR = 0.2  # of a pixel that each neighbour may receive: Blender's pixel filter is wider than ours
CLAMP = 0.15  # world units at which distances are clamped


@dataclass
class Truth:
    """Ground truth of one object in world coordinates."""

    points: Tensor  # (N, 3)
    sdf: Tensor  # (N,), at the points
    surface: Tensor  # (S, 3), visible surface points
    normal: Tensor  # (S, 3)
    rgb: Tensor  # (S, 3)


def render_rig(renderer: Renderer, turn: float, elevation: float, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Render the view set, turned by `turn` degrees -> images on white (32, 3, size, size) in 0..1, cameras (32, 4, 4)
    without the turn, and ray distances (32, size, size), inf for background."""
    views = view_set(elevation)
    rgba, distances = zip(*(renderer.render(orbit(a + turn, e), size) for a, e in views), strict=True)
    cameras = torch.from_numpy(np.stack([orbit(a, e) for a, e in views])).float()
    images = torch.from_numpy(on_white(np.stack(rgba))).permute(0, 3, 1, 2).float() / 255
    return images, cameras, torch.from_numpy(np.stack(distances))


def draw_truth(renderer: Renderer, distance: SignedDistance, rng: np.random.Generator, n: int = 1024) -> Truth:
    """Draw n visible surface points by random rays, and points with distances near the surface and in the cube."""
    origins = rng.normal(size=(4 * n, 3))
    origins *= RADIUS / np.linalg.norm(origins, axis=1, keepdims=True)
    target = renderer.mesh.vertices[renderer.mesh.faces[rng.integers(len(renderer.mesh.faces), size=4 * n)]]
    target = (rng.dirichlet(np.ones(3), 4 * n)[:, :, None] * target).sum(1)
    directions = ((target - origins) / np.linalg.norm(target - origins, axis=1, keepdims=True)).astype(np.float32)
    rgba, t, normal = renderer.cast(origins.astype(np.float32), directions)
    hit = np.nonzero(np.isfinite(t))[0][:n]
    surface = (origins[hit] + t[hit, None] * directions[hit]).astype(np.float32)
    near = [surface + rng.normal(size=surface.shape) * s for s in (0.01, 0.04)]
    points = np.concatenate([*near, rng.uniform(-HALF, HALF, (n, 3))]).clip(-HALF, HALF).astype(np.float32)
    tensors = (points, distance(points), surface, normal[hit], rgba[hit, :3])
    return Truth(*(torch.from_numpy(np.ascontiguousarray(x)) for x in tensors))


def blur(images: Tensor, share: float) -> Tensor:
    """Blur images (V, 3, S, S): every pixel gives `share` to each neighbour along a row, then along a column."""
    line = images.new_tensor([share, 1 - 2 * share, share])
    kernel = (line[:, None] * line).expand(3, 1, 3, 3)
    return F.conv2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), kernel, groups=3)


def turn_about_z(points: Tensor, degrees: float) -> Tensor:
    """Rotate points (N, 3) counter-clockwise about Z."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return points @ torch.tensor([[c, s, 0], [-s, c, 0], [0, 0, 1]], dtype=torch.float32)


def losses(model: SparseNeuS, scene: Scene, truth: Truth, distances: Tensor, cameras: Tensor) -> dict[str, Tensor]:
    """L1 of the clamped distance in world units, cross-entropy of its sign, L1 of the colour, and `ray_losses`."""
    sdf = model.sdf(scene, truth.points / HALF) * HALF
    color = model.color(scene, truth.surface / HALF, truth.normal)
    rows, columns = (torch.randint(distances.shape[1], (128,)) for _ in range(2))
    view = torch.randint(len(cameras), (128,))
    return {
        "sdf": 10 * (sdf.clamp(-CLAMP, CLAMP) - truth.sdf.clamp(-CLAMP, CLAMP)).abs().mean(),
        "sign": 0.1 * F.binary_cross_entropy_with_logits(-sdf / 0.01, (truth.sdf < 0).float()),
        "color": (color - truth.rgb).abs().mean(),
        **ray_losses(model, scene, cameras[view], rows, columns, distances[view, rows, columns], distances.shape[1]),
    }


def ray_losses(
    model: SparseNeuS,
    scene: Scene,
    cameras: Tensor,
    rows: Tensor,
    columns: Tensor,
    truth: Tensor,
    size: int,
    samples: int = 40,
) -> dict[str, Tensor]:
    """Losses of volume-rendered opacity and depth (NeuS) along pixels' rays.

    Args:
        model: the network.
        scene: the encoded views.
        cameras: camera to world of each ray (R, 4, 4).
        rows: of the pixels (R,).
        columns: of the pixels (R,).
        truth: true distances (R,), inf for background.
        size: pixels per side.
        samples: sections per ray.
    """
    half = float(np.tan(np.radians(FOV_DEG) / 2))
    x, y = ((2 * (p + 0.5) / size - 1) * half for p in (columns, rows))
    directions = F.normalize(torch.stack([x, -y, -torch.ones_like(x)], -1), dim=-1)
    directions = (cameras[:, :3, :3] @ directions[..., None])[..., 0]
    edges = torch.linspace(RADIUS - 0.5, RADIUS + 0.5, samples + 1).expand(len(x), -1)
    points = cameras[:, None, :3, 3] + edges[..., None] * directions[:, None]
    sdf = model.sdf(scene, points.reshape(-1, 3) / HALF).view(edges.shape)
    inv_s = (10 * model.variance_network_lod0.variance).exp().clamp(1e-6, 1e6)
    weights = alpha_weights(neus_section_alpha(edges / HALF, sdf, inv_s))
    hit = truth.isfinite()
    opacity = weights.sum(1).clamp(1e-4, 1 - 1e-4)
    depth = (weights * (edges[:, 1:] + edges[:, :-1]) / 2).sum(1) + (1 - weights.sum(1)) * edges[:, -1]
    return {
        "mask": 0.05 * F.binary_cross_entropy(opacity, hit.float()),
        "depth": ((depth - truth)[hit].abs().sum() / max(1, int(hit.sum()))),
    }


@torch.no_grad()
def generated_rig(
    model: Zero123, renderer: Renderer, turn: float, elevation: float, estimate: bool, seed: int
) -> tuple[Tensor, float]:
    """Generate the 32 views (32, 3, S, S) in 0..1 by diffusion from a framed view of the object.

    Also returns the elevation that they are built on: the true one or, as in a job, an estimate.
    """
    window = renderer.framing(orbit(turn, elevation))
    image, _ = renderer.render(orbit(turn, elevation), model.image_size, window)
    picture = to_tensor(on_white(image)[None])
    condition = model.encode(picture)
    elevation, distance = input_camera(model.kind, picture, elevation, estimate)
    stages = TwoStages(model, model.sampling(), seed, Progress().update)
    return views_at(stages, condition, elevation, distance, Progress())[0], elevation


def train_reconstruction(
    model: SparseNeuS, meshes: Path, folder: Path, steps: int, size: int, zero123: Zero123 | None, predicted: float
) -> SparseNeuS:
    """Train on one object per step.

    In a share `predicted` of the steps the views are generated by zero123, as in One-2-3-45, so that the network learns
    to correct their errors.
    """
    entries = list_meshes(meshes, "train")
    frame = torch.diag(torch.tensor([HALF, HALF, HALF, 1.0]))

    def loss(rng):
        mesh = load_mesh(*entries[int(rng.integers(len(entries)))])
        turn = rng.uniform(0, 360)
        light = Light.random(rng)
        pattern = Pattern.random(rng)
        views = None
        elevation = rng.uniform(-15, 50)
        if zero123 and rng.random() < predicted:
            elevation = rng.uniform(-5, 40)
            estimate = rng.random() < 0.7
            renderer = Renderer(mesh, light, pattern)
            views, elevation = generated_rig(zero123, renderer, turn, elevation, estimate, int(rng.integers(99)))
        elif rng.random() < SMALLER:
            mesh = replace(mesh, vertices=mesh.vertices * np.float32(rng.uniform(0.5, 1)))
        renderer = Renderer(mesh, light, pattern)
        images, cameras, distances = render_rig(renderer, turn, elevation, size)
        images = blur(images, rng.uniform(0, MAX_BLUR)) if views is None else views
        truth = draw_truth(renderer, SignedDistance(renderer), rng)
        for name in ("points", "surface", "normal"):
            setattr(truth, name, turn_about_z(getattr(truth, name), -turn))
        chosen = torch.randperm(len(images))[:VIEWS_PER_STEP]
        scene = model.build(images[chosen], *volume_cameras(cameras[chosen], FOV_DEG, size, frame))
        return losses(model, scene, truth, distances, cameras)

    return train(model, loss, folder, steps, lr=1e-3, ema=0.99, save_every=50, muon=True)
