# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of every mode, many written by hand. Expected values are what was put in."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from backend.preprocess.image import read_image
from backend.preprocess.image_files.pixel_formats import BRIGHT_WORDS, FOURTH_WORDS, GUESSED
from tests.support.color_profiles import png_chunk, with_chunks

SIZE = WIDTH, HEIGHT = 40, 24
ROWS = slice(0, 12)  # the upper half, which holds the first of two values


def save(picture: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def tiff(order: str, upper: bytes, lower: bytes, photometric: int, bits: list[int], kind: int = 1, extra: int = -1):
    """A TIFF file in one strip: the upper half of one pixel's bytes, the lower half of another's."""
    pixels = upper * (WIDTH * HEIGHT // 2) + lower * (WIDTH * HEIGHT // 2)
    tags = [(256, WIDTH), (257, HEIGHT), (259, 1), (262, photometric), (273, 8), (277, len(bits)), (278, HEIGHT)]
    tags += [(279, len(pixels)), *([(338, extra)] if extra >= 0 else [])]
    start = 8 + len(pixels)
    after = start + 2 + 12 * (len(tags) + 2) + 4
    entries = [struct.pack(order + "HHII", number, 4, 1, value) for number, value in tags]
    for number, values in ((258, bits), (339, [kind] * len(bits))):
        packed = struct.pack(f"{order}{len(values)}H", *values)
        place = packed.ljust(4, b"\0") if len(packed) <= 4 else struct.pack(order + "I", after)
        after += 0 if len(packed) <= 4 else len(packed)
        entries.append(struct.pack(order + "HHI", number, 3, len(values)) + place)
    entries.sort(key=lambda entry: struct.unpack(order + "H", entry[:2]))
    longer = b"".join(struct.pack(f"{order}{len(v)}H", *v) for v in (bits, [kind] * len(bits)) if len(v) > 2)
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, start)
    return head + pixels + struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4) + longer


def grey_tiff(order: str, code: str, upper: float, lower: float, photometric: int = 1, kind: int = 1) -> bytes:
    one, other = struct.pack(order + code, upper), struct.pack(order + code, lower)
    return tiff(order, one, other, photometric, [8 * len(one)], kind)


GREY = {  # the shares of white that the two halves have
    "8 bits": (grey_tiff("<", "B", 51, 204), 0.2, 0.8),
    "8 bits, white is zero": (grey_tiff("<", "B", 51, 204, photometric=0), 0.8, 0.2),
    "16 bits": (grey_tiff("<", "H", 13107, 52428), 0.2, 0.8),
    "16 bits, big end first": (grey_tiff(">", "H", 13107, 52428), 0.2, 0.8),
    "16 bits, white is zero": (grey_tiff("<", "H", 13107, 52428, photometric=0), 0.8, 0.2),
    "16 bits with a sign": (grey_tiff("<", "h", 6553, 32767, kind=2), 0.2, 1.0),
    "32 bits": (grey_tiff("<", "I", 858993459, 3435973836), 0.2, 0.8),
    "32 bits with a sign": (grey_tiff(">", "i", 429496729, 1717986918, kind=2), 0.2, 0.8),
    "16 bits in 32": (grey_tiff("<", "I", 13107, 65535), 0.2, 1.0),
    "float": (grey_tiff("<", "f", 0.2, 0.8, kind=3), 0.2, 0.8),
    "float, big end first": (grey_tiff(">", "f", 0.2, 0.8, kind=3), 0.2, 0.8),
    "float, white is zero": (grey_tiff("<", "f", 0.2, 0.8, photometric=0, kind=3), 0.8, 0.2),
    "float above white": (grey_tiff("<", "f", 0.2, 3.5, kind=3), 0.2, 1.0),
    "float to 255": (grey_tiff("<", "f", 51, 255, kind=3), 0.2, 1.0),
    "float to 65535": (grey_tiff("<", "f", 13107, 65535, kind=3), 0.2, 1.0),
    "float without numbers": (grey_tiff("<", "f", 0.2, float("nan"), kind=3), 0.2, 0.0),
    "float without end": (grey_tiff("<", "f", 0.2, float("inf"), kind=3), 0.2, 1.0),
    "png of 16 bits": (
        save(Image.fromarray(np.repeat(np.uint16([13107, 52428]), 480).reshape(24, 40)), "PNG"),
        0.2,
        0.8,
    ),
    "pgm of 16 bits": (b"P5 40 24 65535 " + struct.pack(">H", 13107) * 480 + struct.pack(">H", 52428) * 480, 0.2, 0.8),
    "pgm of 10 bits": (b"P5 40 24 1000 " + struct.pack(">H", 200) * 480 + struct.pack(">H", 800) * 480, 0.2, 0.8),
    "portable float": (b"Pf\n40 24\n-1.0\n" + struct.pack("<f", 0.8) * 480 + struct.pack("<f", 0.2) * 480, 0.2, 0.8),
}


