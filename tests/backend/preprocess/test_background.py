# SPDX-License-Identifier: GPL-3.0-or-later
"""Cut-outs of drawn shapes whose true alpha is known, before many backgrounds."""

import io
import socket

import numpy as np
import pytest
from PIL import Image

from backend.interface.errors import ImageError
from backend.preprocess import background
from backend.preprocess.background import remove_background

SIZE = 160


def shape(kind: str) -> np.ndarray:
    """True alpha (SIZE, SIZE) with anti-aliased edges, from 8 x 8 samples a pixel."""
    y, x = ((np.mgrid[: SIZE * 8, : SIZE * 8] + 0.5) / (SIZE * 8)) * 2 - 1
    inside = {
        "disc": x**2 + y**2 < 0.6**2,
        "bar": (np.abs(x) < 0.08) & (np.abs(y) < 0.7) | (np.abs(y - 0.1) < 0.3) & (np.abs(x) < 0.4),
        "cut by the border": (x + 0.2) ** 2 + (y - 0.7) ** 2 < 0.5**2,
        "two pieces": ((x + 0.4) ** 2 + y**2 < 0.3**2) | ((x - 0.5) ** 2 + y**2 < 0.2**2),
    }[kind]
    return inside.reshape(SIZE, 8, SIZE, 8).mean((1, 3))


def backdrop(kind: str) -> np.ndarray:
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE
    noise = np.random.default_rng(0).normal(0, 0.012, (SIZE, SIZE, 3))
    return {
        "white": np.ones((SIZE, SIZE, 3)),
        "grey": np.full((SIZE, SIZE, 3), 0.35),
        "noisy": np.clip(0.5 + noise, 0, 1),
        "gradient": np.stack([0.5 + 0.4 * x, 0.8 - 0.3 * y, 0.9 - 0.2 * x * y], -1),
        "vignette": (0.9 - 0.5 * ((x - 0.5) ** 2 + (y - 0.5) ** 2))[..., None] * np.ones(3) + 0.3 * noise,
    }[kind]


