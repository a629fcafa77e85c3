# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture on a mesh: on a ball, by the closed form of its projection, on a plate before a wall, and with a border
that is mixed with the background."""

import numpy as np
import torch

from backend.input_view.input_view import InputView
from backend.input_view.picture_colors import PictureColors, finish_mesh, paint_picture
from backend.input_view.shown_colors import ShownColors
from backend.interface.common_parameters import MeshParameters
from backend.meshing.marching_cubes import extract
from backend.rendering.cameras import Camera, orbit, pixel_centres
from backend.rendering.mesh import Mesh
from tests.backend.input_view.test_visibility import wall

SIZE, RADIUS, BALL = 256, 1.2, 0.3
CAMERA = Camera(orbit(0, 20, RADIUS), 40.0, SIZE, SIZE)
FOCAL = SIZE / 2 / np.tan(np.radians(20))
OUTLINE = FOCAL * np.tan(np.arcsin(BALL / RADIUS))  # pixels; radius of the ball in the image
GREY = 0.5


def ball(cells: int = 96) -> Mesh:
    mesh = Mesh(*extract(lambda p: p.norm(dim=1) - BALL, cells, (-0.5, 0.5)))
    mesh.vertex_colors[:, :3] = round(GREY * 255)
    return mesh


def grey(points: np.ndarray, _normals: np.ndarray) -> np.ndarray:
    return np.full((len(points), 3), GREY, np.float32)


def waves(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """A picture by its pixel coordinates, sRGB 0..1, of waves that are 26 and 32 pixels long."""
    return np.stack([0.5 + 0.4 * np.sin(u / 26 * 2 * np.pi), 0.5 + 0.4 * np.sin(v / 32 * 2 * np.pi), 0.3 + 0 * u], -1)


def picture(colors, soft: float = 1.0, background=(0.0, 0.0, 0.0)) -> InputView:
    """A picture of the ball with soft edges, which the background's colour shines through."""
    centre = pixel_centres(CAMERA).numpy()
    alpha = np.clip((OUTLINE - np.linalg.norm(centre - SIZE / 2, axis=1)) / soft, 0, 1)[:, None]
    rgb = colors(*centre.T) * alpha + np.array(background) * (1 - alpha)
    rgba = np.concatenate([rgb, alpha], 1).reshape(SIZE, SIZE, 4).astype(np.float32)
    return InputView(torch.from_numpy(rgba), CAMERA)


