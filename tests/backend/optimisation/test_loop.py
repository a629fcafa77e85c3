# SPDX-License-Identifier: GPL-3.0-or-later
import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from backend.optimisation.loop import CURVES, Diverged, Run, optimise
from backend.optimisation.loss_curves import running_mean
from backend.rendering.mesh import Mesh
from backend.runtime.progress import CHECKPOINT, Cancelled, Progress

TRIANGLE = Mesh(np.eye(3), np.array([[0, 1, 2]]))


class Clock:
    """Goes on by `tick` seconds whenever somebody asks."""

    def __init__(self, tick: float = 0.0) -> None:
        self.now, self.tick = 0.0, tick

    def __call__(self) -> float:
        self.now += self.tick
        return self.now


class Noisy:
    """A valley with noise on it, and a buffer that counts and remembers: everything that a checkpoint has to keep."""

    def __init__(self, name: str = "valley") -> None:
        self.name, self.net = name, nn.Linear(4, 1)
        with torch.no_grad():
            self.net.weight.copy_(torch.tensor([[1.0, -2, 3, 0.5]]))
            self.net.bias.zero_()
        self.net.register_buffer("seen", torch.zeros(()))
        self.modules, self.positions, self.bad = {"net": self.net}, [], set()
        self.stop_at, self.calls = None, 0

    def groups(self):
        return [{"params": [self.net.weight], "lr": 0.05}, {"params": [self.net.bias], "lr": 0.01}]

    def losses(self, position, generator):
        self.calls += 1
        self.positions.append(position)
        self.net.seen = self.net.seen * 0.9 + torch.rand((), generator=generator)
        if self.calls == self.stop_at:
            raise Cancelled  # in the middle of a step, as a module's hook does
        x = torch.randn(8, 4, generator=generator)
        fit = (self.net(x) - x.sum(1, keepdim=True)).square().mean()
        if self.calls in self.bad:
            fit = fit * float("nan")
        return {"fit": fit, "memory": 0.01 * self.net.seen * self.net.weight.square().sum()}

    def views(self):
        return np.full((2, 4, 4, 4), self.calls % 255, np.uint8)

    def mesh(self, resolution):
        return TRIANGLE

    def bits(self):
        return torch.cat([self.net.weight.detach().flatten(), self.net.bias.detach(), self.net.seen[None]])


def test_the_learning_rate_decays_by_the_same_factor_in_any_number_of_steps():
    """Half way an exponential fall to a hundredth has reached a tenth; the group that names no share keeps its rate."""
    task = Noisy()
    fixed = task.groups
    task.groups = lambda: [fixed()[0] | {"decay": 0.01}, fixed()[1]]
    for steps in (4, 10):
        run = Run(task, 0)
        run.advance(steps / 2, 0.5)
        assert [group["lr"] for group in run.optimiser.param_groups] == pytest.approx([0.005, 0.01])
        run.advance(steps, 1.0)
        assert [group["lr"] for group in run.optimiser.param_groups] == pytest.approx([0.0005, 0.01])


def test_weight_decay_is_decoupled_and_a_multiple_of_the_rate():
    """Decoupled from the gradient (AdamW): two steps without one leave (1 - 0.05 * 0.2)^2."""
    task = Noisy()
    fixed, began = task.groups(), task.net.weight.detach().clone()
    task.net.bias.data.fill_(3.0)
    task.groups = lambda: [fixed[0] | {"weight_decay": 0.2}, fixed[1]]
    task.losses = lambda *_: {"none": 0 * (task.net.weight.sum() + task.net.bias.sum())}
    run = Run(task, 0)
    run.advance(0)
    run.advance(1)
    torch.testing.assert_close(task.net.weight.detach(), began * 0.99**2)
    assert task.net.bias.item() == 3.0


def test_a_resumed_run_equals_the_unbroken_one_bit_by_bit(tmp_path):
    whole, broken, resumed = Noisy(), Noisy(), Noisy()
    outcome = optimise(whole, Progress(), 40, seed=5)
    broken.stop_at = 24  # in the middle of its 24th step
    with pytest.raises(Cancelled):
        optimise(broken, Progress(folder=tmp_path), 40, seed=5)
    again = optimise(resumed, Progress(folder=tmp_path), 40, seed=5)
    assert resumed.calls == 17 and again.resumed_at == 23 and again.steps == 40
    assert torch.equal(whole.bits(), resumed.bits())
    assert again.losses == outcome.losses and len(again.losses["fit"]) == 40


