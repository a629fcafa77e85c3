# SPDX-License-Identifier: GPL-3.0-or-later
"""Textured renders against closed forms: a textured square from the front and at a slant, with a texture larger and
smaller than the picture."""

import numpy as np
import pytest
import torch

from backend.rendering.cameras import Camera, orbit, project, rays
from backend.rendering.mesh import Mesh
from backend.rendering.rasteriser import rasterise, render_mesh
from backend.rendering.texture_filter import footprint, look_up

CORNERS = np.array([[-0.5, 0, -0.5], [0.5, 0, -0.5], [0.5, 0, 0.5], [-0.5, 0, 0.5]], np.float32)
FACES = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
UV = (CORNERS[:, [0, 2]] + 0.5)[FACES]
FRONT = Camera(orbit(0, 0, 2.0), 2 * np.degrees(np.arctan(0.25)), 32, 32)  # the square fills the picture
SLANTED = Camera(orbit(50, 25, 1.3), 50.0, 90, 70)


def square(texture: np.ndarray) -> Mesh:
    """A unit square that faces the front, with vertex colours that no picture of it must show."""
    opaque = np.full((*texture.shape[:2], 1), 255, np.uint8)
    return Mesh(CORNERS, FACES, np.full((4, 4), 99, np.uint8), UV, np.concatenate([texture, opaque], 2))


def test_a_square_from_the_front_shows_its_texels_and_the_means_of_neighbours_between_them():
    texels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    image = render_mesh(square(texels), FRONT, samples=1).numpy()
    assert (image[..., 3] == 1).all()
    wide = np.pad(texels / 255, ((1, 1), (1, 1), (0, 0)), "edge")
    own, others = 0.75, 0.25  # a pixel's centre lies a quarter of a texel from a texel's centre
    for row, column in np.ndindex(32, 32):
        (i, up), (j, left) = ((k // 2 + 1, k % 2 == 0) for k in (row, column))
        other_i, other_j = i - 1 if up else i + 1, j - 1 if left else j + 1
        expected = own * (own * wide[i, j] + others * wide[i, other_j])
        expected += others * (own * wide[other_i, j] + others * wide[other_i, other_j])
        np.testing.assert_allclose(image[row, column, :3], expected, atol=2e-4)


def test_a_slanted_square_is_mapped_in_perspective():
    """A texture that rises along u and v shows every pixel's own place on the square: where its ray meets y = 0."""
    ramp = np.zeros((32, 32, 3), np.uint8)
    ramp[..., 0], ramp[..., 1] = 8 * np.arange(32), 8 * np.arange(32)[::-1, None]
    image = render_mesh(square(ramp), SLANTED, samples=1).numpy()
    origin, direction = (r.double().numpy().reshape(70, 90, 3) for r in rays(SLANTED))
    place = origin - direction * (origin[..., 1:2] / direction[..., 1:2])
    inside = (np.abs(place[..., [0, 2]]) < 0.5 - 1 / 32).all(-1)
    assert inside.sum() > 1000
    expected = (place[..., [0, 2]] + 0.5) * 32 - 0.5  # in texels from the first one's centre
    np.testing.assert_allclose(image[inside][:, :2] * 255 / 8, expected[inside], atol=0.02)
    beside = (np.abs(place[..., [0, 2]]) > 0.5).any(-1)
    assert (image[beside] == 0).all()


def test_a_texture_finer_than_the_picture_shows_its_mean():
    """Single texels in black and white, of which 16 x 16 fall into a pixel: picking some would give black or white."""
    board = np.tile((np.indices((512, 512)).sum(0) % 2 * 255).astype(np.uint8)[..., None], (1, 1, 3))
    image = render_mesh(square(board), FRONT, samples=1).numpy()
    np.testing.assert_allclose(image[..., :3], 0.5, atol=1e-3)


def test_the_footprint_is_the_texels_between_neighbouring_pixels():
    """By finite differences: the place on the square that each pixel shows, in texels, and its neighbours' places."""
    texels = torch.from_numpy(UV * np.float32([300, 200]))
    vertices, faces = torch.from_numpy(CORNERS), torch.from_numpy(FACES).long()
    raster = rasterise(vertices, faces, SLANTED)
    origin, direction = (r.double().view(70, 90, 3) for r in rays(SLANTED))
    place = (origin - direction * (origin[..., 1:2] / direction[..., 1:2]))[..., [0, 2]] * torch.tensor([300, 200])
    right, down = place[1:-1, 2:] - place[1:-1, :-2], place[2:, 1:-1] - place[:-2, 1:-1]
    area = (right[..., 0] * down[..., 1] - right[..., 1] * down[..., 0]).abs() / 4
    seen = raster.face[1:-1, 1:-1] >= 0
    found = footprint(vertices[faces], texels, SLANTED)[raster.face] * raster.depth**3
    torch.testing.assert_close(found[1:-1, 1:-1][seen].double(), area[seen], rtol=2e-3, atol=0)
    pixels = project(SLANTED, vertices)[0][faces]
    assert seen.sum() == pytest.approx(area_of(pixels), rel=0.05)


def area_of(triangles: torch.Tensor) -> float:
    """Sum of the areas of triangles (M, 3, 2)."""
    (a, b), (c, d) = ((triangles[:, i] - triangles[:, 0]).unbind(-1) for i in (1, 2))
    return float((a * d - b * c).abs().sum() / 2)


def test_between_two_sizes_of_the_texture_colours_are_mixed():
    """A texture of four columns: 0, 1, 0, 1. Its half is 0.5 throughout. In the middle of the second column."""
    texture = torch.tensor([0.0, 1, 0, 1]).repeat(4, 1)[..., None]
    place = torch.tensor([[0.375, 0.5]])
    shown = [look_up(texture, place, torch.tensor([area])).item() for area in (0.1, 1.0, 2.0, 4.0, float("inf"))]
    assert shown == pytest.approx([1, 1, 0.75, 0.5, 0.5])
