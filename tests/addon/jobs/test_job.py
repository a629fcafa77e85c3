# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
"""A job's progress in words."""

import pytest
from image_to_mesh_checkout.addon.jobs.job import Progress


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    "seconds, done, words",
    [
        (None, 0.9, ""),
        (3, 0.9, "A few seconds left"),
        (3, 0.1, "About 10 s left"),
        (43, 0.1, "About 50 s left"),
        (200, 0.1, "About 4 min left"),
    ],
)
def test_time_left_in_words(seconds, done, words):
    clock, progress = Clock(), Progress(overall=done)
    progress.tell_eta(seconds, clock)
    assert progress.time_left(clock=clock) == words


def test_the_time_left_counts_down_and_never_to_a_few_seconds_by_itself():
    clock, progress = Clock(), Progress(overall=0.9)
    progress.tell_eta(45.0, clock)
    shown = []
    for clock.now in (0, 4, 6, 30, 44, 54, 56):
        shown.append(progress.time_left(clock=clock))
    assert shown == ["About 50 s left", "About 50 s left", "About 40 s left", "About 20 s left"] + [
        "About 10 s left"
    ] * 2 + [""], "45 s after it was told it was wrong, and soon nothing is said any more"


def test_the_time_left_grows_only_where_the_new_estimate_is_a_fifth_longer():
    clock, progress = Clock(), Progress()
    shown = []
    for eta in (50, 55, 59, 61, 30, 36, 37):
        progress.tell_eta(eta, clock)
        shown.append(progress.ends_at)
    assert shown == [50, 50, 50, 61, 30, 30, 37]
    clock.now = 20.0
    progress.tell_eta(20.0, clock)  # 17 s are shown, a fifth more is 20.4
    assert progress.ends_at == 37 and progress.eta_s == 20
    progress.tell_eta(None, clock)
    assert progress.time_left(clock=clock) == ""


@pytest.mark.parametrize("step, total, words", [(0, 1, "Views"), (3, 12, "Views 3/12"), (5000, 20000, "Views 25 %")])
def test_steps_in_words(step, total, words):
    assert Progress("Views", step, total).stage_text() == words
