# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of every kind that is read, and pixels as Blender sends them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image, ImageCms

from addon.base import exif
from backend.interface.errors import ImageError
from backend.preprocess.image import FORMATS, WORKING_SIDE, read_array, read_image
from tests.fuzzing.archives import mutate_npz
from tests.fuzzing.format import Files, Format
from tests.fuzzing.mutations import mutate_bytes

SIZE = (20, 18)  # the smallest that are accepted have 16 pixels a side
MEMORY = 3 << 29  # bytes; MAX_PIXELS take a gigabyte as float32
SEEN = 8 / 255  # alpha
Fields = list[tuple[int, int]]


def save(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)  # pyright: ignore[reportArgumentType]
    return stream.getvalue()


def painted(mode: str) -> Image.Image:
    """A picture with some of every channel's values."""
    ramp = np.arange(SIZE[0] * SIZE[1] * 4, dtype=np.uint8).reshape(SIZE[1], SIZE[0], 4)
    image = Image.fromarray(ramp)
    if mode in ("I;16", "F"):
        values = ramp[..., 0].astype(np.uint16 if mode == "I;16" else np.float32)
        return Image.fromarray(values * 257 if mode == "I;16" else values / 255)
    return image.convert("RGB").convert(mode) if mode in ("P", "CMYK", "1") else image.convert(mode)


@cache
def profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@cache
def tags() -> bytes:
    made = Image.Exif()
    made[0x0112], made[0x010F] = 6, "maker"
    return made.tobytes()


def animated(kind: str, mode: str = "RGB") -> bytes:
    more = [painted(mode).rotate(180)] * 2
    return save(painted(mode), kind, save_all=True, append_images=more)


@cache
def seeds(kind: str) -> list[bytes]:
    """Sound files of a kind, small and different."""
    tagged = {"icc_profile": profile(), "exif": tags()}
    modes = {
        "PNG": ("RGB", "RGBA", "L", "LA", "P", "1", "I;16"),
        "JPEG": ("RGB", "L", "CMYK"),
        "WEBP": ("RGB", "RGBA"),
        "TIFF": ("RGB", "RGBA", "L", "P", "1", "I;16", "F", "CMYK", "LAB"),
        "BMP": ("RGB", "RGBA", "L", "P", "1"),
        "TGA": ("RGB", "RGBA", "L", "LA", "P"),
        "GIF": ("P", "L"),
        "PPM": ("RGB", "L", "1", "F"),
        "JPEG2000": ("RGB", "RGBA", "L", "I;16"),
        "AVIF": ("RGB", "RGBA"),
        "ICO": ("RGBA", "RGB"),
        "SGI": ("RGB", "RGBA", "L"),
        "PCX": ("RGB", "L", "P", "1"),
    }
    sizes = {"sizes": [SIZE]} if kind == "ICO" else {}
    found = [save(painted(mode), kind, **sizes) for mode in modes[kind]]
    if kind in ("PNG", "JPEG", "WEBP", "TIFF", "AVIF"):
        found.append(save(painted("RGB"), kind, **tagged))
    if kind in ("PNG", "WEBP", "TIFF", "GIF"):
        found.append(animated(kind))
    if kind == "PNG":
        found.append(save(painted("P"), kind, transparency=bytes(range(200))))
    if kind == "JPEG":
        found.append(save(painted("RGB"), kind, progressive=True, subsampling=0))
    if kind == "TIFF":
        found += [
            save(painted("RGB"), kind, compression=name) for name in ("tiff_lzw", "tiff_deflate", "jpeg", "packbits")
        ]
        found.append(save(painted("1"), kind, compression="group4"))
    if kind == "TGA":
        found.append(save(painted("RGBA"), kind, compression="tga_rle"))
    return found


def png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    chunks, at = [], 8
    while at + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return chunks


def mutate_png(rng: Random, data: bytes) -> bytes:
    """Changes inside chunks, whose checksums are made right again: readers do not look into the others."""
    chunks = png_chunks(data)
    at = rng.randrange(len(chunks))
    name, content = chunks[at]
    change = rng.randrange(6)
    if change == 0:
        chunks.insert(rng.randrange(len(chunks)), chunks[at])
    elif change == 1:
        del chunks[at]
    elif change == 2:
        extra = rng.choice(
            (b"iCCP", b"gAMA", b"cICP", b"sRGB", b"tRNS", b"eXIf", b"PLTE", b"acTL", b"fcTL", b"zTXt", b"cHRM")
        )
        chunks.insert(1 + rng.randrange(len(chunks)), (extra, rng.randbytes(rng.choice((0, 1, 4, 8, 26, 32)))))
    elif change == 3 and name in (b"IDAT", b"iCCP", b"zTXt"):
        chunks[at] = name, zlib.compress(bytes(rng.choice((10, 10**5, 10**7))))
    elif content:
        fields = [(0, 4), (4, 4), (8, 1), (9, 1), (12, 1)] if name == b"IHDR" else []
        chunks[at] = name, mutate_bytes(rng, content, fields)
    made = [struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in chunks]
    return data[:8] + b"".join(made)


