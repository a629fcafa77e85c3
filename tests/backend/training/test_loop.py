# SPDX-License-Identifier: GPL-3.0-or-later
"""The training loop: resuming and mixing weights."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from backend.training.loop import mix, train


@pytest.mark.parametrize(
    ("inputs", "hidden", "settings"),
    [(3, (), {"lr": 0.05, "ema": 0.9}), (16, (16,), {"lr": 0.1, "muon": True})],
    ids=["AdamW", "Muon"],
)
def test_a_resumed_run_equals_an_uninterrupted_one(inputs, hidden, settings, tmp_path):
    def run(folder, killed_at=None):
        torch.manual_seed(0)
        widths = (inputs, *hidden, 1)
        model = nn.Sequential(*(nn.Linear(a, b) for a, b in pairwise(widths)))
        count = 0

        def loss(rng):
            nonlocal count
            count += 1
            if count == killed_at:
                raise KeyboardInterrupt
            x = torch.from_numpy(rng.normal(size=(8, inputs))).float() + 0.1 * torch.randn(8, inputs)
            return {"fit": ((model(x)[:, 0] - x.sum(1)) ** 2).mean()}

        return train(model, loss, folder, steps=12, save_every=4, **settings)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", killed_at=7)
    resumed, unbroken = run(tmp_path / "killed"), run(tmp_path / "unbroken")
    for a, b in zip(resumed.parameters(), unbroken.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_mixing_interpolates_all_floating_point_weights():
    before, after = (torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.BatchNorm1d(1)) for _ in range(2))
    for model, value in ((before, 1.0), (after, 5.0)):
        for tensor in (model[0].weight, model[0].bias, model[1].running_mean):
            tensor.data.fill_(value)
    before[1].num_batches_tracked += 7
    mix(after, before, 0.25)
    assert [after[0].weight.item(), after[0].bias.item(), after[1].running_mean.item()] == [4, 4, 4]
    assert after[1].num_batches_tracked == 0 and before[0].weight.item() == 1
