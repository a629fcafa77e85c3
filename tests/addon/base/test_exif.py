# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
"""EXIF's orientation in files that Pillow wrote, read again by Pillow."""

import io

import numpy as np
import pytest
from image_to_mesh_checkout.addon.base import exif
from PIL import Image, ImageOps

KINDS = ("JPEG", "PNG", "WEBP", "TIFF")


def photo(kind: str, number: int | None) -> bytes:
    stream, tags = io.BytesIO(), Image.Exif()
    tags[0x010F] = "Maker"
    if number is not None:
        tags[0x0112] = number
    Image.fromarray(np.arange(6 * 4 * 3, dtype=np.uint8).reshape(4, 6, 3)).save(stream, kind, exif=tags)
    return stream.getvalue()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", range(1, 9))
def test_a_turned_photo_becomes_one_that_every_program_reads_as_it_is_stored(kind: str, number: int):
    data = photo(kind, number)
    assert exif.orientation(data) == number
    stored = exif.as_stored(data)
    assert exif.orientation(stored) == 1 and len(stored) == len(data)
    with Image.open(io.BytesIO(stored)) as image:
        image.load()
        assert image.getexif().get(0x0112, 1) == 1 and image.size == (6, 4)
        assert image.getexif()[0x010F] == "Maker"


@pytest.mark.parametrize("kind", KINDS)
def test_an_upright_photo_is_left_alone(kind: str):
    data = photo(kind, None)
    assert exif.orientation(data) == 1 and exif.as_stored(data) == data


@pytest.mark.parametrize("number", range(1, 9))
def test_pixels_are_turned_as_pillow_turns_them(number: int):
    with Image.open(io.BytesIO(photo("PNG", number))) as image:
        stored, wanted = np.asarray(image), np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(exif.turn(stored, number), wanted)


@pytest.mark.parametrize("cut", [9, 20, 30, 40, 60])
def test_damaged_exif_is_left_alone(cut: int):
    data = photo("JPEG", 6)[: 20 + cut]
    assert exif.orientation(data) in (1, 6) and len(exif.as_stored(data)) == len(data)
