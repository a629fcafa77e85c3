# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
import torch
import trimesh

from backend.input_view.input_view import InputView
from backend.input_view.shown_colors import ShownColors
from backend.input_view.symmetry import Symmetry, reflection, rotation
from backend.input_view.unseen_sides import leads_to_back, main_colors, palette_colors, unseen_colors
from backend.interface.common_parameters import FRONT, MODEL, SYMMETRY, UNSEEN_SIDES
from backend.rendering.cameras import Camera, orbit
from backend.rendering.mesh import Mesh
from backend.rendering.rasteriser import rasterise

RED, GREEN, BLUE, GREY = (0.9, 0.1, 0.1), (0.1, 0.8, 0.2), (0.1, 0.2, 0.9), (0.5, 0.5, 0.5)
SIZE = 128


def sphere() -> Mesh:
    shape = trimesh.creation.icosphere(5, 0.4)
    return Mesh(shape.vertices, shape.faces)


def upright_box(*extents: float) -> Mesh:
    shape = trimesh.creation.box(extents).subdivide().subdivide().subdivide()
    return Mesh(shape.vertices, shape.faces)


def view_of(mesh: Mesh, paint, azimuth: float = 0, elevation: float = 0) -> InputView:
    """The view of a mesh whose points have the colours paint(points) (N, 3)."""
    camera = Camera(orbit(azimuth, elevation, 2.2), 35.0, SIZE, SIZE)
    raster = rasterise(torch.from_numpy(mesh.vertices), torch.from_numpy(mesh.faces).long(), camera)
    hit = (raster.face >= 0).numpy()
    corners = mesh.vertices[mesh.faces[raster.face.numpy()[hit]]]
    points = (corners * raster.corner.numpy()[hit][..., None]).sum(1)
    rgba = np.zeros((SIZE, SIZE, 4), np.float32)
    rgba[hit, :3], rgba[hit, 3] = paint(points), 1
    return InputView(torch.from_numpy(rgba), camera)


def shown_by(mesh: Mesh, paint, azimuth: float = 0, elevation: float = 0) -> ShownColors:
    """Colours of a mesh in a view of itself, see `view_of`."""
    return ShownColors(mesh, view_of(mesh, paint, azimuth, elevation))


def grey(points: np.ndarray, _normals: np.ndarray) -> np.ndarray:
    return np.full(points.shape, 0.5, np.float32)


def by_height(points: np.ndarray) -> np.ndarray:
    return np.where(points[:, 2:] > 0, RED, BLUE)


