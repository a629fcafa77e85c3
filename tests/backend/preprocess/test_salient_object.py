# SPDX-License-Identifier: GPL-3.0-or-later
"""IS-Net and U^2-Net against rembg 2.0.86 itself.

tests/data/salient_object.npz holds a network in their format (one random convolution, two outputs, of which the first
counts), a picture, and what rembg's `remove(picture, only_mask=True)` makes of it with that file as either network.
"""

from pathlib import Path

import numpy as np
import pytest

from backend.interface.catalog import WeightsError
from backend.preprocess import salient_object
from backend.preprocess.background import remove_background
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
    matte = salient_object.matte(*found, STORED["picture"])
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


def test_a_network_on_disk_cuts_the_image_out(home: Path):
    put(home / "u2net.onnx")
    opaque = np.dstack([STORED["picture"] / 255, np.ones(STORED["picture"].shape[:2])]).astype(np.float32)
    cut = remove_background(opaque)
    assert cut.method == "rembg"
    np.testing.assert_allclose(cut.image[..., 3] * 255, STORED["u2net"], atol=1)


def test_a_damaged_file_is_named(home: Path):
    (home / "u2net.onnx").write_bytes(b"no network")
    found = salient_object.find()
    assert found
    with pytest.raises(WeightsError, match=r"u2net\.onnx cannot be used") as caught:
        salient_object.matte(*found, STORED["picture"])
    assert "Delete the file" in caught.value.remedy
