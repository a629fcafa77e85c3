# SPDX-License-Identifier: GPL-3.0-or-later
"""How much each remedy against a diffusion model's defects improves, measured with an oracle that has these defects.

    python -m benchmarks.remedies [--steps 60]

Janus and saturation are read off the picture that guidance asks for; noise, off the mesh that a short optimisation
makes. All small: a brick, 24 and 48 pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import numpy as np
import torch
import typer
from torch import Tensor

from backend.diffusion import guidance
from backend.diffusion.view_prompts import SIDES, perp_neg_mixture, side
from backend.evaluation.metrics import compare_meshes
from backend.fields import hash_field
from backend.optimisation.annealing import draw_timesteps
from backend.optimisation.image_objective import ImageObjective, Reference
from backend.optimisation.loop import optimise
from backend.optimisation.recipes import image_prior
from backend.rendering.cameras import Camera, orbit
from backend.rendering.mesh import Mesh
from backend.rendering.rasteriser import render_mesh
from backend.runtime.progress import Progress
from tests.support.oracle import Defects, OraclePrior

from .oracle_recovery import ray_errors

FOV_DEG, RADIUS, ELEVATION = 20.0, 3.8, 15.0
SCALE = 7.5  # of guidance, Stable Diffusion's own
BEHIND = tuple(range(100, 181, 10))  # azimuths in degrees from which the front should not be seen
FACES = {"front": (200, 40, 30), "right": (230, 180, 40), "back": (30, 160, 60), "left": (40, 60, 180)}


def brick() -> Mesh:
    """0.7 x 0.3 x 0.4; red in front, green behind, yellow and blue beside, grey above and below."""
    corners = np.array([[x, y, z] for x in (-0.35, 0.35) for y in (-0.15, 0.15) for z in (-0.2, 0.2)])
    quads = np.array([[0, 4, 5, 1], [4, 6, 7, 5], [6, 2, 3, 7], [2, 0, 1, 3], [1, 5, 7, 3], [0, 2, 6, 4]])
    colors = np.array([[*color, 255] for color in [*FACES.values(), (128, 128, 128), (90, 90, 90)]], np.uint8)
    faces = np.array([[4 * i + k for k in corner] for i in range(6) for corner in ((0, 1, 2), (0, 2, 3))])
    return Mesh(corners[quads].reshape(-1, 3), faces, np.repeat(colors, 4, axis=0))


def seen_from(azimuth: float) -> Camera:
    return Camera(orbit(azimuth, ELEVATION, RADIUS), FOV_DEG, 48, 48)


def show(oracle: OraclePrior, azimuths: Sequence[float]) -> Tensor:
    """Clean latents (B, C, h, w) of these sides."""
    return oracle.encode(oracle.pictures([seen_from(a) for a in azimuths]))


def share_of_front(guided: Tensor, empty: Tensor, true: Tensor, front: Tensor) -> float:
    """How much of what is asked for is the front instead of the true side: 0..1 by least squares, mean of the views."""
    shares = []
    for x, e, t, f in zip(*(v.flatten(1).double() for v in (guided, empty, true, front)), strict=True):
        own, wrong = torch.linalg.lstsq(torch.stack([t - e, f - e], 1), (x - e)[:, None]).solution[:, 0].tolist()
        shares.append(wrong / (own + wrong))
    return float(np.mean(shares))


def janus(leak: float) -> dict[str, float]:
    """Share of the front from behind with a prior that shows `leak` of it: plain guidance; Perp-Neg, whose negative
    prompts show the sides that they name."""
    oracle, sides = OraclePrior(brick(), 48), dict(zip(SIDES, (0.0, 90.0, 180.0, 0.0), strict=True))
    true, front = show(oracle, list(BEHIND)), show(oracle, [0.0] * len(BEHIND))
    told, empty = true + leak * (front - true), oracle.encode(torch.ones(len(BEHIND), 3, 48, 48))
    mixtures = [perp_neg_mixture(a, ELEVATION) for a in BEHIND]
    avoided = [show(oracle, [sides[m.negatives[k][0]] for m in mixtures]) for k in range(2)]
    weights = torch.tensor([[m.negatives[k][1] for m in mixtures] for k in range(2)])
    asked = {
        "plain guidance": guidance.guide(told, empty, SCALE),
        "Perp-Neg": guidance.guide_perp_neg(told, empty, avoided, weights, SCALE),
        "Perp-Neg, a quarter of the weights": guidance.guide_perp_neg(told, empty, avoided, weights / 4, SCALE),
    }
    return {name: share_of_front(x, empty, true, front) for name, x in asked.items()}


def named_sides(fronts: float = 0.6) -> dict[str, float]:
    """Share of the front from behind with a prior that is told no camera. A prompt alone: the mean of the sides, of
    which it saw the front so often; a prompt that names the side: that side."""
    oracle = OraclePrior(brick(), 48)
    true, front = show(oracle, list(BEHIND)), show(oracle, [0.0] * len(BEHIND))
    empty = oracle.encode(torch.ones(len(BEHIND), 3, 48, 48))
    sides = show(oracle, [90.0, 180.0, 270.0]).mean(0, keepdim=True)
    plain = fronts * front + (1 - fronts) * sides
    turned = {"front": 0.0, "side": 90.0, "back": 180.0, "overhead": 0.0}
    named = show(oracle, [turned[side(a, ELEVATION)] for a in BEHIND])
    asked = {"the prompt alone": plain, "view prompts": named}
    return {name: share_of_front(guidance.guide(x, empty, SCALE), empty, true, front) for name, x in asked.items()}


def saturation() -> dict[str, tuple[float, float]]:
    """Mean absolute error of the picture that is asked for (1 is from black to white), and its contrast as a multiple
    of the true one, by CFG rescale's share."""
    oracle = OraclePrior(brick(), 48)
    true = show(oracle, list(range(0, 360, 45)))
    guided = guidance.guide(true, oracle.encode(torch.ones(len(true), 3, 48, 48)), SCALE)
    asked = {f"rescale {share:g}": guidance.rescale(guided, true, share, len(true)) for share in (0.0, 0.5, 0.7)}
    errors = {name: (oracle.decode(x) - oracle.decode(true)).abs().mean() for name, x in asked.items()}
    return {name: (float(errors[name]), float(x.std() / true.std())) for name, x in asked.items()}


