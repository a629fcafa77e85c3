# SPDX-License-Identifier: GPL-3.0-or-later
import threading

import pytest
import torch

from backend.runtime.cores import map_on_cores


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_results_come_in_order_and_each_from_a_single_core(two_threads):
    both = threading.Barrier(2, timeout=30)

    def square(x: torch.Tensor) -> tuple[float, int]:
        if x < 2:
            both.wait()  # the first two run at one time, or this raises
        return float(x * x), torch.get_num_threads()

    assert map_on_cores(square, torch.arange(20.0)) == [(float(i * i), 1) for i in range(20)]
    assert torch.get_num_threads() == 2


def test_gradients_are_as_they_are_for_the_caller(two_threads):
    weight = torch.ones(1, requires_grad=True)
    [with_gradient] = map_on_cores(lambda x: x * weight, [torch.ones(1)])
    with torch.no_grad():
        [without] = map_on_cores(lambda x: x * weight, [torch.ones(1)])
    assert with_gradient.requires_grad and not without.requires_grad


def test_an_error_reaches_the_caller_and_the_cores_are_given_back(two_threads):
    def fail(_: int) -> None:
        raise ValueError("one of them")

    with pytest.raises(ValueError, match="one of them"):
        map_on_cores(fail, range(3))
    assert torch.get_num_threads() == 2
