# SPDX-License-Identifier: GPL-3.0-or-later
"""ckpt_215000.pth's layout with weights made by a rule: read whole, and everything else refused by name."""

import os
from pathlib import Path

import pytest
import torch
from torch import Tensor

from backend.interface.catalog import WeightsError
from backend.reconstruction.sparse_neus.model import SparseNeuS, Widths
from backend.weights.loaders.sparse_neus import load_published_sparse_neus
from tests.support.checkpoints import SPARSE_NEUS, sparse_neus_checkpoint

BIAS = ("sdf_network_lod0", "sdf_layer.lin0.bias")


def save(content: object, folder: Path) -> Path:
    torch.save(content, folder / "any name")
    return folder / "any name"


def test_every_tensor_is_loaded(tmp_path):
    content = sparse_neus_checkpoint()
    model = load_published_sparse_neus(save(content, tmp_path))
    assert (model.resolution, model.rig, model.training) == (96, "published", False)
    state = model.state_dict()
    assert len(state) == sum(len(spec) for spec in SPARSE_NEUS.values())
    for network in SPARSE_NEUS:
        for name, value in content[network].items():
            torch.testing.assert_close(
                state[f"{network}.{name}"].float(), value.to(state[f"{network}.{name}"].dtype).float()
            )
    (tmp_path / "any name").unlink()  # nothing is left mapped
    assert torch.isfinite(state["variance_network_lod0.variance"])


def test_older_files_without_counters_and_other_widths_are_read(tmp_path):
    widths = Widths(4, 6, (8, 10, 12, 14), 32, 4)
    networks: dict[str, dict[str, Tensor]] = {network: {} for network in SPARSE_NEUS}
    for name, value in SparseNeuS(8, widths).state_dict().items():
        network, _, rest = name.partition(".")
        if not rest.endswith("num_batches_tracked"):
            networks[network][rest] = value
    model = load_published_sparse_neus(save(sparse_neus_checkpoint(networks), tmp_path), 8)
    torch.testing.assert_close(
        model.sdf_network_lod0.sdf_layer.lin1.weight_v, networks["sdf_network_lod0"]["sdf_layer.lin1.weight_v"]
    )
    assert model.rendering_network_lod0.base_fc[0].weight.shape == (64, 8 + 3 * (3 + 28))  # pyright: ignore


def damaged(kind: str) -> object:
    content = sparse_neus_checkpoint()
    network, name = BIAS
    if kind == "missing":
        del content[network][name]
    elif kind == "extra":
        content[network]["sdf_layer.lin3.bias"] = torch.zeros(1)
    elif kind == "shape":
        content[network][name] = torch.zeros(5)
    elif kind == "nan":
        content[network][name][3] = float("nan")
    elif kind == "no tensor":
        content[network][name] = "text"
    elif kind == "network":
        del content["rendering_network_lod0"]
    elif kind == "finer level":
        content["sdf_network_lod1"] = {"a": torch.zeros(1)}
    elif kind == "Zero123":
        return {"state_dict": {"model.diffusion_model.time_embed.0.weight": torch.zeros(2)}, "global_step": 1}
    elif kind == "list":
        return [1, 2]
    return content


NAMES = {
    "missing": "lin0.bias is missing",
    "extra": "lin3.bias is unknown",
    "shape": r"lin0.bias is \[5\], not \[128\]",
    "nan": "lin0.bias holds values that are not numbers",
    "no tensor": "lin0.bias is not a tensor",
    "network": "rendering_network_lod0 is missing",
    "finer level": "sdf_network_lod1 is unknown",
    "Zero123": "pyramid_feature_network is missing; sdf_network_lod0 is missing",
    "list": "list",
}


@pytest.mark.parametrize("kind", NAMES)
def test_a_file_of_another_model_is_refused_with_the_differences(kind, tmp_path):
    path = save(damaged(kind), tmp_path)
    with pytest.raises(WeightsError, match=NAMES[kind]) as caught:
        load_published_sparse_neus(path)
    assert str(path) in str(caught.value) and "one2345-sparseneus" in caught.value.remedy


def test_only_the_first_three_differences_are_named(tmp_path):
    content = sparse_neus_checkpoint()
    names = [name for name in sorted(content["pyramid_feature_network"]) if "tracked" not in name][:5]
    for name in names:
        del content["pyramid_feature_network"][name]
    with pytest.raises(WeightsError) as caught:
        load_published_sparse_neus(save(content, tmp_path))
    assert [name in str(caught.value) for name in names] == [True] * 3 + [False] * 2
    assert "and 2 more" in str(caught.value)


class Intruder:
    def __reduce__(self):
        return os.mkdir, ("intruded",)


def test_code_in_a_file_never_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = save(sparse_neus_checkpoint() | {"optimizer": Intruder()}, tmp_path)
    with pytest.raises(WeightsError, match="run a program"):
        load_published_sparse_neus(path)
    assert not (tmp_path / "intruded").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x02}q\x00.", b"no weights at all" * 99])
def test_files_that_are_no_weights_are_refused(content, tmp_path):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(WeightsError):
        load_published_sparse_neus(tmp_path / "file")


def test_truncated_and_missing_files_and_folders_are_refused(tmp_path):
    path = save(sparse_neus_checkpoint(), tmp_path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(WeightsError, match="damaged"):
        load_published_sparse_neus(path)
    with pytest.raises(WeightsError, match="not there"):
        load_published_sparse_neus(tmp_path / "nothing")
    with pytest.raises(WeightsError, match="not a file"):
        load_published_sparse_neus(tmp_path)