@pytest.mark.parametrize("name", GREY)
def test_grey_of_every_depth(name: str):
    data, upper, lower = GREY[name]
    pixels = read_image(data)
    np.testing.assert_allclose(pixels[ROWS, :, :3], upper, atol=0.003)
    np.testing.assert_allclose(pixels[12:, :, :3], lower, atol=0.003)
    assert (pixels[..., 3] == 1).all()


def test_a_range_that_is_guessed_is_said():
    warnings: list[str] = []
    read_image(GREY["float to 255"][0], warnings=warnings)
    read_image(GREY["16 bits in 32"][0], warnings=warnings)
    read_image(GREY["float above white"][0], warnings=warnings)
    assert warnings == [GUESSED.format(255, 255), GUESSED.format(65535, 65535), BRIGHT_WORDS]
    silent: list[str] = []
    for name in ("8 bits", "16 bits", "float", "png of 16 bits", "pgm of 16 bits"):
        read_image(GREY[name][0], warnings=silent)
    assert not silent


def grey_png(depth: int, hidden: int, upper: int, lower: int) -> bytes:
    """A grey PNG file of 1 to 16 bits with a transparent value."""
    rows = b""
    for row in range(HEIGHT):
        value = upper if row < 12 else lower
        bits = "".join(format(value, f"0{depth}b") for _ in range(WIDTH))
        rows += b"\0" + int(bits, 2).to_bytes(len(bits) // 8, "big")
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"tRNS", struct.pack(">H", hidden)), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_a_transparent_grey_counts_in_the_depth_of_the_file(depth: int):
    most = 2**depth - 1
    pixels = read_image(grey_png(depth, 1, 1, 0 if depth == 1 else most))
    assert (pixels[ROWS, :, 3] == 0).all() and (pixels[12:, :, 3] == 1).all()
    np.testing.assert_allclose(pixels[12:, :, :3], 0 if depth == 1 else 1)


def halves(mode: str, upper, lower) -> Image.Image:
    picture = Image.new(mode, SIZE, lower)
    picture.paste(upper, (0, 0, WIDTH, 12))
    return picture


def test_a_transparent_color():
    picture = halves("RGB", (10, 20, 30), (200, 90, 60))
    for kind, data in {
        "8 bits": save(picture, "PNG", transparency=(10, 20, 30)),
        "16 bits": rgb16_png((10 * 257, 20 * 257, 30 * 257), (200 * 257, 90 * 257, 60 * 257)),
    }.items():
        pixels = read_image(data)
        assert (pixels[ROWS, :, 3] == 0).all() and (pixels[12:, :, 3] == 1).all(), kind
        np.testing.assert_allclose(pixels[12:, :, :3] * 255, np.broadcast_to((200, 90, 60), (12, 40, 3)), atol=0.6)


