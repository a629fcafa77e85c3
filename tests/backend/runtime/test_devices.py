# SPDX-License-Identifier: GPL-3.0-or-later
"""The device and the number type that a job computes with."""

import pytest
import torch

from backend.interface.parameters import ParameterError
from backend.runtime.devices import choose_device, choose_dtype


@pytest.mark.parametrize(
    ("usable", "expected"), [({"cuda", "mps"}, "cuda"), ({"mps"}, "mps"), (set(), "cpu")], ids=["cuda", "mps", "cpu"]
)
def test_the_best_usable_device_is_chosen_and_unusable_ones_refused(usable, expected, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in usable)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in usable)
    assert choose_device().type == expected
    assert choose_device("cpu").type == "cpu"
    for name in {"cuda", "mps"} - usable:
        with pytest.raises(ParameterError, match=f"no {name.upper()} device") as caught:
            choose_device(name)
        assert caught.value.remedy == "Set Device to: auto."


@pytest.mark.parametrize(
    ("device", "able", "dtype"),
    [
        ("cuda", {}, torch.float16),
        ("mps", {}, torch.float16),
        ("cpu", {"avx512_f": True}, torch.float32),
        ("cpu", {"avx512_bf16": True}, torch.bfloat16),
        ("cpu", {"amx_bf16": True}, torch.bfloat16),
    ],
)
def test_half_precision_where_it_is_fast(device, able, dtype, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert choose_dtype(torch.device(device), allow_bfloat16=True) == dtype
    expected = torch.float32 if device == "cpu" else torch.float16
    assert choose_dtype(torch.device(device)) == expected  # where bfloat16 would lose too much