def test_a_crash_loses_only_the_steps_since_the_last_checkpoint(tmp_path):
    class Crash(Noisy):
        def losses(self, position, generator):
            if self.calls == 30:
                raise MemoryError
            return super().losses(position, generator)

    whole, resumed = Noisy(), Noisy()
    optimise(whole, Progress(), 40)
    with pytest.raises(MemoryError):
        optimise(Crash(), Progress(folder=tmp_path), 40, checkpoint_s=8, clock=Clock(1.0))
    outcome = optimise(resumed, Progress(folder=tmp_path), 40)
    assert 0 < outcome.resumed_at < 30 and torch.equal(whole.bits(), resumed.bits())


def test_a_checkpoint_is_used_only_by_requests_of_its_identity(tmp_path):
    optimise(Noisy(), Progress(folder=tmp_path), 3, identity="cat")
    again, fresh, other = Noisy(), Noisy(), Noisy()
    anew = optimise(other, Progress(folder=tmp_path), 3, identity="dog")
    optimise(fresh, Progress(), 3)
    assert anew.resumed_at == 0 and "another image, prompt, seed or settings" in anew.note
    assert torch.equal(other.bits(), fresh.bits())
    assert optimise(again, Progress(folder=tmp_path), 5, identity="dog").resumed_at == 3


def test_a_checkpoint_can_have_its_own_folder(tmp_path):
    (tmp_path / "second").mkdir()
    optimise(Noisy(), Progress(folder=tmp_path), 3, folder=tmp_path / "second")
    assert not (tmp_path / CHECKPOINT).exists() and (tmp_path / "second" / CURVES).is_file()
    assert optimise(Noisy(), Progress(), 5, folder=tmp_path / "second").resumed_at == 3


def test_nan_soon_after_resuming_returns_to_the_checkpoint(tmp_path):
    optimise(Noisy(), Progress(folder=tmp_path), 7)
    task = Noisy()
    task.bad = {3}  # two steps after the checkpoint, and before the next snapshot
    outcome = optimise(task, Progress(folder=tmp_path), 12)
    assert (outcome.resumed_at, outcome.recovered, outcome.steps) == (7, 1, 12)
    assert task.calls == 5 + 3 and len(outcome.losses["fit"]) == 12 and task.bits().isfinite().all()


@pytest.mark.parametrize("content", [b"", b"nonsense" * 50, b"other task", b"pickle"])
def test_an_unusable_checkpoint_is_ignored(tmp_path, content):
    if content == b"other task":
        optimise(Noisy("other"), Progress(folder=tmp_path), 3)
    elif content == b"pickle":
        torch.save({"objective": "valley", "modules": print}, tmp_path / CHECKPOINT)  # names a function: not loaded
    else:
        (tmp_path / CHECKPOINT).write_bytes(content)
    task, fresh = Noisy(), Noisy()
    outcome, _ = optimise(task, Progress(folder=tmp_path), 10), optimise(fresh, Progress(), 10)
    assert outcome.resumed_at == 0 and "Started anew" in outcome.note
    assert torch.equal(task.bits(), fresh.bits())


def test_a_seed_decides_every_bit():
    a, b, c = Noisy(), Noisy(), Noisy()
    for task, seed in ((a, 1), (b, 1), (c, 2)):
        optimise(task, Progress(), 10, seed=seed)
    assert torch.equal(a.bits(), b.bits()) and not torch.equal(a.bits(), c.bits())


def test_ten_steps_equal_adams_formulas():
    """Ten steps by the formulas of the paper, in numpy."""

    class Bowl(Noisy):
        def losses(self, position, generator):
            return {"bowl": (self.net.weight.square() * torch.tensor([1.0, 2, 3, 4])).sum() + self.net.bias.sum() * 0}

    task = Bowl()
    x, m, v = np.array([1.0, -2, 3, 0.5]), np.zeros(4), np.zeros(4)
    for i in range(1, 11):
        g = 2 * x * np.array([1.0, 2, 3, 4])
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
        x = x - 0.05 * (m / (1 - 0.9**i)) / (np.sqrt(v / (1 - 0.99**i)) + 1e-15)
    optimise(task, Progress(), 10)
    np.testing.assert_allclose(task.net.weight.detach().numpy()[0], x, rtol=1e-5)


