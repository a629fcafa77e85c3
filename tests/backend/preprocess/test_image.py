# SPDX-License-Identifier: GPL-3.0-or-later
"""A zoo of images, made here. Expected colours are what was put in, not what the reader says."""

import io
import os
import stat
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw

from backend.interface.errors import ImageError
from backend.preprocess import image as reader
from backend.preprocess.image import encode_png, read_array, read_image

SIZE = (40, 24)  # width, height
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def save(picture: Image.Image, ending: str, **options) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, ending, **options)
    return stream.getvalue()


def png(width: int, height: int, depth: int, kind: int, rows: bytes) -> bytes:
    """A PNG file written by hand; kind 0 grey, 2 RGB, 6 RGBA."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def uniform(value: bytes, depth: int, kind: int) -> bytes:
    return png(*SIZE, depth, kind, (b"\0" + value * SIZE[0]) * SIZE[1])


def corners() -> Image.Image:
    """Red above left, green above right, blue below left, white below right."""
    picture = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 19, 11), RED)
    draw.rectangle((20, 0, 39, 11), GREEN)
    draw.rectangle((0, 12, 19, 23), BLUE)
    return picture


def animated(ending: str) -> bytes:
    return save(Image.new("RGB", SIZE, RED), ending, save_all=True, append_images=[Image.new("RGB", SIZE, BLUE)])


def palette() -> bytes:
    picture = Image.new("P", SIZE, 1)
    picture.putpalette([0, 0, 0, 10, 200, 30])
    return save(picture, "PNG")


def half_palette() -> bytes:
    """The left half is the palette's transparent entry."""
    picture = Image.new("P", SIZE, 1)
    picture.putpalette([0, 0, 0, 10, 200, 30])
    picture.paste(0, (0, 0, 20, 24))
    return save(picture, "PNG", transparency=0)


ZOO = {
    "rgb": (save(Image.new("RGB", SIZE, (10, 200, 30)), "PNG"), (10, 200, 30, 255), 0.5),
    "rgba": (save(Image.new("RGBA", SIZE, (10, 200, 30, 99)), "PNG"), (10, 200, 30, 99), 0.5),
    "grey": (save(Image.new("L", SIZE, 77), "PNG"), (77, 77, 77, 255), 0.5),
    "grey and alpha": (save(Image.new("LA", SIZE, (77, 128)), "PNG"), (77, 77, 77, 128), 0.5),
    "one bit": (save(Image.new("1", SIZE, 1), "PNG"), (255, 255, 255, 255), 0.5),
    "16-bit grey": (uniform(struct.pack(">H", 32768), 16, 0), (127.5, 127.5, 127.5, 255), 0.1),
    "16-bit rgb": (uniform(struct.pack(">HHH", 65535, 32896, 0), 16, 2), (255, 128, 0, 255), 0.6),
    "16-bit rgba": (uniform(struct.pack(">HHHH", 65535, 32896, 0, 32896), 16, 6), (255, 128, 0, 128), 0.6),
    "float tiff": (save(Image.new("F", SIZE, 0.25), "TIFF"), (63.75, 63.75, 63.75, 255), 0.1),
    "palette": (palette(), (10, 200, 30, 255), 0.5),
    "cmyk jpeg": (save(Image.new("CMYK", SIZE, (0, 255, 255, 0)), "JPEG"), (255, 0, 0, 255), 3),
    "cmyk tiff": (save(Image.new("CMYK", SIZE, (255, 0, 0, 0)), "TIFF"), (0, 255, 255, 255), 0.5),
    "jpeg": (save(Image.new("RGB", SIZE, (10, 200, 30)), "JPEG", quality=95), (10, 200, 30, 255), 3),
    "webp": (save(Image.new("RGBA", SIZE, (10, 200, 30, 99)), "WEBP", lossless=True), (10, 200, 30, 99), 0.5),
    "bmp": (save(Image.new("RGB", SIZE, (10, 200, 30)), "BMP"), (10, 200, 30, 255), 0.5),
    "animated gif": (animated("GIF"), (255, 0, 0, 255), 0.5),
    "animated png": (animated("PNG"), (255, 0, 0, 255), 0.5),
    "animated webp": (animated("WEBP"), (255, 0, 0, 255), 3),
    "several pages": (animated("TIFF"), (255, 0, 0, 255), 0.5),
    "broken profile": (save(Image.new("RGB", SIZE, (1, 2, 3)), "PNG", icc_profile=b"nonsense"), (1, 2, 3, 255), 0.5),
}


