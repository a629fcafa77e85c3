# SPDX-License-Identifier: GPL-3.0-or-later
"""Training samples of the LRM against closed forms of a box and against Embree."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

pytest.importorskip("embreex")
pytest.importorskip("igl")

from backend.reconstruction.lrm.model import LRM
from backend.training import app, lrm_views
from backend.training import lrm as training
from backend.training.framed import SIZE, VIEWPOINTS, FramedViews, open_framed
from backend.training.labels import SPREADS, Labels, draw_labels, open_labels
from backend.training.lrm import (
    COLORS,
    DISTANCES,
    POINTS_PER_KIND,
    STARTER,
    Palette,
    draw_batch,
    draw_crops,
    list_usable,
    losses,
    pretrained,
    train_lrm,
)
from backend.training.lrm_data import TrainingSet, make_training_sets, open_training_sets
from backend.training.meshes import DEMO_MESHES, TrainingMesh, list_meshes
from backend.training.render import Light, Renderer, orbit
from backend.training.views import apparent_distance, on_white

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
def data(box: Renderer) -> tuple[FramedViews, Labels]:
    """The box alone, as the command `lrm-data` would have it."""
    images = np.full((1, VIEWPOINTS, SIZE, SIZE, 3), 255, np.uint8)
    poses, middles = np.zeros((1, VIEWPOINTS, 3), np.float32), np.zeros((1, VIEWPOINTS, 2), np.float32)
    for k in range(VIEWPOINTS):
        azimuth, elevation = 30.0 * k + 7, [35.0, 0.0, 15.0][k % 3]
        window = box.framing(orbit(azimuth, elevation))
        images[0, k] = on_white(box.render(orbit(azimuth, elevation), SIZE, window)[0])
        poses[0, k] = azimuth, elevation, apparent_distance(window)
        middles[0, k] = (window[:2] + window[2:]) / 2
    points, surface = draw_labels(box, np.random.default_rng(0))
    names, done = ["box"], np.ones(1, np.uint8)
    return FramedViews(images, poses, middles, done, names), Labels(points[None], surface[None], done, names)


def to_world(placement: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points of the model's world in the object's."""
    return (points - placement[:, 3]) @ np.linalg.inv(placement[:, :3]).T


def test_labels_are_distances_to_the_placed_box(data):
    """Distances by the closed form of a box, back in its own world."""
    batch = draw_batch(*data, np.array([[0, k] for k in range(VIEWPOINTS)]), np.random.default_rng(3))
    _, _, told, points, distances, _, taken, placements = (t.double().numpy() for t in batch)
    turned = np.linalg.det(placements[:, :, :3])
    assert (turned < 0).any() and (turned > 0).any()  # some are mirrored
    poses = data[0].poses[0]
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


@pytest.fixture
def training_set(data, box, monkeypatch) -> TrainingSet:
    monkeypatch.setattr(training, "make_renderer", lambda *_: box)
    return TrainingSet(*data, [("box", "", Path())], 0)


def test_only_labelled_training_views_are_usable(data):
    views, labels = data
    names = ["box", "object-27", "other"]  # the second is of the validation split
    every, some = np.ones(3, np.uint8), np.array([1, 1, 0], np.uint8)
    views = FramedViews(views.images, views.poses, views.middles, every, names)
    usable = list_usable(views, Labels(labels.points, labels.surface, some, names))
    assert usable.tolist() == [[0, k] for k in range(VIEWPOINTS)]


def test_points_of_a_crop_lie_on_the_box_in_their_colors(training_set, box):
    """In the model's world, through affine maps that may mirror, back to the box; against rays from all around."""
    batch = draw_batch(training_set.views, training_set.labels, np.array([[0, 3], [0, 5]]), np.random.default_rng(4))
    placements = batch[-1].numpy()
    crops = draw_crops(training_set, np.zeros(2, int), placements, np.random.default_rng(5))
    assert crops.images.shape == (lrm_views.CROPS, 3, lrm_views.CROP, lrm_views.CROP)
    for j, points, hit, image in zip(*vars(crops).values(), strict=True):
        seen = hit.flatten().numpy()
        assert 0.1 < seen.mean() < 1
        places = to_world(placements[int(j)].astype(np.float64), points.double().numpy()[seen]) - [0.05, 0, 0.1]
        height = np.abs(places) - HALF
        np.testing.assert_allclose(height.max(1), 0, atol=1e-4)
        axis = height.argmax(1)
        outward = np.zeros_like(places)
        outward[np.arange(len(axis)), axis] = np.sign(places[np.arange(len(axis)), axis])
        start = (places + outward).astype(np.float32) + np.array([0.05, 0, 0.1], np.float32)
        rgba, _, _ = box.cast(start, -outward.astype(np.float32))
        np.testing.assert_allclose(image.flatten(1).T.numpy()[seen], rgba[:, :3], atol=1e-4)
        assert (image.flatten(1).T.numpy()[~seen] == 1).all()


def distance(a: Tensor, b: Tensor) -> Tensor:
    """A perceptual distance in place of LPIPS, whose weights tests may not have."""
    return (a - b).square().mean((1, 2, 3))