def test_nan_returns_to_the_snapshot_with_a_lower_rate_and_another_seed():
    task = Noisy()
    task.bad = {61, 75}  # the first after step 60, snapshot at 50; the second in the repetition
    run = Run(task, 0)
    while run.outcome.steps < 80:
        run.advance(run.outcome.steps)
    assert run.outcome.recovered == 2 and task.calls == 80 + 2 + 10 + 13
    assert [group["lr"] for group in run.optimiser.param_groups] == [0.0125, 0.0025]
    assert len(run.outcome.losses["fit"]) == 80 and np.isfinite(run.outcome.losses["fit"]).all()
    assert task.bits().isfinite().all()


def test_persistent_nan_raises_diverged():
    task = Noisy()
    task.bad = set(range(3, 1000))
    with pytest.raises(Diverged, match="diverged") as error:
        optimise(task, Progress(), 50)
    assert "seed" in error.value.remedy and task.calls < 30


def test_a_non_finite_gradient_is_recovered_from():
    class Steep(Noisy):
        def losses(self, position, generator):
            terms = super().losses(position, generator)
            if self.calls == 4:
                terms["edge"] = (self.net.weight[0, 0] * 0).sqrt()  # 0, with a gradient that is not a number
            return terms

    task = Steep()
    assert optimise(task, Progress(), 10).recovered == 1 and task.bits().isfinite().all()


def test_a_time_limit_replaces_steps_and_completes_the_schedules():
    """Every look at the clock takes a second; the schedules run to their end."""
    task = Noisy()
    outcome = optimise(task, Progress(), 600, seconds=30, preview_s=1e9, checkpoint_s=1e9, clock=Clock(1.0))
    assert outcome.seconds >= 30 and outcome.steps == len(task.positions) < 600
    assert task.positions[0] == 0 and np.all(np.diff(task.positions) > 0) and 540 < task.positions[-1] < 600


def test_stop_and_keep_ends_the_run_with_its_result(tmp_path):
    task = Noisy()
    progress = Progress(is_ending=lambda: task.calls >= 7, folder=tmp_path)
    outcome = optimise(task, progress, 100)
    assert outcome.stopped and outcome.steps == 7
    assert outcome.facts["stopped"] and set(outcome.facts["losses"]) == {"fit", "memory"}
    assert (tmp_path / CHECKPOINT).is_file()


def test_previews_come_by_the_clock_and_change_nothing():
    seen, task, quiet = [], Noisy(), Noisy()
    progress = Progress(on_preview=lambda views, mesh: seen.append((len(views), mesh)))
    optimise(task, progress, 60, preview_s=5, clock=Clock(0.5))
    optimise(quiet, Progress(), 60)
    assert 5 < len(seen) < 20 and [mesh is not None for _, mesh in seen[:6]] == [True, False, False] * 2
    assert torch.equal(task.bits(), quiet.bits())


def test_progress_reports_the_stage_and_ends_at_its_last_step():
    seen = []
    optimise(Noisy(), Progress(seen.append), 5, stage="Shaping")
    assert {p.stage for p in seen} == {"Shaping"} and seen[-1].step == seen[-1].total == 5


def test_a_full_disk_does_not_end_the_job(tmp_path):
    folder = tmp_path / "job"
    folder.write_text("not a folder")
    outcome = optimise(Noisy(), Progress(folder=folder), 5)
    assert outcome.steps == 5 and "No checkpoint" in outcome.note


def test_the_loss_plot_shows_a_falling_curve(tmp_path):
    optimise(Noisy(), Progress(folder=tmp_path), 60)
    picture = np.asarray(Image.open(io.BytesIO((tmp_path / CURVES).read_bytes())).convert("RGB")).astype(int)
    assert picture.shape == (220, 480, 3)
    blue = (np.abs(picture - [38, 92, 165]).sum(-1) < 30)[22:92]
    rows = [np.nonzero(blue[:, x])[0].mean() for x in (70, 200, 460)]
    assert rows[0] < 20 < 40 < rows[2]  # the fit's loss falls from the top of its strip to the bottom


def test_the_running_mean_of_two_values_equals_hand_worked_ones():
    np.testing.assert_allclose(running_mean(np.array([1.0, 2, 3, 4]), 2), [1, 1.5, 2.5, 3.5])