@pytest.mark.parametrize("name", ZOO)
def test_every_kind_of_image_file_is_read(name: str, tmp_path: Path):
    data, colour, tolerance = ZOO[name]
    path = tmp_path / "größe picture"  # the ending does not matter, and neither do its letters
    path.write_bytes(data)
    path.chmod(stat.S_IRUSR)
    before = path.stat()
    pixels = read_image(path)
    assert pixels.shape == (24, 40, 4)
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(pixels, np.broadcast_to(np.array(colour) / 255, pixels.shape), atol=tolerance / 255)
    assert path.read_bytes() == data
    assert (path.stat().st_mtime_ns, path.stat().st_mode) == (before.st_mtime_ns, before.st_mode)


def test_transparent_palette_entry():
    pixels = read_image(half_palette())
    assert (pixels[:, :20, 3] == 0).all()
    np.testing.assert_allclose(pixels[:, 20:] * 255, np.broadcast_to((10, 200, 30, 255), (24, 20, 4)), atol=0.1)


# Which corner (above left, above right, below left, below right) of what the camera stored is seen where.
SEEN = {1: "RGBW", 2: "GRWB", 3: "WBGR", 4: "BWRG", 5: "RBGW", 6: "BRWG", 7: "WGBR", 8: "GWRB"}


@pytest.mark.parametrize("orientation", SEEN)
def test_exif_orientation_is_applied(orientation: int):
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = read_image(save(corners(), "PNG", exif=exif))
    assert pixels.shape[:2] == ((24, 40) if orientation <= 4 else (40, 24))
    names = {(1, 0, 0): "R", (0, 1, 0): "G", (0, 0, 1): "B", (1, 1, 1): "W"}
    seen = [pixels[0, 0], pixels[0, -1], pixels[-1, 0], pixels[-1, -1]]
    assert "".join(names[tuple(np.rint(corner[:3]).astype(int))] for corner in seen) == SEEN[orientation]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_pixels_with_a_camera_stay_as_they_are_stored(kind: str):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = save(corners(), kind, exif=exif)
    assert read_image(data).shape[:2] == (40, 24)
    stored = read_image(data, upright=False)
    assert stored.shape[:2] == (24, 40)
    np.testing.assert_allclose(stored[2, 2, :3], (1, 0, 0), atol=0.05)
    np.testing.assert_allclose(stored[2, -3, :3], (0, 1, 0), atol=0.05)


@pytest.mark.parametrize("haze", [1, 7])
def test_what_nobody_sees_is_nothing(haze: int):
    """As background removers leave it: a veil over all, and single pixels."""
    pixels = np.full((24, 40, 4), (200, 90, 60, haze), np.uint8)
    pixels[8:16, 10:30, 3] = 255
    pixels[20, 38, 3] = 8
    alpha = read_image(save(Image.fromarray(pixels), "PNG"))[..., 3]
    assert np.count_nonzero(alpha) == 8 * 20 + 1 and alpha[20, 38] > 0


def test_several_frames_are_said():
    for data, count in ((animated("GIF"), 1), (animated("TIFF"), 1), (FULL, 0)):
        warnings: list[str] = []
        read_image(data, warnings=warnings)
        assert len(warnings) == count and all("first" in text for text in warnings)