def paint(alpha: np.ndarray, behind: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An object of two colours before a background: the opaque picture (H, W, 4) and the object's colour (H, W, 3)."""
    color = np.empty((SIZE, SIZE, 3))
    color[: SIZE // 2], color[SIZE // 2 :] = (0.75, 0.1, 0.05), (0.1, 0.15, 0.55)
    mixed = color * alpha[..., None] + behind * (1 - alpha[..., None])
    return np.dstack([mixed, np.ones((SIZE, SIZE))]).astype(np.float32), color


@pytest.fixture(autouse=True)
def without_rembg(monkeypatch, tmp_path):
    for name in ("U2NET_HOME", "REMBG_HOME", "IMAGE_TO_MESH_WEIGHTS"):
        monkeypatch.setenv(name, str(tmp_path))  # no model lies there


@pytest.mark.parametrize("behind", ["white", "grey", "noisy", "gradient", "vignette"])
@pytest.mark.parametrize("kind", ["disc", "bar", "cut by the border", "two pieces"])
def test_the_border_colour_method_recovers_alpha(kind, behind):
    alpha = shape(kind)
    image, color = paint(alpha, backdrop(behind))
    cut = remove_background(image)
    assert cut.method == "border" and cut.image.dtype == np.float32
    found = cut.image[..., 3]
    both, either = ((alpha > 0.5) & (found > 0.5)).sum(), ((alpha > 0.5) | (found > 0.5)).sum()
    assert both / either > 0.99
    assert np.abs(found - alpha).mean() < 0.003
    edge = (alpha > 0.2) & (alpha < 0.8)
    assert np.abs(found - alpha)[edge].mean() < 0.12  # anti-aliased, not a staircase (which would be about 0.25)
    seen = found > 0.3  # nothing of the background is left in the colours, but where the object's two colours meet
    seen[SIZE // 2 - 2 : SIZE // 2 + 2] = False
    assert np.abs(cut.image[..., :3] - color).max(-1)[seen].mean() < 0.01


def test_a_hole_shows_the_background_but_a_similar_colour_stays():
    image, _ = paint(shape("disc"), backdrop("grey"))
    image[60:75, 70:90, :3] = 0.35  # as between the legs of a stool
    image[90:105, 70:90, :3] = (0.35, 0.375, 0.35)  # a label, a little greener than the grey
    alpha = remove_background(image).image[..., 3]
    assert (alpha[62:73, 72:88] == 0).all() and (alpha[92:103, 72:88] == 1).all()


@pytest.mark.parametrize("behind", ["white", "grey", "gradient"])
def test_a_jpeg_is_cut_out_too(behind):
    alpha = shape("two pieces")
    image, _ = paint(alpha, backdrop(behind))
    stream = io.BytesIO()
    Image.fromarray((image[..., :3] * 255).astype(np.uint8)).save(stream, "JPEG", quality=80)
    image[..., :3] = np.asarray(Image.open(stream), np.float32) / 255
    found = remove_background(image).image[..., 3]
    both, either = ((alpha > 0.5) & (found > 0.5)).sum(), ((alpha > 0.5) | (found > 0.5)).sum()
    assert both / either > 0.97


def test_specks_are_dropped():
    image, _ = paint(shape("disc"), backdrop("white"))
    image[4:6, 4:6, :3] = 0
    assert (remove_background(image).image[:10, :10, 3] == 0).all()


def test_existing_transparency_is_kept():
    image, _ = paint(np.ones((SIZE, SIZE)), backdrop("white"))
    image[..., 3] = shape("two pieces")
    cut = remove_background(image)
    assert cut.method == "alpha" and "Transparency" in cut.note
    np.testing.assert_array_equal(cut.image, image)


def test_a_few_transparent_pixels_are_not_a_cutout():
    image, _ = paint(shape("disc"), backdrop("grey"))
    image[0, :10, 3] = 0
    cut = remove_background(image)
    assert cut.method == "border"
    assert (cut.image[..., 3] > 0.5).mean() == pytest.approx(np.pi * 0.3**2, rel=0.02)


def test_always_ignores_transparency_that_shows_the_background_too():
    image, _ = paint(shape("disc"), backdrop("grey"))
    image[:, :40, 3] = 0  # someone cropped with an eraser
    assert remove_background(image).method == "alpha"
    cut = remove_background(image, "always")
    assert cut.method == "border" and (cut.image[..., 3][:, :40] == 0).all()


def test_never_returns_the_image_unchanged():
    image, _ = paint(shape("disc"), backdrop("grey"))
    cut = remove_background(image, "never")
    assert cut.method == "none"
    np.testing.assert_array_equal(cut.image, image)


def test_large_pictures_are_reduced():
    hard = (shape("disc") > 0.5).astype(float)
    small, _ = paint(hard, backdrop("gradient"))
    cut = remove_background(np.kron(small, np.ones((12, 12, 1), np.float32)))  # 1920 pixels
    assert cut.image.shape == (960, 960, 4)
    np.testing.assert_array_equal(cut.image[3::6, 3::6, 3] > 0.5, hard > 0.5)


@pytest.mark.parametrize("behind", ["white", "noisy", "gradient"])
def test_an_empty_picture_is_refused_with_a_remedy(behind):
    image, _ = paint(np.zeros((SIZE, SIZE)), backdrop(behind))
    with pytest.raises(ImageError, match="No object stands out") as error:
        remove_background(image)
    assert "plain background" in error.value.remedy


@pytest.mark.parametrize("mode", ["auto", "always", "never"])
def test_a_transparent_picture_is_refused(mode):
    with pytest.raises(ImageError, match="transparent"):
        remove_background(np.zeros((32, 32, 4), np.float32), mode)


def test_a_busy_background_is_noted():
    rng = np.random.default_rng(0)
    behind = np.kron(rng.random((10, 10, 3)), np.ones((16, 16, 1)))
    image, _ = paint(shape("disc"), behind)
    assert "not plain" in remove_background(image).note
    image, _ = paint(shape("disc"), backdrop("noisy"))
    assert "not plain" not in remove_background(image).note


def test_rembg_is_used_when_it_is_there_and_never_downloads(monkeypatch):
    image, _ = paint(shape("disc"), backdrop("grey"))

    def refuse(*_):
        raise AssertionError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert remove_background(image).method == "border"  # no model on disk
    matte = shape("bar").astype(np.float32)
    monkeypatch.setattr(background, "rembg_alpha", lambda color: matte)
    cut = remove_background(image)
    assert cut.method == "rembg" and "rembg" in cut.note
    np.testing.assert_array_equal(cut.image[..., 3], matte)
