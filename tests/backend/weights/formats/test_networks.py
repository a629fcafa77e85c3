# SPDX-License-Identifier: GPL-3.0-or-later
"""Stored tensors are compared with a network, measured, and read into it, on a network of two layers."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from backend.interface.catalog import WeightsError
from backend.weights.formats.checkpoint import StoredTensor, read_file
from backend.weights.formats.compare import find_differences, refuse_differences, wanted_shapes
from backend.weights.formats.fill import fill
from backend.weights.formats.names import Origin, swap, third
from backend.weights.formats.probe import Probe

PATH = Path("somewhere/weights.ckpt")
JOINED = torch.arange(18.0).view(9, 2)  # query, key and value of width 3 for 2 inputs
ORIGINS = {
    "query.weight": third("qkv.weight", "q"),
    "value.weight": third("qkv.weight", "v"),
    "out.weight": Origin("proj", lambda shape: shape[::-1], lambda tensor: tensor.T),
    "norm.num_batches_tracked": Origin("bn.num_batches_tracked"),
}


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.query, self.value = nn.Linear(2, 3, bias=False), nn.Linear(2, 3, bias=False)
        self.out = nn.Linear(3, 4, bias=False)
        self.norm = nn.BatchNorm1d(1, affine=False)
        del self.norm.running_mean, self.norm.running_var  # only its counter is left


def stored(**tensors: Tensor) -> dict[str, StoredTensor]:
    return {k.replace("__", "."): StoredTensor(tuple(v.shape), v.dtype, lambda v=v: v) for k, v in tensors.items()}


def test_slices_and_transposes_of_stored_tensors_are_read():
    with torch.device("meta"):
        network = Network()
    file = stored(qkv__weight=JOINED, proj=torch.arange(12.0).view(3, 4))
    assert wanted_shapes(network, ORIGINS) == {"qkv.weight": (9, 2), "proj": (3, 4), "bn.num_batches_tracked": ()}
    assert find_differences(file, wanted_shapes(network, ORIGINS)) == []  # the counter may be missing
    fill(network, file, PATH, "", torch.float16, ORIGINS)
    assert network.query.weight.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert network.value.weight.tolist() == [[12, 13], [14, 15], [16, 17]]
    assert network.out.weight.tolist() == [[0, 4, 8], [1, 5, 9], [2, 6, 10], [3, 7, 11]]
    assert network.out.weight.dtype == torch.float16 and network.out.weight.is_contiguous()
    assert network.norm.num_batches_tracked.dtype == torch.int64 and network.norm.num_batches_tracked == 0
    before = JOINED.clone()
    with torch.no_grad():
        network.query.weight.zero_()
    assert torch.equal(JOINED, before)  # copies: a file may be mapped into memory


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_nan_and_infinity_are_refused(value):
    file = stored(qkv__weight=JOINED, proj=torch.full((3, 4), value))
    with pytest.raises(
        WeightsError, match=r"weights\.ckpt is damaged: proj holds values that are not numbers"
    ) as caught:
        fill(Network(), file, PATH, "Do this.", origins=ORIGINS)
    assert caught.value.remedy == "Do this."


def test_differences_are_named_in_the_order_of_names():
    file = stored(a=torch.ones(2), c=torch.ones(3), unheard=torch.ones(1), step__position_ids=torch.ones(1))
    file |= stored(fine=torch.ones(1), unused=torch.ones(1))
    wanted = {"a": (2, 1), "b": (), "c": (3,), "d.num_batches_tracked": (), "text": (1,), "fine": (1,)}
    found = find_differences(file | {"text": "words"}, wanted, lambda name: name == "unused")
    assert found == ["a is [2], not [2, 1]", "b is missing", "text is not a tensor", "unheard is unknown"]
    assert find_differences(stored(**{"x" * 999: torch.ones(1)}), {}) == ["x" * 200 + " is unknown"]


@pytest.mark.parametrize(
    ("count", "text"),
    [(1, "It: 0."), (3, "It: 0; 1; 2."), (4, "It: 0; 1; 2 and 1 more."), (9, "It: 0; 1; 2 and 6 more.")],
)
def test_three_differences_are_named_and_the_others_counted(count, text):
    with pytest.raises(WeightsError) as caught:
        refuse_differences([str(i) for i in range(count)], "It", "Do this.")
    assert (str(caught.value), caught.value.remedy) == (text, "Do this.")
    refuse_differences([], "It", "")


def test_sizes_are_counted_by_the_networks_own_names():
    file = stored(l0=torch.ones(4, 2), l1=torch.ones(8, 4), l3=torch.ones(1, 1))
    probe = Probe(file, lambda name: Origin(name.replace("layers.", "l")))
    assert probe.count("layers.{}") == [4, 8] and probe.shape("layers.1") == (8, 4)
    assert probe.has("layers.3") and not probe.has("layers.2")
    with pytest.raises(KeyError, match="l2"):
        probe.shape("layers.2")


def test_name_components_are_swapped_once():
    table = {"to_q": "q", "norm": "group_norm"}
    assert swap("attn.to_q.weight", table) == "attn.q.weight"
    assert swap("attn.to_q_bias.norm2", table) == "attn.to_q_bias.norm2"
    assert swap("norm.norm.weight", table) == "group_norm.norm.weight"


def test_tensors_are_read_lazily(tmp_path):
    save_file({"a": torch.arange(3.0), "b": torch.ones(2).bfloat16()}, tmp_path / "a.safetensors")
    file = read_file(tmp_path / "a.safetensors")
    assert {name: (t.shape, t.dtype) for name, t in file.items()} == {
        "a": ((3,), torch.float32),
        "b": ((2,), torch.bfloat16),
    }
    (tmp_path / "a.safetensors").unlink()
    with pytest.raises(FileNotFoundError):
        file["a"].read()


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.int32, torch.int64, torch.bool])
def test_whole_numbers_are_no_weights(dtype, tmp_path):
    """Quantised files hold them with scales beside them, without which they mean nothing."""
    save_file({"a": torch.ones(2, 2).to(dtype), "b": torch.ones(2)}, tmp_path / "a.safetensors")
    torch.save({"a": torch.ones(2, 2).to(dtype), "b": torch.ones(2)}, tmp_path / "a.pth")
    for name in ("a.safetensors", "a.pth"):
        found = find_differences(read_file(tmp_path / name), {"a": (2, 2), "b": (2,)})
        assert found == [f"a is quantised ({str(dtype)[6:]})"]


def test_a_type_that_is_unknown_here_is_no_weight():
    file = {"a": StoredTensor((1,), None, lambda: torch.ones(1))}
    assert find_differences(file, {"a": (1,)}) == ["a is quantised (unknown)"]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16, torch.float8_e4m3fn])
def test_real_numbers_of_any_precision_are_read(dtype, tmp_path):
    values = torch.tensor([[0.5, -2.0], [1.5, 0.25]])  # which all of the types hold exactly
    network = nn.Linear(2, 2, bias=False)
    save_file({"weight": values.to(dtype)}, tmp_path / "a.safetensors")
    file = read_file(tmp_path / "a.safetensors")
    assert find_differences(file, wanted_shapes(network)) == []
    fill(network, file, PATH, "")
    assert network.weight.dtype == torch.float32 and network.weight.tolist() == values.tolist()


def test_numbers_too_large_for_the_precision_are_refused():
    network = nn.Linear(1, 1, bias=False)
    with pytest.raises(WeightsError, match="not numbers"):
        fill(network, stored(weight=torch.full((1, 1), 1e9, dtype=torch.float64)), PATH, "", torch.float16)


def test_a_file_of_which_the_end_was_never_written_is_refused():
    """A download that made room first leaves zeros; a few are no fault."""
    network = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 6))
    whole = stored(**{"0__weight": torch.ones(4, 4), "0__bias": torch.ones(4)})
    rest = {"1__weight": torch.zeros(6, 4), "1__bias": torch.zeros(6)}
    with pytest.raises(WeightsError, match="60% of its numbers are zeros"):  # 24 of 40
        fill(network, whole | stored(**rest), PATH, "Do this.")
    rest["1__weight"][0, 0] = 1e-3
    fill(network, whole | stored(**rest), PATH, "")
    assert network[1].bias.tolist() == [0.0] * 6
