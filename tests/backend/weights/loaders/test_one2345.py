# SPDX-License-Identifier: GPL-3.0-or-later
"""Which weights a name stands for, in what precision they are loaded, and when they go."""

import pytest
import torch

from backend.interface.catalog import WeightsError
from backend.weights.loaders import one2345
from backend.weights.loaders.one2345 import (
    find_weights,
    load_models,
    load_reconstruction,
    make_room,
)
from backend.weights.store import store
from backend.weights.store.store import STARTER

CPU = torch.device("cpu")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("IMAGE_TO_MESH_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path


def test_a_name_is_an_id_or_a_path(folder):
    assert find_weights("starter") == (STARTER, "starter")
    assert find_weights(str(STARTER)) == (STARTER, "starter")  # a folder like it: by its note
    file = folder / "stable-zero123" / "stable_zero123.ckpt"
    file.parent.mkdir()
    file.write_bytes(b"weights")
    with pytest.raises(WeightsError) as caught:  # the file may be half a download: nothing says that it is whole
        find_weights("stable-zero123")
    assert "models download stable-zero123" in caught.value.remedy
    store.write_marker(file.parent, store.sum_files(file.parent, [file.name], lambda *_: None))
    assert find_weights("stable-zero123") == (file, "stable-zero123")
    assert find_weights(str(file)) == (file, None)  # its content will tell
    with pytest.raises(WeightsError, match="did you mean 'stable-zero123'"):
        find_weights("stable-zero124")


def test_without_the_reconstruction_nothing_large_is_loaded(folder):
    with pytest.raises(WeightsError, match="One-2-3-45") as caught:
        load_reconstruction(folder, is_starter=False)
    assert "models download one2345-sparseneus" in caught.value.remedy


def test_models_stay_until_memory_is_short(monkeypatch):
    first = load_models("starter", CPU)
    assert load_models("starter", CPU) is first
    make_room(first, needed=0)
    assert load_models("starter", CPU) is first
    monkeypatch.setattr(one2345, "free_bytes", lambda device: 1000)
    make_room(first, needed=1001)
    assert all(p.is_meta for p in first.zero123.parameters())
    assert not any(p.is_meta for p in first.sparse_neus.parameters())  # the job goes on with it
    assert not any(p.is_meta for p in load_models("starter", CPU).zero123.parameters())