def test_broken_exif_is_ignored():
    pixels = read_image(save(corners(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff", quality=95))
    assert pixels.shape == (24, 40, 4)


def test_colour_profile_is_applied():
    """In this profile the primaries for red and green have changed places: red must come out green."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = {bytes(profile[i : i + 4]): i for i in range(132, 132 + 12 * struct.unpack(">I", profile[128:132])[0], 12)}
    red, green = tags[b"rXYZ"] + 4, tags[b"gXYZ"] + 4
    profile[red : red + 8], profile[green : green + 8] = profile[green : green + 8], profile[red : red + 8]
    for mode, colour in (("RGB", RED), ("RGBA", (*RED, 128))):
        pixels = read_image(save(Image.new(mode, SIZE, colour), "PNG", icc_profile=bytes(profile)))
        np.testing.assert_allclose(pixels[0, 0, :3], (0, 1, 0), atol=0.03)
        assert pixels[0, 0, 3] == pytest.approx(1 if mode == "RGB" else 128 / 255)


def test_large_pictures_are_averaged_down():
    """Black and white lines become grey; the colour of transparent pixels does not leak into the visible ones."""
    wide = np.zeros((2100, 4096, 4), np.uint8)
    wide[..., 3] = 255
    wide[:, ::2, :3] = 255
    pixels = read_image(save(Image.fromarray(wide), "PNG", compress_level=1))
    assert pixels.shape == (1050, 2048, 4)
    np.testing.assert_allclose(pixels[..., :3], 0.5, atol=0.01)
    wide[...] = (*GREEN, 0)
    wide[:, ::2] = (*RED, 255)
    for pixels in (read_image(save(Image.fromarray(wide), "PNG", compress_level=1)), read_array(npz(wide))):
        np.testing.assert_allclose(pixels[..., 0], 1, atol=0.01)
        np.testing.assert_allclose(pixels[..., 1], 0, atol=0.01)
        np.testing.assert_allclose(pixels[..., 3], 0.5, atol=0.01)


def icon(picture: bytes) -> bytes:
    """An icon of 32 x 32 pixels, as it says, with a PNG file in it."""
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 32, 32, 0, 0, 1, 32, len(picture), 22) + picture


def bitmap(width: int, height: int, pixels: bytes) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 32, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(pixels), 0, 0, 54) + header + pixels


def doubles() -> bytes:
    data = save(Image.new("F", SIZE, 0.5), "TIFF")
    return data.replace(struct.pack("<HHII", 258, 3, 1, 32), struct.pack("<HHII", 258, 3, 1, 64))


FULL = save(Image.effect_noise(SIZE, 50).convert("RGB"), "PNG")
REFUSED = {
    "empty": (b"", "empty"),
    "text": (b"This is a text that somebody renamed to .png.\n", "not an image"),
    "truncated png": (FULL[: len(FULL) // 2], "damaged or incomplete"),
    "truncated jpeg": (save(Image.effect_noise((300, 300), 50).convert("RGB"), "JPEG")[:5000], "damaged or incomplete"),
    "header only": (FULL[:20], "image"),
    "1 x 1": (save(Image.new("RGB", (1, 1)), "PNG"), "too small (1 x 1)"),
    "too narrow": (save(Image.new("RGB", (1000, 20)), "PNG"), "too narrow"),
    "fully transparent": (save(Image.new("RGBA", SIZE, (200, 0, 0, 0)), "PNG"), "fully transparent"),
    "100 megapixels": (save(Image.new("1", (10000, 10000)), "PNG"), "100 megapixels"),
    "a bomb": (png(60000, 60000, 8, 2, b""), "too large"),
    "a bomb in an icon": (icon(png(60000, 60000, 8, 2, b"")), "too large"),
    "a bitmap that states 60000 x 60000": (bitmap(60000, 60000, b""), "too large"),
    "heic": (b"\0\0\0\x18ftypheic" + bytes(40), "HEIC"),
    "openexr": (b"\x76\x2f\x31\x01" + bytes(40), "OpenEXR"),
    "a tiff of doubles": (doubles(), "TIFF of this kind"),
    "a preview in a raw file": (save(Image.new("RGB", SIZE), "TIFF", tiffinfo={254: 1}), "preview"),
    "postscript, which would start Ghostscript": (save(Image.new("RGB", SIZE), "EPS"), "not an image"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_files_are_refused_with_a_remedy(name: str, tmp_path: Path):
    data, words = REFUSED[name]
    path = tmp_path / "picture.png"
    path.write_bytes(data)
    with pytest.raises(ImageError) as caught:
        read_image(path)
    assert words in str(caught.value)
    assert caught.value.remedy and str(caught.value).count(".") <= 2
    assert path.read_bytes() == data


def test_too_many_pixels_are_refused_before_decoding(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reader, "decode", lambda image: pytest.fail("it was decoded"))
    for width, height in ((10000, 10000), (8001, 8000)):
        with pytest.raises(ImageError, match="limit is 64 megapixels"):
            read_image(png(width, height, 8, 2, b""))


def test_paths_that_are_no_file_are_refused(tmp_path: Path):
    with pytest.raises(ImageError, match="no image at"):
        read_image(tmp_path / "missing.png")
    with pytest.raises(ImageError, match="not a file"):
        read_image(tmp_path)
    with pytest.raises(ImageError):
        read_image(str(tmp_path / "a\0b"))
    with pytest.raises(ImageError):
        read_image(tmp_path / ("x" * 5000))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_does_not_hang(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageError, match="not a file"):
        read_image(tmp_path / "pipe.png")


def test_a_huge_file_is_not_read(tmp_path: Path):
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.truncate(reader.MAX_FILE_BYTES + 1)
    with pytest.raises(ImageError, match="larger than 512 MB"):
        read_image(path)


def npz(array: np.ndarray, name: str = "image") -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **{name: array})  # pyright: ignore[reportArgumentType]
    return stream.getvalue()


def seen_of(image: np.ndarray, least: float = 8 / 255) -> np.ndarray:
    """The image (H, W, 4) without alphas that nobody sees."""
    return np.dstack([image[..., :3], np.where(image[..., 3] < least, 0, image[..., 3])])


def test_arrays_from_blender_are_converted():
    image = np.random.default_rng(0).random((20, 30, 4), np.float32)
    np.testing.assert_array_equal(read_array(npz(image)), seen_of(image))
    wild = image.copy()
    wild[0, 0] = (np.nan, np.inf, -1, 2)
    np.testing.assert_array_equal(read_array(npz(wild))[0, 0], (0, 1, 0, 1))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04 not a zip",
        npz(np.ones((20, 30, 3), np.float32)),
        npz(np.ones((20, 30, 4), np.complex64)),
        npz(np.ones((20, 30, 4), np.float32), "picture"),
        npz(np.ones((2, 2, 4), np.float32)),
        npz(np.zeros((20, 30, 4), np.float32)),
        npz(np.array([{"a": 1}], object)),
        npz(np.zeros((9000, 9000, 4), np.uint8)),
        npz(np.ones((20, 30, 4), np.float32))[:100],
    ],
    ids=["empty", "garbage", "rgb", "complex", "name", "small", "transparent", "pickle", "large", "cut off"],
)
def test_malformed_arrays_are_refused(data: bytes):
    with pytest.raises(ImageError):
        read_array(data)


@given(
    st.sampled_from(sorted(ZOO)),
    st.lists(st.tuples(st.integers(min_value=0), st.integers(0, 255)), max_size=5),
    st.integers(0, 400),
)
def test_damaged_files_are_read_or_refused(name: str, changes: list[tuple[int, int]], cut: int):
    data = bytearray(ZOO[name][0])
    for place, value in changes:
        data[place % len(data)] = value
    try:
        pixels = read_image(bytes(data[: len(data) - cut]))
    except ImageError:
        return
    assert pixels.shape[2] == 4
    assert np.isfinite(pixels).all()
    assert 0 <= pixels.min() <= pixels.max() <= 1


def test_a_written_png_reads_back_unchanged():
    image = np.random.default_rng(1).integers(0, 256, (17, 19, 4)).astype(np.uint8)
    image[0, 0, 3] = 255
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(encode_png(image)))), image)
    back = read_image(encode_png(image.astype(np.float32) / 255)) * 255
    np.testing.assert_allclose(back, seen_of(image, 8), atol=1e-4)
