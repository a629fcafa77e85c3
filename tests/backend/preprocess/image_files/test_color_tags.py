# SPDX-License-Identifier: GPL-3.0-or-later
"""One color in files that state a color space in every place where one can stand.

Expected colors were worked out from primaries and curves, apart from the product.
"""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from backend.interface.errors import ImageError
from backend.preprocess.image import read_image
from backend.preprocess.image_files.color_tags import CLIPPED_WORDS, IGNORED_WORDS
from tests.support.color_profiles import ADOBE, P3, SRGB, grey_profile, rgb_profile, table_profile, with_chunks

SIZE = (40, 24)
RAW = (200, 90, 60)  # the numbers in the file
IN_ADOBE, IN_P3, IN_LINEAR = (228, 90, 56), (217, 80, 45), (229, 160, 133)  # in sRGB, if they are in these spaces
LINEAR_GREY = 188  # 128 of 255 in linear light
ADOBE_PROFILE = rgb_profile(ADOBE, 563 / 256)


def save(picture: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def seen(data: bytes) -> tuple[np.ndarray, list[str]]:
    """The color in the middle, 0..255, and the warnings."""
    warnings: list[str] = []
    return read_image(data, warnings=warnings)[12, 20] * 255, warnings


def palette() -> Image.Image:
    picture = Image.new("P", SIZE, 1)
    picture.putpalette([0, 0, 0, *RAW])
    return picture


def bmp() -> bytes:
    """A BITMAPV5HEADER with an embedded profile after the pixels."""
    pixels = bytes(RAW[::-1]) * (SIZE[0] * SIZE[1])
    header = struct.pack("<IiiHHIIiiII", 124, *SIZE, 1, 24, 0, len(pixels), 0, 0, 0, 0) + bytes(16) + b"DEBM"
    header += bytes(48) + struct.pack("<IIII", 4, 124 + len(pixels), len(ADOBE_PROFILE), 0)
    size = 14 + len(header) + len(pixels) + len(ADOBE_PROFILE)
    return b"BM" + struct.pack("<IHHI", size, 0, 0, 14 + len(header)) + header + pixels + ADOBE_PROFILE


def jpeg_2000() -> bytes:
    """The enumerated color space in the header gives way to a profile."""
    data = save(Image.new("RGB", SIZE, RAW), "JPEG2000", irreversible=False)
    at, header = data.find(b"colr") - 4, data.find(b"jp2h") - 4
    length, whole = struct.unpack(">I", data[at : at + 4])[0], struct.unpack(">I", data[header : header + 4])[0]
    box = b"colr\2\0\0" + ADOBE_PROFILE
    box = struct.pack(">I", len(box) + 4) + box
    grown = struct.pack(">I", whole + len(box) - length)
    return data[:header] + grown + data[header + 4 : at] + box + data[at + length :]


def gif() -> bytes:
    data = save(palette(), "GIF")
    blocks = [ADOBE_PROFILE[i : i + 255] for i in range(0, len(ADOBE_PROFILE), 255)]
    extension = b"\x21\xff\x0bICCRGBG1012" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"
    at = data.find(b"\x2c", 13 + 3 * 2 ** ((data[10] & 7) + 1))
    return data[:at] + extension + data[at:]


COLORS = {
    "png": (save(Image.new("RGB", SIZE, RAW), "PNG", icc_profile=ADOBE_PROFILE), IN_ADOBE),
    "png with alpha": (save(Image.new("RGBA", SIZE, (*RAW, 200)), "PNG", icc_profile=ADOBE_PROFILE), IN_ADOBE),
    "png palette": (save(palette(), "PNG", icc_profile=ADOBE_PROFILE), IN_ADOBE),
    "transparent palette": (save(palette(), "PNG", icc_profile=ADOBE_PROFILE, transparency=0), IN_ADOBE),
    "display p3": (save(Image.new("RGB", SIZE, RAW), "PNG", icc_profile=rgb_profile(P3, 2.2)), IN_P3),
    "linear": (save(palette(), "PNG", icc_profile=rgb_profile(SRGB, 1.0)), IN_LINEAR),
    "tiff": (save(Image.new("RGB", SIZE, RAW), "TIFF", icc_profile=ADOBE_PROFILE), IN_ADOBE),
    "tiff palette": (save(palette(), "TIFF", icc_profile=ADOBE_PROFILE), IN_ADOBE),
    "jpeg": (save(Image.new("RGB", SIZE, RAW), "JPEG", quality=98, icc_profile=ADOBE_PROFILE), IN_ADOBE),
    "jpeg of several segments": (
        save(Image.new("RGB", SIZE, RAW), "JPEG", quality=98, icc_profile=rgb_profile(ADOBE, 563 / 256, 150_000)),
        IN_ADOBE,
    ),
    "webp": (save(Image.new("RGB", SIZE, RAW), "WEBP", lossless=True, icc_profile=ADOBE_PROFILE), IN_ADOBE),
    "bmp": (bmp(), IN_ADOBE),
    "gif": (gif(), IN_ADOBE),
    "jpeg 2000": (jpeg_2000(), IN_ADOBE),
    "grey in a color profile": (
        save(Image.new("L", SIZE, 128), "PNG", icc_profile=rgb_profile(ADOBE, 1.0)),
        (LINEAR_GREY,) * 3,
    ),
    "grey": (save(Image.new("L", SIZE, 128), "PNG", icc_profile=grey_profile(1.0)), (LINEAR_GREY,) * 3),
    "grey and alpha": (save(Image.new("LA", SIZE, (128, 99)), "PNG", icc_profile=grey_profile(1.0)), (188,) * 3),
    "one bit": (save(Image.new("1", SIZE, 1), "PNG", icc_profile=grey_profile(1.0)), (255,) * 3),
    "16-bit grey": (
        save(Image.fromarray(np.full(SIZE[::-1], 32896, np.uint16)), "PNG", icc_profile=grey_profile(1.0)),
        (LINEAR_GREY,) * 3,
    ),
    "through lab": (  # L* 53.585 is the lightness of a grey of 128
        save(
            Image.new("RGB", SIZE, (255, 0, 0)),
            "TIFF",
            icc_profile=table_profile(b"RGB ", {(1, 0, 0): 53.585, (1, 1, 1): 100}),
        ),
        (128,) * 3,
    ),
    "cmyk": (
        save(
            Image.new("CMYK", SIZE, (0, 255, 0, 0)),
            "TIFF",
            icc_profile=table_profile(b"CMYK", {(0, 1, 0, 0): 53.585, (0, 0, 0, 0): 100}),
        ),
        (128,) * 3,
    ),
}


@pytest.mark.parametrize("name", COLORS)
def test_a_profile_counts_in_every_mode_and_kind_of_file(name: str):
    data, wanted = COLORS[name]
    color, warnings = seen(data)
    np.testing.assert_allclose(color[:3], wanted, atol=2.6)
    assert not warnings


def test_transparency_stays_beside_a_profile():
    assert seen(COLORS["png with alpha"][0])[0][3] == pytest.approx(200)
    assert seen(COLORS["grey and alpha"][0])[0][3] == pytest.approx(99)


@pytest.mark.parametrize(
    "profile", [b"nonsense", ADOBE_PROFILE[:150], grey_profile(1.0)], ids=["nonsense", "cut off", "of grey"]
)
def test_a_profile_that_cannot_be_used_is_ignored_and_said(profile: bytes):
    color, warnings = seen(save(Image.new("RGB", SIZE, RAW), "PNG", icc_profile=profile))
    np.testing.assert_allclose(color[:3], RAW, atol=0.1)
    assert warnings == [IGNORED_WORDS]


PNG = save(Image.new("RGB", SIZE, RAW), "PNG")
GAMMA_1 = b"gAMA", struct.pack(">I", 100_000)
GAMMA_22 = b"gAMA", struct.pack(">I", 45_455)
ADOBE_CHROMA = b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)
SRGB_CHROMA = b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
CHUNKS = {
    "gAMA 1.0": ([GAMMA_1], IN_LINEAR),
    "gAMA of sRGB": ([GAMMA_22], RAW),
    "cHRM": ([ADOBE_CHROMA, GAMMA_22], IN_ADOBE),
    "cHRM of sRGB": ([SRGB_CHROMA, GAMMA_22], RAW),
    "gAMA 1.0 and cHRM": ([SRGB_CHROMA, GAMMA_1], IN_LINEAR),
    "sRGB before gAMA": ([(b"sRGB", b"\0"), GAMMA_1], RAW),
    "cICP of sRGB before gAMA": ([(b"cICP", bytes([1, 13, 0, 1])), GAMMA_1], RAW),
    "cICP, linear": ([(b"cICP", bytes([1, 8, 0, 1]))], IN_LINEAR),
    "cICP, Display P3": ([(b"cICP", bytes([12, 13, 0, 1]))], (216, 81, 49)),
    "cICP before sRGB": ([(b"cICP", bytes([12, 13, 0, 1])), (b"sRGB", b"\0")], (216, 81, 49)),
    "cHRM of nothing": ([(b"cHRM", bytes(32))], RAW),
    "gAMA of nothing": ([(b"gAMA", bytes(4))], RAW),
}