def projected(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (N, 2) of points on the ball, and cosines (N,) of the view, worked out from azimuth and elevation."""
    c, s = np.cos(np.radians(20)), np.sin(np.radians(20))
    x, y, z = points.T
    depth = RADIUS - (-y * c + z * s)
    pixel = SIZE / 2 + FOCAL * np.stack([x, -(y * s + z * c)], 1) / depth[:, None]
    to_camera = RADIUS * np.array([0, -c, s]) - points
    return pixel, (points * to_camera).sum(1) / BALL / np.linalg.norm(to_camera, axis=1)


def sphere_points(count: int) -> np.ndarray:
    points = np.random.default_rng(0).normal(size=(count, 3))
    return (BALL * points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def test_the_front_shows_the_picture_where_the_closed_form_has_it():
    points = sphere_points(4000)
    pixel, cosine = projected(points)
    colors = PictureColors(ball(), ShownColors(ball(), picture(waves)), grey).on_surface(0.002)(points, points / BALL)
    front = cosine > 0.5
    np.testing.assert_allclose(colors[front], waves(*pixel[front].T), atol=0.05)


def test_vertices_that_lie_farther_apart_take_averages():
    """Waves of 4 pixels disappear between vertices that are more than that apart, instead of becoming longer ones."""

    def fine(u, _v):
        return np.repeat(0.5 + 0.4 * np.sin(u / 4 * 2 * np.pi)[:, None], 3, 1)

    mesh = ball(24)
    _, cosine = projected(mesh.vertices)
    colors = paint_picture(mesh, picture(fine)).vertex_colors[cosine > 0.6, 0] / 255
    assert colors.std() < 0.06 and abs(colors.mean() - 0.5) < 0.03


def test_the_back_agrees_with_the_front_and_fades():
    """White in front of grey: without a step at the border, ever less white behind it, and grey nowhere darkened."""
    mesh = ball()
    _, cosine = projected(mesh.vertices)
    colors = paint_picture(mesh, picture(lambda u, _v: np.ones((len(u), 3)))).vertex_colors[:, 0] / 255
    bands = [colors[np.abs(cosine - c) < 0.06].mean() for c in (0.6, 0.3, 0.1, -0.1, -0.3, -0.6, -0.9)]
    assert bands[0] > 0.99 and (np.diff(bands) < 0.005).all() and (-np.diff(bands) < 0.12).all()
    assert GREY < bands[-1] < 0.97


def test_what_is_in_front_does_not_land_on_what_is_behind():
    """A red plate before a green wall; the wall's own blue stays behind the plate, tinged by the green around it."""
    camera = Camera(orbit(0, 0, RADIUS), 40.0, SIZE, SIZE)
    plate, back = wall(lambda x: 0 * x - 0.2, 0.1, 41), wall(lambda x: 0 * x + 0.1)
    count = len(plate.vertices)
    both = Mesh(np.concatenate([plate.vertices, back.vertices]), np.concatenate([plate.faces, back.faces + count]))
    across = np.abs(pixel_centres(camera).numpy() - SIZE / 2).max(1).reshape(SIZE, SIZE)
    image = np.zeros((SIZE, SIZE, 4), np.float32)
    image[across < FOCAL * 0.3 / 1.3] = 0, 1, 0, 1
    image[across < FOCAL * 0.1 / 1.0 + 1] = 1, 0, 0, 1  # a pixel wider than the mesh has it
    blue = np.array([0.0, 0.0, 1.0], np.float32)
    shown = ShownColors(both, InputView(torch.from_numpy(image), camera))
    picture = PictureColors(both, shown, lambda points, _: 0 * points + blue)
    colors = picture.on_surface(0.002)(both.vertices, np.tile([0, -1, 0], (len(both.vertices), 1)))
    assert colors[count:, 0].max() < 0.02
    place = np.abs(both.vertices[:, [0, 2]]).max(1)
    np.testing.assert_allclose(
        colors[:count][place[:count] < 0.09], [[1, 0, 0]] * int((place[:count] < 0.09).sum()), atol=1e-5
    )
    shown = (place[count:] > 0.16) & (place[count:] < 0.28)
    np.testing.assert_allclose(colors[count:][shown], [[0, 1, 0]] * int(shown.sum()), atol=1e-5)


def test_no_texel_has_a_colour_of_the_background():
    """A green ball whose border of 5 pixels is mixed with magenta: neither red nor blue is anywhere in the texture."""
    mesh = ball(48)
    mesh.vertex_colors[:, :3] = (0, 160, 0)
    green = picture(lambda u, _v: np.tile([0.0, 0.8, 0.0], (len(u), 1)), soft=5, background=(1, 0, 1))
    finished = finish_mesh(mesh, MeshParameters(texture="512", max_faces=0), None, green)
    assert finished.texture is not None and finished.texture[..., [0, 2]].max() <= 0.03 * 255
    assert finished.vertex_colors[:, [0, 2]].max() <= 0.03 * 255


def test_the_texture_has_the_pictures_own_resolution():
    """Stripes 6 pixels wide at 1024 pixels, which the framed view of 256 pixels cannot hold."""
    side = 1024
    columns = np.arange(side) + 0.5
    stripes = np.repeat(0.5 + 0.5 * np.sign(np.sin(columns / 6 * np.pi)), 3).reshape(1, side, 3)
    alpha = picture(waves).rgba[..., 3].numpy().repeat(4, 0).repeat(4, 1)[..., None]
    detailed = np.concatenate([np.broadcast_to(stripes, (side, side, 3)), alpha], 2).astype(np.float32)
    view = InputView(torch.full((SIZE, SIZE, 4), GREY), CAMERA, torch.from_numpy(detailed))
    points = sphere_points(20000)
    pixel, cosine = projected(points)
    colors = PictureColors(ball(), ShownColors(ball(), view), grey).on_surface(0.0007)(points, points / BALL)
    column = pixel[:, 0] * 4
    inner = (cosine > 0.6) & (np.abs((column / 6) % 1 - 0.5) < 0.2)  # not at the stripes' edges
    expected = 0.5 + 0.5 * np.sign(np.sin(column / 6 * np.pi))
    assert np.abs(colors[:, 0] - expected)[inner].mean() < 0.05


def test_a_mesh_without_faces_stays_empty():
    nothing = Mesh(np.zeros((0, 3)), np.zeros((0, 3)))
    assert finish_mesh(nothing, MeshParameters(texture="512"), None, picture(waves)) is nothing
