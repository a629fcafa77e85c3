# SPDX-License-Identifier: GPL-3.0-or-later
import pytest
import torch

from backend.interface.catalog import WeightsError
from backend.weights.formats.checkpoint import read_file


def test_a_tensor_that_repeats_its_numbers_beyond_what_is_stored_is_refused(tmp_path):
    """A terabyte in a file of a kilobyte: with a stride of 0, one number stands for all of an axis."""
    torch.save({"a": torch.zeros(1).expand(1 << 38)}, tmp_path / "a.ckpt")
    with pytest.raises(WeightsError, match="a tensor is larger than its numbers"):
        read_file(tmp_path / "a.ckpt")


def test_views_of_stored_numbers_are_read(tmp_path):
    numbers = torch.arange(12.0).view(3, 4)
    saved = {"turned": numbers.T, "row": numbers[1], "one": torch.arange(5).expand(1, 5)}
    torch.save(saved, tmp_path / "a.ckpt")
    for name, tensor in read_file(tmp_path / "a.ckpt").items():
        assert torch.equal(tensor.read(), saved[name])