@pytest.mark.parametrize("name", CHUNKS)
def test_png_chunks_count_in_the_order_of_the_standard(name: str):
    chunks, wanted = CHUNKS[name]
    color, warnings = seen(with_chunks(PNG, *chunks))
    np.testing.assert_allclose(color[:3], wanted, atol=1.6)
    assert not warnings


def test_a_profile_comes_before_gamma_and_after_cicp():
    np.testing.assert_allclose(seen(with_chunks(COLORS["png"][0], GAMMA_1))[0][:3], IN_ADOBE, atol=1.6)
    both = with_chunks(COLORS["png"][0], (b"cICP", bytes([1, 13, 0, 1])))
    np.testing.assert_allclose(seen(both)[0][:3], RAW, atol=0.1)


def test_a_narrow_range_is_stretched():
    """16 is black and 235 white: 126 lies at 110 / 219 of the way."""
    data = with_chunks(save(Image.new("L", SIZE, 126), "PNG"), (b"cICP", bytes([1, 13, 0, 0])))
    np.testing.assert_allclose(seen(data)[0][:3], 255 * 110 / 219, atol=1)


@pytest.mark.parametrize(
    ("code", "value", "wanted"), [(16, 150, 255), (16, 111, 132.8), (18, 193, 255), (18, 128, 137.5)]
)
def test_a_high_dynamic_range_is_read_with_203_candela_as_white(code: int, value: int, wanted: float):
    """PQ's 111 of 255 is 47.4 cd/m^2, HLG's 128 is 51.2 on a screen of 1000: about a quarter of white."""
    color, warnings = seen(with_chunks(save(Image.new("L", SIZE, value), "PNG"), (b"cICP", bytes([9, code, 0, 1]))))
    np.testing.assert_allclose(color[:3], wanted, atol=0.6)
    assert warnings == [CLIPPED_WORDS]


