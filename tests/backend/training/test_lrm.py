# SPDX-License-Identifier: GPL-3.0-or-later
"""Training samples of the LRM against Embree; its rendered views against closed forms."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor

pytest.importorskip("embreex")
pytest.importorskip("igl")

from backend.reconstruction.lrm.model import LRM, Scene
from backend.rendering.rays import intersect_box
from backend.training import app, lrm_views
from backend.training import lrm as training
from backend.training.labels import SPREADS, Labels, draw_labels, open_labels
from backend.training.lrm import (
    COLORS,
    DISTANCES,
    POINTS_PER_KIND,
    STARTER,
    Palette,
    draw_batch,
    list_usable,
    losses,
    train_lrm,
)
from backend.training.meshes import TrainingMesh
from backend.training.render import RADIUS, Light, Renderer, orbit
from backend.training.views import FRAMED, PLAIN, SIZE, VIEWPOINTS, Views, apparent_distance, on_white, open_views
from tests.support import ROOT

VAE = ROOT / "backend" / "weights" / "starter" / "vae"
HALF = np.array([0.3, 0.2, 0.12])  # sides of a box whose faces have six colours
CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32)
QUADS = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
FACES = np.array([t for a, b, c, d in QUADS for t in ((a, b, c), (a, c, d))], np.int32)


@pytest.fixture(scope="module")
def box() -> Renderer:
    colors = np.repeat(np.random.default_rng(0).uniform(0.1, 0.9, (6, 1, 1, 3)), 2, 1).repeat(3, 2).reshape(12, 3, 3)
    mesh = TrainingMesh("box", "", (CORNERS * HALF + [0.05, 0, 0.1]).astype(np.float32), FACES, np.float32(colors))
    return Renderer(mesh, Light(np.array([0, 0, 1], np.float32), 1.0))


@pytest.fixture(scope="module")
def data(box: Renderer) -> tuple[Views, Labels]:
    """The box alone, as the commands `views` and `labels` would have it."""
    images = np.full((1, 3, VIEWPOINTS, SIZE, SIZE, 3), 255, np.uint8)
    poses, middles = np.zeros((1, 3, VIEWPOINTS, 3), np.float32), np.zeros((1, VIEWPOINTS, 2), np.float32)
    for k in range(VIEWPOINTS):
        azimuth, elevation = 30.0 * k + 7, [35.0, 0.0, 15.0][k % 3]
        window = box.framing(orbit(azimuth, elevation))
        for kind, distance, frame in ((PLAIN, RADIUS, None), (FRAMED, apparent_distance(window), window)):
            images[0, kind, k] = on_white(box.render(orbit(azimuth, elevation), SIZE, frame)[0])
            poses[0, kind, k] = azimuth, elevation, distance
        middles[0, k] = (window[:2] + window[2:]) / 2
    points, surface = draw_labels(box, np.random.default_rng(0))
    names, done = ["box"], np.ones(1, np.uint8)
    return Views(images, poses, done, names), Labels(points[None], surface[None], middles, done, names)


def to_world(placement: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points of the model's world in the object's."""
    return (points - placement[:, 3]) @ np.linalg.inv(placement[:, :3]).T