def on_sphere(*directions: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    normals = np.array(directions, np.float32)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return 0.399 * normals, normals


def test_model_leaves_the_colours():
    mesh = sphere()
    assert unseen_colors(mesh, shown_by(mesh, by_height), grey, MODEL) is grey


def test_front_takes_the_picture_where_the_point_is_projected():
    mesh = sphere()
    colors = unseen_colors(mesh, shown_by(mesh, by_height), grey, FRONT)
    found = colors(*on_sphere((0.2, 0.9, 0.4), (0.2, 0.9, -0.4)))  # both behind; right above left in the picture
    np.testing.assert_allclose(found, [RED, BLUE], atol=0.02)


def test_symmetry_takes_the_counterpart_that_the_picture_shows():
    # A box, twice as wide as deep, seen from a corner: the picture shows the front (red) and the right side (green).
    mesh = upright_box(0.6, 0.3, 0.3)

    def paint(points: np.ndarray) -> np.ndarray:
        return np.select([points[:, 2:] > 0.1499, points[:, :1] > 0.2999], [np.array(BLUE), np.array(GREEN)], RED)

    colors = unseen_colors(mesh, shown_by(mesh, paint, azimuth=45, elevation=30), grey, SYMMETRY)
    points = np.array([[-0.3, 0.03, 0.02], [0.05, 0.15, 0.02]], np.float32)  # on the left side, and behind
    normals = np.array([[-1, 0, 0], [0, 1, 0]], np.float32)
    np.testing.assert_allclose(colors(points, normals), [GREEN, RED], atol=0.02)


def test_where_sides_differ_in_the_picture_the_shape_is_no_symmetry():
    # The left half of what is shown is red and the right half green, so that no side may be copied to another.
    mesh = upright_box(0.6, 0.3, 0.3)
    shown = shown_by(mesh, lambda points: np.where(points[:, :1] + points[:, 1:2] > 0, GREEN, RED), 20, 30)
    found = unseen_colors(mesh, shown, grey, SYMMETRY)(
        np.array([[0.2, 0.15, 0]], np.float32), np.array([[0, 1, 0]], np.float32)
    )
    # grey lies nearest to neither: what is left of it is 0.3, the rest is of the palette
    palette = [np.multiply(0.3, GREY) + np.multiply(0.7, c) for c in (RED, GREEN)]
    assert min(np.abs(found[0] - p).max() for p in palette) < 0.05


def test_no_second_face_on_the_back():
    # A round head with black eyes, seen from in front: its back would fit its front, but nothing proves it.
    mesh = sphere()
    eyes = on_sphere((-0.35, -1, 0.2), (0.35, -1, 0.2))[0]

    def paint(points: np.ndarray) -> np.ndarray:
        near = np.linalg.norm(points[:, None] - eyes[None], axis=2).min(1) < 0.06
        return np.where(near[:, None], (0.0, 0.0, 0.0), (0.8, 0.6, 0.4))

    skin = lambda points, _normals: np.full(points.shape, (0.8, 0.6, 0.4), np.float32)  # noqa: E731
    shown = shown_by(mesh, paint)
    behind = on_sphere((-0.35, 1, 0.2), (0.35, 1, 0.2))
    np.testing.assert_allclose(unseen_colors(mesh, shown, skin, SYMMETRY)(*behind), skin(*behind), atol=0.03)
    np.testing.assert_allclose(unseen_colors(mesh, shown, skin, FRONT)(*behind), 0, atol=0.03)  # as its help says


def test_leads_to_back():
    view = view_of(sphere(), by_height, azimuth=0, elevation=40)
    still = np.zeros(3)
    assert leads_to_back(Symmetry(reflection(0), still), view) == pytest.approx(1)  # the plane across the view
    assert leads_to_back(Symmetry(reflection(np.pi / 2), still), view) == pytest.approx(-1)  # the plane along the view
    assert leads_to_back(Symmetry(rotation(np.pi), still), view) == pytest.approx(1)
    assert leads_to_back(Symmetry(rotation(np.pi / 2), still), view) == pytest.approx(0, abs=1e-6)


def test_palette_draws_colours_to_the_nearest():
    palette = np.array([[0.0, 0.0, 0.0], [1.0, 0.5, 0.0]])
    own = np.array([[0.1, 0.0, 0.0], [0.9, 0.5, 0.1], [0.5, 0.25, 0.0]], np.float32)
    found = palette_colors(palette, lambda *_: own)(np.zeros((3, 3)), np.zeros((3, 3)))
    expected = 0.3 * own + 0.7 * np.array([[0, 0, 0], [1, 0.5, 0], [0.5, 0.25, 0]])  # the last lies in the middle
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_palette_of_a_picture_of_two_colours():
    mesh = sphere()
    palette = main_colors(shown_by(mesh, by_height).image)
    nearest = [np.abs(palette - c).max(1).min() for c in (RED, BLUE)]
    assert max(nearest) < 0.01


@pytest.mark.parametrize("choice", UNSEEN_SIDES)
def test_colours_stay_those_of_the_picture(choice):
    # everything is of one colour, the model's too: so is every side, whatever is chosen
    mesh = sphere()
    shown = shown_by(mesh, lambda points: np.full(points.shape, GREEN))
    points, normals = on_sphere(*np.random.default_rng(0).normal(size=(200, 3)))
    colors = unseen_colors(mesh, shown, lambda p, _n: np.full(p.shape, GREEN, np.float32), choice)
    np.testing.assert_allclose(colors(points, normals), np.broadcast_to(GREEN, (200, 3)), atol=0.01)
