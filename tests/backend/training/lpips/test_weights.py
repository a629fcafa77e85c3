# SPDX-License-Identifier: GPL-3.0-or-later
"""The weights of LPIPS: what a pickle may hold, and how they are kept."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from backend.interface.catalog import WeightsError
from backend.interface.installer import package_files
from backend.training.lpips.weights import fetch, folder, is_there, load, read_pickle, to_state
from tests.support.lpips_trees import random_tree

NEW, OLD = b"numpy._core.multiarray", b"numpy.core.multiarray"  # where a pickle looks for _reconstruct


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function, *arguments) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An empty folder of weights."""
    monkeypatch.setenv("IMAGE_TO_MESH_WEIGHTS", str(tmp_path / "weights"))
    load.cache_clear()
    yield
    load.cache_clear()


@pytest.mark.parametrize("protocol", [3, 4])
def test_arrays_of_this_numpy_are_read(protocol: int):
    check_arrays(lambda tree: pickle.dumps(tree, protocol))


@pytest.mark.parametrize("address", [NEW, OLD])
def test_arrays_of_old_and_new_numpys_are_read(address: bytes):
    def dump(tree: dict) -> bytes:
        return pickle.dumps(tree, 3).replace(NEW, OLD).replace(OLD, address)

    check_arrays(dump)


def check_arrays(dump):
    tree = {"a": {"kernel": np.arange(6, dtype=np.float32).reshape(1, 2, 3)}, "b": np.array([1.5])}
    found = read_pickle(dump(tree))
    np.testing.assert_array_equal(found["a"]["kernel"], tree["a"]["kernel"])
    np.testing.assert_array_equal(found["b"], tree["b"])


@pytest.mark.parametrize("function", [os.system, eval, getattr, np.load, np.fromfile, open, pickle.loads])
def test_a_pickle_that_names_anything_else_is_refused(function, tmp_path: Path):
    for hostile in (Call(function, "touch " + str(tmp_path / "trace")), {"AlexNet_0": [np.zeros(1), Call(function)]}):
        with pytest.raises(WeightsError, match="must not name"):
            read_pickle(pickle.dumps(hostile, 3))
    hidden = np.array([Call(function, "x")], dtype=object)
    with pytest.raises(WeightsError, match="must not name"):
        read_pickle(pickle.dumps(hidden, 3))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("data", [b"", b"\x80\x03}", b"not a pickle", pickle.dumps({}, 3)[:-1]])
def test_a_broken_pickle_is_refused_in_a_sentence(data: bytes):
    with pytest.raises(WeightsError, match="cannot be read"):
        read_pickle(data)


@pytest.mark.parametrize("change", [lambda tree: tree.pop("NetLinLayer_4"), lambda tree: tree["AlexNet_0"].clear()])
def test_other_arrays_are_refused(change):
    tree = random_tree("alexnet")
    change(tree)
    with pytest.raises(WeightsError, match="not the weights of LPIPS"):
        to_state(tree)


@pytest.mark.usefixtures("kept")
def test_weights_are_fetched_and_unpickled_once(monkeypatch: pytest.MonkeyPatch):
    fetched = []

    def publish(_python, _wanted, target: Path, *_):
        fetched.append(target)
        target.mkdir(parents=True)
        for backbone in ("alexnet", "vgg16"):
            (target / f"{backbone}.ckpt").write_bytes(pickle.dumps(random_tree(backbone), 3))

    monkeypatch.setattr(package_files, "fetch", publish)
    assert not is_there("alexnet")
    fetch()
    fetch()
    assert fetched == [folder()] and {path.suffix for path in folder().iterdir()} == {".safetensors"}
    kernel = random_tree("alexnet")["AlexNet_0"]["Conv_1"]["kernel"]
    state = load("alexnet").state_dict()
    assert state["parts.1.1.0.weight"][7, 3, 0, 4].item() == kernel[0, 4, 3, 7]
    assert load("alexnet") is load("alexnet") and load("vgg16").backbone == "vgg16"
    assert not any(parameter.requires_grad for parameter in load("vgg16").parameters())


@pytest.mark.usefixtures("kept")
def test_missing_and_broken_files_end_in_a_sentence(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(WeightsError, match="missing") as caught:
        load("alexnet")
    assert "train lpips" in caught.value.remedy
    folder().mkdir(parents=True)
    (folder() / "alexnet.safetensors").write_bytes(b"{}")
    with pytest.raises(WeightsError, match="cannot be read"):
        load("alexnet")
