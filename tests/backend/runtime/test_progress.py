# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from backend.runtime.progress import Cancelled, Progress


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_overall_and_time_left_follow_the_plan():
    clock, seen = Clock(), []
    progress = Progress(seen.append, clock=clock)
    progress.plan({"views": 3, "mesh": 1})
    progress.update("views", 0, 4)
    clock.now = 6.0
    progress.update("views", 2, 4)  # half of three quarters
    clock.now = 12.0
    progress.update("mesh", 0, 10)
    clock.now = 16.0
    progress.update("mesh", 10, 10)
    assert [p.overall for p in seen] == [0, 0.375, 0.75, 1]
    assert [p.eta_s for p in seen] == [None, pytest.approx(10), pytest.approx(4), pytest.approx(0)]
    assert (seen[1].stage, seen[1].step, seen[1].total) == ("views", 2, 4)


def test_overall_never_goes_back_nor_leaves_its_range():
    clock, seen = Clock(), []
    progress = Progress(seen.append, clock=clock)
    progress.plan({"a": 1, "b": 1})
    for stage, step, total in [
        ("b", 1, 2),
        ("a", 0, 3),
        ("unplanned", 1, 2),
        ("other", 9, 3),
        ("b", 0, 0),
        ("b", 2, 2),
    ]:
        clock.now += 1
        progress.update(stage, step, total)
    overall = [p.overall for p in seen]
    assert overall == sorted(overall)
    assert overall[0] == 0.75
    assert overall[-1] == 1


def test_unplanned_stages_share_what_is_left():
    clock, seen = Clock(), []
    progress = Progress(seen.append, clock=clock)
    for stage in "abc":
        clock.now += 1
        progress.update(stage, 1, 1)
    assert [p.overall for p in seen] == [0.5, 0.75, 0.875]


def test_a_later_plan_divides_what_is_left():
    seen = []
    progress = Progress(seen.append)
    progress.plan({"image": 1, "": 4})
    progress.update("image", 1, 1)
    progress.plan({"shape": 3, "surface": 1})  # of the other 0.8
    progress.update("shape", 1, 1)
    progress.update("surface", 1, 2)
    assert [p.overall for p in seen] == pytest.approx([0.2, 0.8, 0.9])


def test_many_steps_give_few_messages_but_first_and_last_always():
    clock, seen = Clock(), []
    progress = Progress(seen.append, clock=clock)
    for step in range(1001):
        clock.now = step / 1000
        progress.update("points", step, 1000)
    assert len(seen) <= 13  # ten a second, the first and the last
    assert (seen[0].step, seen[-1].step) == (0, 1000)


def test_previews_are_converted_to_bytes():
    seen = []
    progress = Progress(on_preview=lambda views, mesh: seen.append(views))
    progress.preview(np.array([[[[0.0, 0.5, 1.0, np.nan]]], [[[-1, 2, 0.1, 1]]]]))
    progress.preview(np.full((1, 1, 1, 4), 7, np.uint8))
    assert seen[0].dtype == np.uint8
    assert seen[0].reshape(2, 4).tolist() == [[0, 128, 255, 0], [0, 255, 26, 255]]
    assert seen[1].reshape(4).tolist() == [7] * 4


def test_every_method_raises_after_a_cancel():
    cancelled = []
    progress = Progress(lambda step: pytest.fail("it was cancelled"), is_cancelled=lambda: bool(cancelled))
    progress.check()
    cancelled.append(True)
    for call in (progress.check, lambda: progress.update("a", 0, 1), lambda: progress.preview(np.zeros((1, 1, 1, 4)))):
        with pytest.raises(Cancelled):
            call()


def test_progress_without_listeners_does_nothing():
    progress = Progress()
    progress.update("a", 1, 2)
    progress.preview(np.zeros((1, 2, 2, 4)))


def play(progress, clock, seconds):
    """Two steps a stage, each half of its seconds."""
    for stage, length in seconds.items():
        for step in range(3):
            progress.update(stage, step, 2)
            clock.now += length / 2 if step < 2 else 0
    progress.finish()


def test_stages_take_the_shares_and_the_time_of_earlier_jobs():
    """Loading takes 2 s and Shape 18; the engine announced the reverse."""
    clock, seen, seconds = Clock(), [], {"Loading": 2.0, "Shape": 18.0}
    progress = Progress(seen.append, clock=lambda: clock.now, expected=seconds)
    progress.plan({"Loading": 9, "Shape": 1})
    play(progress, clock, seconds)
    assert progress.times == pytest.approx(seconds)
    assert [u.eta_s for u in seen] == pytest.approx([20, 19, 18, 18, 9, 0])
    assert [u.overall for u in seen] == pytest.approx([0, 0.05, 0.1, 0.1, 0.55, 1])