def mutate_webp(rng: Random, data: bytes) -> bytes:
    """Changes after which the size in the header is right again."""
    data = mutate_bytes(rng, data, [(16, 4), (20, 4), (24, 3), (27, 3)])
    return data[:4] + struct.pack("<I", max(0, len(data) - 8)) + data[8:] if len(data) > 12 else data


def jpeg_fields(data: bytes) -> Fields:
    """Height and width, and the lengths of all segments."""
    found = [(at + 5, 2) for at in range(len(data) - 9) if data[at] == 0xFF and data[at + 1] in (0xC0, 0xC2)]
    found += [(at + 2, 2) for at, _ in found]
    return found + [(at + 2, 2) for at in range(len(data) - 4) if data[at] == 0xFF and 0xC0 <= data[at + 1] < 0xFF]


def tiff_fields(data: bytes) -> Fields:
    """Type, count and value of every entry in the first directory."""
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start) if start + 2 <= len(data) else (0,)
    entries = range(start + 2, start + 2 + 12 * count, 12)
    return [(at + offset, size) for at in entries for offset, size in ((0, 2), (2, 2), (4, 4), (8, 4))]


def fields_of(kind: str, data: bytes) -> Fields:
    """Numbers in the header."""
    known: dict[str, Callable[[bytes], Fields]] = {
        "JPEG": jpeg_fields,
        "TIFF": tiff_fields,
        "BMP": lambda data: [(2, 4), (10, 4), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2), (30, 4), (34, 4), (46, 4)],
        "TGA": lambda data: [(0, 1), (1, 1), (2, 1), (3, 2), (5, 2), (7, 1), (12, 2), (14, 2), (16, 1), (17, 1)],
        "GIF": lambda data: [(6, 2), (8, 2), (10, 1), (11, 1)],
        "JPEG2000": lambda data: [(48, 4), (52, 4), (56, 2), (58, 1)],
    }
    return known[kind](data) if kind in known else []


def make(kind: str, rng: Random) -> Files:
    data = rng.choice(seeds(kind))
    if kind == "PNG" and rng.random() < 0.7:
        return {"a": mutate_png(rng, data)}
    if kind == "WEBP":
        return {"a": mutate_webp(rng, data)}
    other = rng.choice(seeds("JPEG" if kind == "PNG" else "PNG")) if rng.random() < 0.1 else b""
    return {"a": mutate_bytes(rng, data, fields_of(kind, data), other)}


def check_pixels(pixels: np.ndarray) -> None:
    assert pixels.dtype == np.float32 and pixels.ndim == 3 and pixels.shape[2] == 4
    assert 1 <= min(pixels.shape[:2]) and max(pixels.shape[:2]) <= WORKING_SIDE
    assert np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1
    assert pixels[..., 3].max() >= SEEN


def read(folder: Path) -> None:
    check_pixels(read_image(folder / "a"))


def make_array(rng: Random) -> Files:
    stream = io.BytesIO()
    pixels = np.linspace(0, 1, SIZE[0] * SIZE[1] * 4, dtype=np.float32).reshape(SIZE[1], SIZE[0], 4)
    np.savez(stream, image=rng.choice((pixels, (pixels * 255).astype(np.uint8), pixels.astype(np.float64))))
    return {"a": mutate_npz(rng, stream.getvalue())}


def read_pixels(folder: Path) -> None:
    check_pixels(read_array((folder / "a").read_bytes()))


def make_tagged(rng: Random) -> Files:
    """A file with EXIF."""
    data = rng.choice([seed for kind in ("PNG", "JPEG", "WEBP", "TIFF") for seed in seeds(kind)[-6:]])
    return {"a": mutate_bytes(rng, data, [(at, 2) for at, _ in exif.places(data)])}


def read_orientation(folder: Path) -> None:
    data = (folder / "a").read_bytes()
    stored = exif.as_stored(data)
    assert 1 <= exif.orientation(data) <= 8 and exif.orientation(stored) == 1 and len(stored) == len(data)


Image.init()
KINDS = [kind for kind in FORMATS if kind in Image.SAVE]
PICTURES = (
    *(Format(k.lower(), partial(make, k), read, (ImageError,), memory=MEMORY) for k in KINDS),
    Format("orientation in Blender", make_tagged, read_orientation, ()),
    Format("pixels", make_array, read_pixels, (ImageError,), memory=MEMORY),
)
