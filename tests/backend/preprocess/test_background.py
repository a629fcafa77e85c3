# SPDX-License-Identifier: GPL-3.0-or-later
"""Cut-outs of drawn shapes whose true alpha is known, before many backgrounds."""

import io
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

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
    image[..., 3][image[..., 3] < 8 / 255] = 0  # which nobody sees
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
    cut = remove_background(np.kron(small, np.ones((16, 16, 1), np.float32)))  # 2560 pixels
    assert cut.image.shape == (1280, 1280, 4)
    np.testing.assert_array_equal(cut.image[4::8, 4::8, 3] > 0.5, hard > 0.5)


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


def found_by_network(monkeypatch: pytest.MonkeyPatch, matte: np.ndarray) -> None:
    """Let a network be installed that gives this opacity."""
    network = background.salient_object.NETWORKS[0]
    monkeypatch.setattr(background.salient_object, "find", lambda: (network, Path("network")))
    monkeypatch.setattr(background.salient_object, "is_damaged", lambda network, path: False)
    monkeypatch.setattr(background.salient_object, "matte", lambda network, path, color: matte.astype(np.float32))


def test_nothing_is_downloaded(monkeypatch):
    image, _ = paint(shape("disc"), backdrop("grey"))

    def refuse(*_):
        raise AssertionError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert remove_background(image).method == "border"  # no model on disk


def test_a_network_decides_where_the_background_is_not_plain(monkeypatch):
    """Its coarse outline, here half a pixel to two pixels off, becomes the true one."""
    alpha = shape("disc")
    rng = np.random.default_rng(3)
    behind = ndimage.gaussian_filter(rng.random((SIZE, SIZE, 3)), (3, 3, 0)) * 2 - 0.5
    image, color = paint(alpha, np.clip(behind, 0, 1))
    found_by_network(monkeypatch, ndimage.shift(ndimage.gaussian_filter(alpha, 2), (1, 1)))
    cut = remove_background(image)
    assert cut.method == "rembg" and "network" in cut.note and "not plain" in cut.note
    found, edge = cut.image[..., 3], (alpha > 0.05) & (alpha < 0.95)
    coarse = ndimage.shift(ndimage.gaussian_filter(alpha, 2), (1, 1))
    assert np.abs(found - alpha)[edge].mean() < 0.5 * np.abs(coarse - alpha)[edge].mean()
    seen = found > 0.3
    seen[SIZE // 2 - 3 : SIZE // 2 + 3] = False
    assert np.abs(cut.image[..., :3] - color).max(-1)[seen].mean() < 0.01


def test_a_gap_before_a_plain_background_is_open_though_the_network_is_too_coarse_for_it(monkeypatch):
    alpha = shape("disc")
    alpha[60:100, 78:82] = 0
    image, _ = paint(alpha, backdrop("grey"))
    found_by_network(monkeypatch, shape("disc"))
    found = remove_background(image).image[..., 3]
    assert found[64:96, 79:81].max() < 0.1 and found[64:96, 70:74].min() > 0.9


def test_a_shadow_on_a_plain_floor_is_no_part_of_the_object(monkeypatch):
    alpha = shape("disc")
    y, x = np.mgrid[:SIZE, :SIZE]
    shadow = 0.5 * np.exp(-(((x - 110) / 30) ** 2) - ((y - 125) / 10) ** 2)
    image, _ = paint(alpha, backdrop("white") * (1 - shadow[..., None]))
    assert np.abs(remove_background(image).image[..., 3] - alpha).mean() < 0.005
    found_by_network(monkeypatch, alpha)
    found = remove_background(image).image[..., 3]
    assert np.abs(found - alpha).mean() < 0.005


@pytest.mark.parametrize("behind", ["noisy", "busy"])
def test_a_picture_in_which_the_network_sees_no_object(monkeypatch, behind):
    """Before a plain background the colour finds it all the same; else one clear sentence."""
    busy = np.kron(np.random.default_rng(0).random((10, 10, 3)), np.ones((16, 16, 1)))
    image, _ = paint(shape("disc"), busy if behind == "busy" else backdrop(behind))
    found_by_network(monkeypatch, np.zeros((SIZE, SIZE)))
    if behind == "noisy":
        assert remove_background(image).method == "border"
        return
    with pytest.raises(ImageError, match="No object stands out") as error:
        remove_background(image)
    assert error.value.remedy


def test_a_damaged_network_is_named_and_the_colour_still_works(monkeypatch):
    image, _ = paint(shape("disc"), backdrop("grey"))
    found_by_network(monkeypatch, np.zeros((SIZE, SIZE)))
    monkeypatch.setattr(background.salient_object, "is_damaged", lambda network, path: True)
    cut = remove_background(image)
    assert cut.method == "border" and "damaged" in cut.note and "Repair Backend" in cut.note
    assert (cut.image[..., 3] > 0.5).mean() == pytest.approx(np.pi * 0.3**2, rel=0.02)