def test_a_slower_machine_than_before_lengthens_the_rest():
    clock, seen = Clock(), []
    progress = Progress(seen.append, clock=lambda: clock.now, expected={"Loading": 3.0, "Surface": 10.0})
    progress.plan({"Loading": 1, "Surface": 1})
    play(progress, clock, {"Loading": 6.0, "Surface": 20.0})
    assert seen[3].stage == "Surface" and seen[3].eta_s == pytest.approx(20), "twice as long as expected"


def test_one_slow_stage_does_not_lengthen_the_rest_without_bounds():
    clock, seen = Clock(), []
    progress = Progress(seen.append, clock=lambda: clock.now, expected={"Loading": 3.0, "Surface": 10.0})
    progress.plan({"Loading": 1, "Surface": 1})
    play(progress, clock, {"Loading": 300.0, "Surface": 10.0})
    assert seen[3].stage == "Surface" and seen[3].eta_s == pytest.approx(20), "twice as long as expected at the most"


def test_the_time_left_follows_the_pace_of_many_equal_steps():
    """100 steps were expected to take 100 s and take 3 s each: known after a quarter of them."""
    clock, seen = Clock(), []
    progress = Progress(seen.append, clock=clock, expected={"Optimising": 100.0, "Surface": 10.0})
    for step in range(26):
        progress.update("Optimising", step, 100)
        clock.now += 3.0
    assert seen[0].eta_s == pytest.approx(110)
    assert seen[25].eta_s == pytest.approx(75 * 3 + 10)
    assert seen[25].overall == pytest.approx(75 / (75 + 235)), "the bar goes by the time"


def test_a_measured_time_counts_half_against_the_pace_of_the_steps():
    """Steps take 3 s each, in a kind of job whose 100 steps took 100 s before: some are faster, as it seems."""
    clock, seen = Clock(), []
    progress = Progress(seen.append, clock=clock, expected={"Optimising": 100.0}, is_measured=True)
    for step in range(26):
        progress.update("Optimising", step, 100)
        clock.now += 3.0
    assert seen[25].eta_s == pytest.approx(0.75 * (100 + 300) / 2)


def test_steps_whose_number_grows_tell_nothing_about_the_end():
    """Marching cubes does not know how many points it will evaluate: 1 of 5, 2 of 6, 3 of 7 ..."""
    clock, seen = Clock(), []
    progress = Progress(seen.append, clock=clock, expected={"Shaping": 10.0})
    for step in range(14):
        progress.update("Shaping", step, step + 4)
        clock.now += 1.0
    assert [u.eta_s for u in seen[1:6]] == pytest.approx([9, 8, 7, 6, 5])
    assert seen[13].eta_s == pytest.approx(0.2 * 13), "it takes longer than expected: a fifth more at least"
    assert seen[10].overall == pytest.approx(10 / 12)


def test_a_stage_that_says_nothing_is_reported_again_with_what_is_left_by_now():
    clock, seen = Clock(), []
    progress = Progress(seen.append, clock=clock, expected={"Loading weights": 30.0, "Shape": 10.0})
    progress.repeat()
    assert not seen, "nothing has begun"
    progress.update("Loading weights", 0, 1)
    for _ in range(3):
        clock.now += 5.0
        progress.repeat()
    assert [u.eta_s for u in seen] == pytest.approx([40, 35, 30, 25])
    assert {u.stage for u in seen} == {"Loading weights"}


def test_slow_loading_does_not_lengthen_the_rest():
    clock, seen = Clock(), []
    progress = Progress(seen.append, clock=clock, expected={"Loading weights": 3.0, "Surface": 10.0})
    play(progress, clock, {"Loading weights": 30.0, "Surface": 10.0})
    assert seen[3].stage == "Surface" and seen[3].eta_s == pytest.approx(10)


def test_a_stage_that_nobody_expected_is_estimated_by_its_share():
    clock, seen = Clock(), []
    progress = Progress(seen.append, clock=clock, expected={"a": 100.0})
    progress.plan({"a": 1, "b": 1})
    progress.update("a", 0, 2)
    clock.now = 5.0
    progress.update("a", 2, 2)
    assert seen[-1].eta_s == pytest.approx(5), "half of the job took 5 s"