@pytest.mark.parametrize("codes", [(1, 9, 0, 1), (3, 13, 0, 1), (1, 13, 1, 1)])
def test_color_spaces_that_are_not_known_are_refused_by_their_numbers(codes: tuple[int, ...]):
    with pytest.raises(ImageError, match=f"cICP {codes[0]}, {codes[1]}"):
        read_image(with_chunks(PNG, (b"cICP", bytes(codes))))


def test_a_camera_states_adobe_rgb():
    for space, index, wanted in ((2, None, IN_ADOBE), (0xFFFF, "R03", IN_ADOBE), (1, "R98", RAW), (0xFFFF, "", RAW)):
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0xA001] = space
        if index is not None:
            exif.get_ifd(0x8769)[0xA005] = {1: index}
        data = save(Image.new("RGB", SIZE, RAW), "JPEG", quality=98, exif=exif)
        np.testing.assert_allclose(seen(data)[0][:3], wanted, atol=2.6, err_msg=f"{space} {index}")


def test_a_profile_comes_before_what_a_camera_states():
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = 2
    picture = Image.new("RGB", SIZE, RAW)
    data = save(picture, "JPEG", quality=98, exif=exif, icc_profile=rgb_profile(SRGB, 1.0))
    np.testing.assert_allclose(seen(data)[0][:3], IN_LINEAR, atol=2.6)


def test_lab_becomes_srgb():
    """L* 53.585, a* = b* = 0 is a grey of 128; Pillow holds L* in 0..255."""
    picture = Image.merge("LAB", [Image.new("L", SIZE, 137), Image.new("L", SIZE, 128), Image.new("L", SIZE, 128)])
    np.testing.assert_allclose(seen(save(picture, "TIFF"))[0][:3], 128, atol=1.5)