def rgb16_png(upper: tuple[int, ...], lower: tuple[int, ...]) -> bytes:
    rows = (b"\0" + struct.pack(">3H", *upper) * WIDTH) * 12 + (b"\0" + struct.pack(">3H", *lower) * WIDTH) * 12
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 16, 2, 0, 0, 0)
    hidden = struct.pack(">3H", *upper)
    chunks = ((b"IHDR", header), (b"tRNS", hidden), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def test_palettes_with_many_transparencies():
    picture = halves("P", 0, 1)
    picture.putpalette([10, 20, 30, 200, 90, 60])
    pixels = read_image(save(picture, "PNG", transparency=bytes([99, 201])))
    np.testing.assert_allclose(pixels[0, 0] * 255, (10, 20, 30, 99), atol=0.1)
    np.testing.assert_allclose(pixels[-1, 0] * 255, (200, 90, 60, 201), atol=0.1)


COLORS = {
    "grey with associated alpha": (
        tiff("<", bytes([50, 100]), bytes([20, 200]), 1, [8, 8], extra=1),
        (128, 128, 128, 100),
    ),
    "grey with alpha": (tiff("<", bytes([50, 100]), bytes([20, 200]), 1, [8, 8], extra=2), (50, 50, 50, 100)),
    "associated alpha": (tiff("<", bytes([50, 25, 10, 100]), bytes(4), 2, [8] * 4, extra=1), (128, 64, 26, 100)),
    "alpha": (tiff("<", bytes([50, 25, 10, 100]), bytes(4), 2, [8] * 4, extra=2), (50, 25, 10, 100)),
    "16-bit colors": (tiff("<", struct.pack("<3H", 51400, 23130, 15420), bytes(6), 2, [16] * 3), (200, 90, 60, 255)),
    "16-bit colors, big end first": (
        tiff(">", struct.pack(">3H", 51400, 23130, 15420), bytes(6), 2, [16] * 3),
        (200, 90, 60, 255),
    ),
    "16-bit inks": (tiff("<", struct.pack("<4H", 0, 65535, 65535, 0), bytes(8), 5, [16] * 4), (255, 0, 0, 255)),
    "inks": (tiff("<", bytes([0, 255, 255, 0]), bytes(4), 5, [8] * 4), (255, 0, 0, 255)),
    "hidden inks": (save(halves("CMYK", (0, 255, 255, 0), (0, 0, 0, 0)), "JPEG", quality=98), (255, 0, 0, 255)),
    "photoshop's way of inks": (
        save(halves("CMYK", (0, 255, 255, 0), (0, 0, 0, 0)), "TIFF", compression="tiff_lzw"),
        (255, 0, 0, 255),
    ),
    "luma and chroma": (save(halves("YCbCr", (149, 43, 21), (0, 128, 128)), "TIFF"), (0, 255, 0, 255)),
}


@pytest.mark.parametrize("name", COLORS)
def test_colors_of_every_kind(name: str):
    data, wanted = COLORS[name]
    np.testing.assert_allclose(read_image(data)[3, 3] * 255, wanted, atol=2.1)


def bmp(upper: bytes, lower: bytes, top_down: bool = False) -> bytes:
    """A BMP file of 32 bits whose header knows of no alpha."""
    first, last = (upper, lower) if top_down else (lower, upper)
    pixels = first * 480 + last * 480
    height = -HEIGHT if top_down else HEIGHT
    header = struct.pack("<IiiHHIIiiII", 40, WIDTH, height, 1, 32, 0, len(pixels), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(pixels), 0, 0, 54) + header + pixels


def tga(upper: bytes, lower: bytes) -> bytes:
    """A TGA file of 32 bits with 0 bits of alpha, as its header says; the first row is the upper one."""
    return struct.pack("<BBBHHBHHHHBB", 0, 0, 2, 0, 0, 0, 0, 0, WIDTH, HEIGHT, 32, 0x20) + upper * 480 + lower * 480


def icon(upper: bytes, lower: bytes) -> bytes:
    """An icon of 32 bits with an empty mask."""
    header = struct.pack("<IiiHHIIiiII", 40, 32, 64, 1, 32, 0, 0, 0, 0, 0, 0)
    picture = header + lower * 512 + upper * 512 + bytes(32 * 4)
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 32, 32, 0, 0, 1, 32, len(picture), 22) + picture


@pytest.mark.parametrize("make", [bmp, lambda a, b: bmp(a, b, True), tga, icon], ids=["bmp", "top down", "tga", "ico"])
def test_alpha_that_the_header_does_not_declare(make):
    """Four bytes are blue, green, red and something."""
    pixels = read_image(make(bytes([60, 90, 200, 255]), bytes([0, 0, 0, 0])))
    np.testing.assert_allclose(pixels[2, 2] * 255, (200, 90, 60, 255), atol=0.1)
    assert pixels[-3, 2, 3] == 0
    pixels = read_image(make(bytes([60, 90, 200, 0]), bytes([10, 20, 30, 0])))  # nobody wrote one
    np.testing.assert_allclose(pixels[2, 2] * 255, (200, 90, 60, 255), atol=0.1)
    np.testing.assert_allclose(pixels[-3, 2] * 255, (30, 20, 10, 255), atol=0.1)


def test_a_fourth_channel_without_a_meaning_is_transparency_and_that_is_said():
    warnings: list[str] = []
    data = tiff("<", bytes([200, 90, 60, 255]), bytes([200, 90, 60, 0]), 2, [8] * 4, extra=0)
    pixels = read_image(data, warnings=warnings)
    assert (pixels[ROWS, :, 3] == 1).all() and (pixels[12:, :, 3] == 0).all() and warnings == [FOURTH_WORDS]


def test_chunks_do_not_disturb_a_transparent_color():
    data = with_chunks(
        save(halves("RGB", (10, 20, 30), (200, 90, 60)), "PNG", transparency=(10, 20, 30)),
        (b"gAMA", struct.pack(">I", 100_000)),
    )
    pixels = read_image(data)
    assert (pixels[ROWS, :, 3] == 0).all()
    np.testing.assert_allclose(pixels[-1, 0, :3] * 255, (229, 160, 133), atol=0.6)