def test_labels_are_distances_to_the_placed_box(data):
    """Distances by the closed form of a box, back in its own world."""
    batch = draw_batch(*data, np.array([[0, k] for k in range(VIEWPOINTS)]), np.random.default_rng(3))
    _, _, told, points, distances, _, taken, placements = (t.double().numpy() for t in batch)
    turned = np.linalg.det(placements[:, :, :3])
    assert (turned < 0).any() and (turned > 0).any()  # some are mirrored
    poses = data[0].poses[0, FRAMED]
    np.testing.assert_allclose(taken[:, :2], np.stack([np.deg2rad(poses[:, 1]), np.log(poses[:, 2])], 1), atol=1e-5)
    depths = 2 * np.abs(np.stack([np.sin(np.deg2rad(poses[:, 0])), np.cos(np.deg2rad(poses[:, 0]))], 1)) @ HALF[:2]
    np.testing.assert_allclose(np.exp(taken[:, 2]), depths, rtol=0.05)  # of points of the surface, not of its corners
    assert 0.1 < np.std(told - taken[:, 2]) < 0.6
    for places, found, placement in zip(points, distances, placements, strict=True):
        inside = np.abs(to_world(placement, places[: len(found)]) - [0.05, 0, 0.1]) - HALF
        exact = np.linalg.norm(inside.clip(0), axis=1) + inside.max(1).clip(max=0)
        size = np.cbrt(abs(np.linalg.det(placement[:, :3])))
        near = np.abs(exact) < 0.1
        np.testing.assert_allclose(found[near], size * exact[near], atol=3e-3)
        closest, close, anywhere = (np.abs(part).mean() for part in np.split(exact, np.cumsum(POINTS_PER_KIND)[:-1]))
        assert [closest, close] == pytest.approx(np.array(SPREADS) * np.sqrt(2 / np.pi), rel=0.2) and anywhere > 0.1
    assert (distances.shape[1], points.shape[1]) == (DISTANCES, DISTANCES + COLORS)


def test_surfaces_are_recoloured_like_their_images():
    """Channel by channel, against a loop; white, the background, stays white."""
    palette = Palette.draw(40, np.random.default_rng(1))
    colors = torch.rand(40, 7, 3)
    painted = palette.paint(colors.mT).mT
    for i, j, c in np.ndindex(40, 7, 3):
        old = float(colors[i, j, palette.order[i, c]])
        assert float(painted[i, j, c]) == pytest.approx(old ** float(palette.gamma[i, c]), abs=1e-5)
    pictures = colors[:, 2].view(40, 3, 1, 1).expand(40, 3, 4, 5)
    torch.testing.assert_close(palette.paint(pictures)[:, :, 3, 1], painted[:, 2])
    torch.testing.assert_close(palette[torch.tensor([7, 3])].paint(pictures[[7, 3]])[..., 0, 0], painted[[7, 3], 2])
    assert (palette.paint(torch.ones(40, 3, 2, 2)) == 1).all()
    assert len({tuple(order) for order in palette.order.tolist()}) == 6


def test_only_labelled_training_views_at_typical_elevations_are_usable(data):
    views, labels = data
    names = ["box", "object-27", "other"]  # the second is of the validation split
    poses = np.repeat(views.poses, 3, 0)
    poses[0, FRAMED, :3, 1] = 51, -16, 50
    done = np.array([1, 1, 0], np.uint8)
    views = Views(views.images, poses, np.ones(3, np.uint8), names)
    usable = list_usable(views, Labels(labels.points, labels.surface, labels.middles, done, names))
    assert usable.tolist() == [[0, k] for k in range(2, VIEWPOINTS)]


def test_rays_of_a_crop_hit_the_object_where_it_shows_it(data, box):
    batch = draw_batch(*data, np.array([[0, k] for k in range(VIEWPOINTS)]), np.random.default_rng(4))
    placements = batch[-1].numpy()
    crops = lrm_views.draw_crops(data[0], np.zeros(VIEWPOINTS, int), placements, np.random.default_rng(5))
    assert crops.images.shape == (lrm_views.CROPS, 3, lrm_views.CROP, lrm_views.CROP)
    for j, origins, directions, picture in zip(*vars(crops).values(), strict=True):
        placement = placements[int(j)].astype(np.float64)
        np.testing.assert_allclose(directions.norm(dim=1), 1, atol=1e-5)
        start = to_world(placement, origins.double().numpy())
        ahead = to_world(placement, (origins + directions).double().numpy()) - start
        ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
        rgba, _, _ = box.cast(start.astype(np.float32), ahead.astype(np.float32))
        seen = rgba[:, :3] + 1 - rgba[:, 3:]
        expected = picture.flatten(1).T.numpy()
        same = np.abs(seen - expected).max(1) < 0.01
        assert same.mean() > 0.8  # all but edges, where the view is the mean of four rays
        assert (expected.min(1) < 0.95).mean() > 0.2