class Distance(torch.nn.Module):
    forward = staticmethod(distance)


def test_colors_of_a_crop_are_compared_where_the_object_shows(training_set):
    """A model whose colours are known: L1 and the perceptual distance by hand."""
    model, rng = LRM(STARTER), np.random.default_rng(0)
    images, camera, depth, *_, placements = draw_batch(
        training_set.views, training_set.labels, np.array([[0, 0], [0, 1]]), rng
    )
    scene = model.encode(images, camera, depth)
    crops = draw_crops(training_set, np.zeros(2, int), placements.numpy(), rng)
    torch.nn.init.zeros_(model.decoder[-1].weight)  # pyright: ignore[reportArgumentType]
    torch.nn.init.zeros_(model.decoder[-1].bias)  # pyright: ignore[reportArgumentType]
    terms = lrm_views.view_losses(model, scene, crops, Distance())  # the model is grey everywhere
    off = torch.where(crops.hit, 0.5 - crops.images, 0).double()
    view, perceptual = (float(terms[name].detach()) for name in ("view", "perceptual"))
    assert view == pytest.approx(lrm_views.ABSOLUTE * float(off.abs().mean()), rel=1e-4)
    assert perceptual == pytest.approx(lrm_views.PERCEPTUAL * float(off.square().mean()), rel=1e-4)


def test_training_changes_all_but_the_pretrained_features(training_set, tmp_path):
    torch.manual_seed(5)
    model = LRM(STARTER)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    frozen = {f"image_tokens.network.{k}" for k in pretrained(model).state_dict()}
    # The first steps are small, at the warm-up's rate; what begins at zero passes nothing on in the first.
    train_lrm(model, [training_set], tmp_path, 3, Distance(), batch=2)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    change = {k: float((state["model"][k] - v).abs().max()) for k, v in before.items()}
    assert state["step"] == 3 and set(state["model"]) == set(before)
    assert {k for k, v in change.items() if v == 0} == frozen
    assert max(change.values()) < 1e-2


def test_the_camera_is_compared_with_the_true_one(data):
    model = LRM(STARTER)
    images, camera, depth, *labelled, _ = draw_batch(*data, np.array([[0, 0], [0, 1]]), np.random.default_rng(0))
    scene = model.encode(images, camera, depth)
    assert scene.estimate is not None
    off = (scene.estimate - labelled[-1]).detach().tolist()
    assert losses(model, scene, *labelled)["camera"].item() == pytest.approx(
        0.2 * sum(abs(x) for row in off for x in row) / 2
    )


def test_training_sets_are_the_same_however_many_processes_make_them(tmp_path, monkeypatch):
    entries = list_meshes(DEMO_MESHES, "all")[:2]
    folder = tmp_path / "meshes"
    folder.mkdir()
    for name, _, path in entries:
        (folder / f"{name}{path.suffix}").write_bytes(path.read_bytes())
    for workers, work in ((1, "one"), (2, "two")):
        make_training_sets(folder, tmp_path / work, 1, workers)
    for one, two in zip(*(open_training_sets(folder, tmp_path / work) for work in ("one", "two")), strict=True):
        for a, b in ((one.views, two.views), (one.labels, two.labels)):
            for key in vars(a):
                np.testing.assert_array_equal(getattr(a, key), getattr(b, key))
        assert one.views.done.all() and one.labels.done.all()
    plain, stretched = open_training_sets(folder, tmp_path / "one")
    assert [plain.stretching, stretched.stretching] == [0, 1]
    sides = [np.ptp(s.labels.surface[:, :, :3].astype(float), axis=1) for s in (plain, stretched)]
    for i, k in product(range(2), range(3)):
        assert sides[0][i, k] != pytest.approx(sides[1][i, k], rel=1e-3)
    with pytest.raises(ValueError, match="other"):
        open_labels(tmp_path / "one" / "0" / "labels", ["another"])
    with pytest.raises(ValueError, match="other meshes"):
        open_framed(tmp_path / "one" / "0" / "views", ["another"])
    with pytest.raises(ValueError, match="lrm-data"):
        open_training_sets(folder, tmp_path / "none")


def test_the_command_trains_on_what_lrm_data_made(tmp_path, monkeypatch):
    folder = tmp_path / "meshes"
    folder.mkdir()
    name, _, path = list_meshes(DEMO_MESHES, "train")[0]
    (folder / f"{name}{path.suffix}").write_bytes(path.read_bytes())
    app.lrm_data(folder, tmp_path / "work", 1, 1)
    seen = []

    def train(model: LRM, sets: list[TrainingSet], *_, **__) -> LRM:
        seen.extend((chosen.views.names, chosen.stretching) for chosen in sets)
        return model

    monkeypatch.setattr(training, "train_lrm", train)
    monkeypatch.setattr(training, "make_starter", lambda: LRM(STARTER))
    monkeypatch.setattr("backend.training.lpips.weights.load", lambda _: Distance())
    app.lrm(folder, work=tmp_path / "work")
    assert seen == [([name], 0), ([name], 1)]
    assert (tmp_path / "work" / "lrm" / "lrm.safetensors").is_file()
