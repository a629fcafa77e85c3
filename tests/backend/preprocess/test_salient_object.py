# SPDX-License-Identifier: GPL-3.0-or-later
"""IS-Net and U^2-Net against rembg 2.0.86 itself.

tests/data/salient_object.npz holds a network in their format (one random convolution, two outputs, of which the first
counts), a picture, and what rembg's `remove(picture, only_mask=True)` makes of it with that file as either network. The
network that Set Up Backend brings is tried on pictures that are drawn here.
"""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from backend.interface.catalog import WeightsError
from backend.interface.errors import ImageError
from backend.preprocess import salient_object
from backend.preprocess.background import remove_background
from backend.preprocess.selection import find_objects, pick
from backend.weights.store import store
from tests.support import DATA

STORED = np.load(DATA / "salient_object.npz")


@pytest.fixture
def home(monkeypatch, tmp_path: Path) -> Path:
    """rembg's folder, empty; and no weights of this machine."""
    for name in ("U2NET_HOME", "REMBG_HOME", "IMAGE_TO_MESH_WEIGHTS"):
        monkeypatch.setenv(name, str(tmp_path / name))
    (tmp_path / "U2NET_HOME").mkdir()
    return tmp_path / "U2NET_HOME"


def put(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(STORED["network"].tobytes())


@pytest.mark.parametrize("name", ["isnet-general-use", "u2net"])
def test_the_matte_equals_rembgs(home: Path, name: str):
    put(home / f"{name}.onnx")
    found = salient_object.find()
    assert found and found[0].name == name
    matte = salient_object.look(*found, STORED["picture"])
    np.testing.assert_allclose(matte * 255, STORED[name.replace("-", "_")], atol=1)  # of 255: rounding


def test_the_best_network_is_used_and_our_download_is_found(home: Path, tmp_path: Path):
    assert salient_object.find() is None
    put(tmp_path / "REMBG_HOME" / "models" / "silueta" / "silueta.onnx")
    put(home / "u2net.onnx")
    assert salient_object.find() == (salient_object.NETWORKS[1], home / "u2net.onnx")
    ours = tmp_path / "IMAGE_TO_MESH_WEIGHTS" / "isnet-general-use.onnx"  # a file of the user's own
    ours.parent.mkdir()
    ours.write_bytes(b"cut off")
    assert salient_object.find() == (salient_object.NETWORKS[1], home / "u2net.onnx")
    downloaded = tmp_path / "IMAGE_TO_MESH_WEIGHTS" / "rembg-isnet"
    put(downloaded / "isnet-general-use.onnx")
    size = (downloaded / "isnet-general-use.onnx").stat().st_size
    (downloaded / "complete.json").write_text(
        f'{{"files": {{"isnet-general-use.onnx": {{"size": {size}, "sha256": ""}}}}}}'
    )
    assert salient_object.find() == (salient_object.NETWORKS[0], downloaded / "isnet-general-use.onnx")


def test_a_damaged_file_is_named(home: Path):
    (home / "u2net.onnx").write_bytes(b"no network")
    found = salient_object.find()
    assert found
    with pytest.raises(WeightsError, match=r"u2net\.onnx cannot be used") as caught:
        salient_object.matte(*found, STORED["picture"])
    assert "Delete the file" in caught.value.remedy


class Looks:
    """A network's looks, one after the other: (opacity, shape of the picture that it was asked about)."""

    def __init__(self, *answers: np.ndarray) -> None:
        self.answers, self.asked = list(answers), []

    def __call__(self, network, path, color) -> np.ndarray:
        self.asked.append(color.shape[:2])
        return self.answers.pop(0).astype(np.float32)


SMALL, LARGE = salient_object.NETWORKS[-1], salient_object.NETWORKS[0]


def square(side: int, low: int, high: int) -> np.ndarray:
    alpha = np.zeros((side, side))
    alpha[low:high, low:high] = 1
    return alpha


def test_a_small_network_looks_again_from_nearer(monkeypatch):
    """The box of 50 pixels has a margin of 2 + round(0.12 * 49) = 8 on each side."""
    second = square(66, 7, 58)
    looks = Looks(square(200, 100, 150), second)
    monkeypatch.setattr(salient_object, "look", looks)
    found = salient_object.matte(SMALL, Path("x"), np.zeros((200, 200, 3), np.uint8))
    assert looks.asked == [(200, 200), (66, 66)]
    expected = np.zeros((200, 200))
    expected[92:158, 92:158] = second
    np.testing.assert_array_equal(found, expected)


def test_a_part_that_the_second_look_loses_is_kept(monkeypatch):
    first = square(200, 100, 150) * 0.9
    monkeypatch.setattr(salient_object, "look", Looks(first, square(66, 8, 30)))
    found = salient_object.matte(SMALL, Path("x"), np.zeros((200, 200, 3), np.uint8))
    assert found[110, 110] == 1 and found[140, 140] == pytest.approx(0.8) and found[95, 95] == 0


@pytest.mark.parametrize(("network", "first"), [(LARGE, square(200, 100, 150)), (SMALL, square(200, 0, 0))])
def test_one_look_is_enough(monkeypatch, network, first):
    """For a network that sees the picture sharply, and where there is nothing to see."""
    looks = Looks(first)
    monkeypatch.setattr(salient_object, "look", looks)
    found = salient_object.matte(network, Path("x"), np.zeros((200, 200, 3), np.uint8))
    np.testing.assert_array_equal(found, first)
    assert len(looks.asked) == 1


def drawn(*shapes: tuple[tuple[int, int, int, int], tuple[int, int, int]], side: int = 400) -> np.ndarray:
    """Shaded ellipses (box, colour) on a blurred, coloured wall, RGBA float32, opaque."""
    rng = np.random.default_rng(1)
    wall = ndimage.gaussian_filter(rng.random((side, side, 3)), (25, 25, 0))
    wall = (wall - wall.min()) / (wall.max() - wall.min()) * 0.5 + 0.3
    picture = Image.fromarray((wall * 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for (left, top, right, bottom), color in shapes:
        for step in range(20):  # lighter towards the upper left
            inner = left + step * 3, top + step * 3, right - step * 5, bottom - step * 5
            if inner[2] > inner[0] and inner[3] > inner[1]:
                draw.ellipse(inner, fill=tuple(min(255, c + 4 * step) for c in color))
    return np.dstack([np.asarray(picture) / 255, np.ones((side, side))]).astype(np.float32)


def overlap(found: np.ndarray, *boxes: tuple[int, int, int, int]) -> float:
    """Intersection over union of an opacity and ellipses."""
    y, x = np.mgrid[: found.shape[0], : found.shape[1]] + 0.5
    true = np.zeros(found.shape, bool)
    for left, top, right, bottom in boxes:
        true |= ((2 * x - left - right) / (right - left)) ** 2 + ((2 * y - top - bottom) / (bottom - top)) ** 2 < 1
    return float(((found > 0.5) & true).sum() / ((found > 0.5) | true).sum())


def test_the_network_of_the_set_up_cuts_an_object_out(cutout_network):
    box = (120, 90, 300, 310)
    cut = remove_background(drawn((box, (150, 40, 30))))
    assert cut.method == "rembg" and overlap(cut.image[..., 3], box) > 0.97


def test_an_object_at_the_border_is_cut_out(cutout_network):
    box = (-60, 120, 190, 420)
    cut = remove_background(drawn((box, (150, 40, 30))))
    assert overlap(cut.image[..., 3], box) > 0.95


def test_five_objects_can_be_chosen_from(cutout_network):
    boxes = [(20, 60, 130, 170), (150, 40, 260, 150), (275, 60, 385, 170), (70, 230, 190, 350), (220, 230, 340, 350)]
    colors = [(170, 40, 30), (30, 120, 40), (40, 50, 160), (150, 120, 20), (120, 30, 130)]
    cut = remove_background(drawn(*zip(boxes, colors, strict=True)))
    objects = find_objects(cut.image[..., 3])
    assert len(objects) == 5 and overlap(cut.image[..., 3], *boxes) > 0.93
    assert overlap(pick(cut, 1)[..., 3], boxes[0]) > 0.9


def test_a_photograph_without_an_object_is_refused(cutout_network):
    with pytest.raises(ImageError, match="No object stands out") as error:
        remove_background(drawn())
    assert error.value.remedy


def test_another_file_in_its_place_is_noticed(cutout_network, monkeypatch, tmp_path):
    size = cutout_network.stat().st_size
    (tmp_path / "u2netp.onnx").write_bytes(bytes(size))  # as long as the true one
    monkeypatch.setattr(store, "in_environment", lambda weights: tmp_path if weights.id == "u2netp" else None)
    assert salient_object.find() == (SMALL, tmp_path / "u2netp.onnx")
    cut = remove_background(drawn(((120, 90, 300, 310), (150, 40, 30))))
    assert cut.method == "border" and "damaged" in cut.note
    (tmp_path / "u2netp.onnx").write_bytes(cutout_network.read_bytes())
    assert remove_background(drawn(((120, 90, 300, 310), (150, 40, 30)))).method == "rembg"