def ball(radius: Tensor, unit: float = 0.02) -> LRM:
    """A model that sees a ball, coloured by the place."""

    def query(scene: Scene, points: Tensor) -> tuple[Tensor, Tensor]:
        return (radius - points.norm(dim=-1)) / unit, points + 0.5

    return cast(LRM, SimpleNamespace(architecture=SimpleNamespace(radius=0.6), query=query))


def rays(count: int = 24, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """One view of the cube from the front, in parallel."""
    axis = (torch.arange(count, dtype=dtype) + 0.5) / count - 0.5
    z, x = torch.meshgrid(axis, axis, indexing="ij")
    origins = torch.stack([x, torch.full_like(x, -2.0), z], -1).view(1, -1, 3)
    return origins, torch.tensor([0.0, 1, 0], dtype=dtype).expand_as(origins)


def test_a_rendered_ball_has_the_closed_forms_silhouette():
    origins, directions = rays()
    seen = lrm_views.render(ball(torch.tensor(0.3), 0.005), Scene(torch.zeros(1)), origins, directions)[0]
    off = origins[0, :, [0, 2]].norm(dim=1)
    depth = -(0.09 - off.square()).clamp(min=0).sqrt()
    expected = torch.stack([origins[0, :, 0] + 0.5, depth + 0.5, origins[0, :, 2] + 0.5], 1)
    torch.testing.assert_close(seen[off < 0.27], expected[off < 0.27], atol=0.04, rtol=0)
    torch.testing.assert_close(seen[off > 0.33], torch.ones_like(seen[off > 0.33]), atol=1e-3, rtol=0)


def test_a_sections_opacity_is_that_of_the_surface_between_its_ends():
    raw = torch.tensor([[-4.0, -1.0, 2.0, -3.0]], dtype=torch.float64, requires_grad=True)
    outside = 1 / (1 + raw.detach().exp())  # NeuS's cumulated distribution of the distance, -raw
    expected = (1 - outside[:, 1:] / outside[:, :-1]).clamp(min=0)
    torch.testing.assert_close(lrm_views.section_alpha(raw), expected)
    assert lrm_views.section_alpha(raw)[0, 2] == 0  # on the way out nothing is stopped
    assert torch.autograd.gradcheck(lambda r: lrm_views.section_alpha(r), (raw,))


def test_the_gradient_makes_a_small_ball_larger():
    """Against finite differences of the loss in float64; the samples move with the ball, which changes little."""
    origins, directions = rays(16, torch.float64)
    target = lrm_views.render(ball(torch.tensor(0.3, dtype=torch.float64)), Scene(torch.zeros(1)), origins, directions)

    def loss(radius: Tensor) -> Tensor:
        seen = lrm_views.render(ball(radius), Scene(torch.zeros(1)), origins, directions)
        return (seen - target).square().mean()

    radius = torch.tensor(0.24, dtype=torch.float64, requires_grad=True)
    [gradient] = torch.autograd.grad(loss(radius), radius)
    with torch.no_grad():
        difference = (loss(radius + 0.01) - loss(radius - 0.01)) / 0.02
    assert float(gradient) < 0
    assert float(gradient) == pytest.approx(float(difference), rel=0.25)


def test_the_perceptual_distance_compares_normalised_features():
    encoder = lrm_views.load_encoder(str(VAE))
    kept: list[Tensor] = []
    for block in cast(Any, encoder).down_blocks[:2]:
        block.register_forward_hook(lambda _module, _inputs, output: kept.append(output))
    a, b = torch.rand(2, 2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found = lrm_views.perceptual_distance(encoder, a, b)
        same = lrm_views.perceptual_distance(encoder, a, a)
        kept.clear()
        encoder(torch.cat([a, b]) * 2 - 1)  # the whole encoder, as the auto-encoder uses it
    total = 0.0
    for level in kept:
        x, y = (v.numpy() / np.linalg.norm(v.numpy(), axis=1, keepdims=True) for v in level.split(2))
        total += float(
            np.mean([((x[i, :, r, c] - y[i, :, r, c]) ** 2).sum() for i, r, c in np.ndindex(2, *x.shape[2:])])
        )
    assert float(found) == pytest.approx(total, rel=1e-4) and float(same) == 0
    assert not any(p.requires_grad for p in encoder.parameters())


def test_a_run_can_start_training_with_rendered_views(data, tmp_path):
    """The state of a run without them is taken up; points' losses stay what they are without rendered views."""
    train_lrm([data], tmp_path, 1, batch=2)
    train_lrm([data], tmp_path, 2, batch=2, encoder=lrm_views.load_encoder(str(VAE)))
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert state["step"] == 2 and set(state["model"]) == set(LRM(STARTER).state_dict())
    assert all(v.isfinite().all() for v in state["model"].values())


def test_a_run_continues_from_the_given_model(data, tmp_path):
    """Its first step is a small one, at the warm-up's rate; a fresh model lies far from it."""
    torch.manual_seed(5)
    begin = LRM(STARTER)
    before = {k: v.clone() for k, v in begin.state_dict().items()}
    told = train_lrm([data], tmp_path / "told", 1, batch=2, begin=begin).state_dict()
    fresh = train_lrm([data], tmp_path / "fresh", 1, batch=2).state_dict()
    change, distance = (max(float((s[k] - v).abs().max()) for k, v in before.items()) for s in (told, fresh))
    assert 0 < change < 1e-3 and distance > 0.1


def test_every_part_of_the_model_learns_from_rendered_views(data):
    model, rng = LRM(STARTER), np.random.default_rng(0)
    pictures, camera, depth, *labelled, placements = draw_batch(*data, np.array([[0, 0], [0, 1]]), rng)
    scene = model.encode(pictures, camera, depth)
    crops = lrm_views.draw_crops(data[0], np.zeros(2, int), placements.numpy(), rng)
    terms = lrm_views.view_losses(model, scene, crops, lrm_views.load_encoder(str(VAE)))
    others = losses(model, scene, *labelled)
    assert set(terms) == {"view", "perceptual"} and not set(terms) & set(others)
    assert scene.estimate is not None
    off = (scene.estimate - labelled[-1]).detach().tolist()
    assert others["camera"].item() == pytest.approx(0.2 * sum(abs(x) for row in off for x in row) / 2)
    for term in terms.values():
        gradients = torch.autograd.grad(term, [*model.decoder.parameters(), scene.planes], retain_graph=True)
        assert all(g.isfinite().all() for g in gradients) and gradients[-1].abs().sum() > 0
    near, far, hit = intersect_box(crops.origins[0], crops.directions[0], (-0.6, 0.6))
    assert hit.float().mean() > 0.5 and float((far - near).max()) < 2.1


def test_the_command_learns_from_other_work_folders_and_from_stretched_meshes(tmp_path, monkeypatch):
    for folder in ("own", "own/stretched_1", "other", "other/stretched_2"):
        open_views(tmp_path / folder / "views", [folder])
        open_labels(tmp_path / folder / "labels", [folder])
    seen = []

    def train(sets: list[tuple[Views, Labels]], *_, **__) -> LRM:
        seen.extend(views.names for views, _ in sets)
        return LRM(STARTER)

    monkeypatch.setattr(training, "train_lrm", train)
    app.lrm(work=tmp_path / "own", also=[tmp_path / "other"])
    assert seen == [["own"], ["own/stretched_1"], ["other"], ["other/stretched_2"]]
