# SPDX-License-Identifier: GPL-3.0-or-later
"""The object's own colours, on a disc whose soft border is mixed with another colour."""

import numpy as np
import torch

from backend.input_view.foreground import foreground, trusted

SIZE, RADIUS = 200, 60
ROWS, COLUMNS = torch.meshgrid(torch.arange(SIZE) + 0.5, torch.arange(SIZE) + 0.5, indexing="ij")
DISTANCE = (ROWS - SIZE / 2).hypot(COLUMNS - SIZE / 2)


def disc(color: torch.Tensor, border: torch.Tensor, soft: float = 6.0) -> torch.Tensor:
    """A disc of a colour whose alpha falls over `soft` pixels, where the background's colour is left."""
    alpha = ((RADIUS - DISTANCE) / soft).clamp(0, 1)[..., None]
    return torch.cat([color * alpha + border * (1 - alpha), alpha], -1)


def test_no_pixel_has_a_colour_of_the_border():
    """Green everywhere, of any alpha: neither inside, nor where the colours are continued, nor at a smaller size."""
    green, magenta = torch.tensor([0.0, 0.8, 0.0]), torch.tensor([1.0, 0.0, 1.0])
    for side in (SIZE, 77):
        colors, _ = foreground(disc(green, magenta), side)
        torch.testing.assert_close(colors, green.expand(side, side, 3), atol=0.025, rtol=0)


def test_colours_inside_stay_and_are_averages_when_the_image_is_made_smaller():
    ramp = torch.stack([COLUMNS / SIZE, ROWS / SIZE, 0 * ROWS], -1)
    image, inside = disc(ramp, torch.zeros(3)), DISTANCE < RADIUS - 8
    colors, distance = foreground(image, SIZE)
    torch.testing.assert_close(colors[inside], ramp[inside])
    assert (distance[inside] == 0).all()
    quarter, _ = foreground(image, SIZE // 4)
    means = ramp.view(50, 4, 50, 4, 3).mean((1, 3))
    whole = inside.view(50, 4, 50, 4).all(3).all(1)
    torch.testing.assert_close(quarter[whole], means[whole])


def test_outside_pixels_take_the_nearest_colour_and_know_their_distance():
    """Along the row through the middle the disc ends at column 160, its trusted inside a little before."""
    ramp = torch.stack([COLUMNS / SIZE, 0 * ROWS, 0 * ROWS], -1)
    colors, distance = foreground(disc(ramp, torch.ones(3), soft=0.5), SIZE)
    row = colors[SIZE // 2, :, 0]
    last = int(torch.nonzero(distance[SIZE // 2] == 0).max())
    assert 155 <= last <= 159
    np.testing.assert_allclose(row[last:].numpy(), float(row[last]), atol=1e-6)
    assert float(distance[SIZE // 2, -1]) == np.float32((SIZE - 1 - last) / SIZE)


def test_parts_without_an_inside_keep_their_own_colours():
    """A bar of two pixels, far from the square: it has no pixel that is not at its border."""
    image = torch.zeros(SIZE, SIZE, 4)
    image[20:60, 20:60] = torch.tensor([1.0, 0, 0, 1])
    image[150:152, 20:180] = torch.tensor([0.0, 0, 1, 1])
    weight = trusted(image[..., 3])
    assert weight[40, 40] == 1 and weight[20, 40] == 0 and 0 < weight[150, 100] < 1
    colors, _ = foreground(image, SIZE)
    assert colors[151, 100].tolist() == [0, 0, 1] and colors[148, 100].tolist() == [0, 0, 1]


def test_an_image_that_is_see_through_all_over_has_colours():
    image = torch.cat([torch.full((32, 32, 3), 0.25), torch.full((32, 32, 1), 0.6)], -1)
    colors, distance = foreground(image, 32)
    assert (colors == 0.25).all() and (distance == 0).all()