def annealing(steps: int = 300) -> dict[str, float]:
    """Contrast, as a multiple of the true one, of pictures that descend along SDS with strong guidance, by the range of
    timesteps: the model, told nothing, recognises what little noise leaves of a picture, so that guidance exaggerates
    at much noise alone."""
    oracle = OraclePrior(brick(), 48, variety=0.5)
    azimuths = list(range(0, 360, 45))
    true = show(oracle, azimuths)
    contrasts = {}
    for name, most in {"timesteps up to 0.98": 0.98, "annealed to 0.5": (0.98, 0.5, steps / 2),
                       "annealed to 0.2": (0.98, 0.2, steps / 2)}.items():  # fmt: skip
        generator = torch.Generator().manual_seed(0)
        z = torch.zeros_like(true)
        for step in range(steps):
            t = draw_timesteps(len(z), step, 0.02, most, len(oracle.alphas_cumprod), generator)
            a = oracle.alphas_cumprod[t].view(-1, 1, 1, 1)
            noisy = guidance.add_noise(z, torch.randn(z.shape, generator=generator), a)
            empty = oracle.imagine_anything(noisy, t)
            z = z - 0.1 * guidance.sds_gradient(z, guidance.guide(true, empty, SCALE), a)
        contrasts[name] = float(z.std() / true.std())
    return contrasts


def roughness(mesh: Mesh) -> float:
    """Mean angle in degrees between the normals of faces that share an edge."""
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-20)
    edges = np.sort(mesh.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    order = np.lexsort(edges.T)
    same = (edges[order][1:] == edges[order][:-1]).all(1)
    a, b = order[1:][same] // 3, order[:-1][same] // 3
    return float(np.degrees(np.arccos(np.clip((normals[a] * normals[b]).sum(1), -1, 1))).mean())


def noise(steps: int, weights: dict[str, float], defects: Defects) -> tuple[float, float, float, float]:
    """Roughness, Chamfer distance and F-score of what comes of a prior whose object turns by some degrees and is noisy
    at every look; and the mean angle between rendered and true normals."""
    truth, camera = brick(), seen_from(0)
    course = replace(
        image_prior.SMALL, milestones=(), reference_size=(24,), random_size=(24,), batch=(3,), section=0.04, rate=0.03,
        elevation_deg=(-30, 80),
    ).shortened(steps)  # fmt: skip
    course = replace(course, weights={**course.weights, **weights})
    oracle = OraclePrior(truth, 24, defects=defects)
    task = ImageObjective(oracle, hash_field.small(), Reference(render_mesh(truth, camera), camera), course)
    optimise(task, Progress(), steps, preview_s=1e9)
    mesh = task.mesh(48)
    scores = compare_meshes(mesh, truth)
    return roughness(mesh), scores["chamfer"], scores["f_score_0.05"], ray_errors(task, truth)[1]


def main(
    steps: Annotated[int, typer.Option(help="Of each optimisation against noise; 0 leaves these out.")] = 60,
) -> None:
    torch.set_num_threads(1)
    for leak in (0.3, 0.6):
        told = ", ".join(f"{name} {share:.2f}" for name, share in janus(leak).items())
        print(f"Janus, {leak:g} of the front leaks: share of the front from behind: {told}", flush=True)
    told = ", ".join(f"{name} {share:.2f}" for name, share in named_sides().items())
    print(f"Janus, no camera is told: share of the front from behind: {told}")
    for name, contrast in annealing().items():
        print(f"Saturation, {name}: {contrast:.1f} x the contrast")
    for name, (error, contrast) in saturation().items():
        print(f"Saturation, {name}: error {error:.2f}, {contrast:.1f} x the contrast")
    noisy, published = Defects(noise=0.5, turn_deg=6), {"normal_smoothness": 8.0, "normal_jitter": 8.0}
    remedies = {
        "none": ({}, noisy), "near view": ({"near_view": 2.0}, noisy), "normal smoothness": (published, noisy),
        "normal smoothness, strong": ({"normal_smoothness": 60.0, "normal_jitter": 60.0}, noisy),
        "none, of a prior without noise": ({}, Defects()),
    } if steps else {}  # fmt: skip
    for name, (weights, defects) in remedies.items():
        rough, chamfer, f_score, angle = noise(steps, weights, defects)
        print(
            f"Noise, {name}: roughness {rough:.1f} deg, Chamfer {chamfer:.4f}, F-score(0.05) {f_score:.3f}, "
            f"normals {angle:.1f} deg", flush=True,
        )  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
