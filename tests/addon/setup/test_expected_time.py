# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
"""The time that a job would take, told before the click."""

import pytest
from image_to_mesh_checkout.addon.setup.expected_time import ExpectedTime, expected_faces, faces_words
from image_to_mesh_checkout.backend.interface import shipped_times, stage_times
from image_to_mesh_checkout.backend.interface.tasks import DREAMFUSION, LRM

VALUES = vars(LRM.check({"mesh_resolution": 128}))


@pytest.fixture
def make(tmp_path):
    """make(warm=False, devices=()) -> ExpectedTime of an empty folder."""
    made = []

    def make(warm=False, devices=()):
        made.append(ExpectedTime(lambda: tmp_path, lambda: None, lambda task, values: warm, lambda: list(devices)))
        return made[-1]

    yield make
    for one in made:
        one.close()


def finished(expected):
    """Wait for what the thread reads."""
    expected.close()
    return expected


def test_before_any_job_the_shipped_table_is_told(make):
    kind = stage_times.kind_of("lrm", VALUES, False)
    assert make().seconds(LRM, VALUES) == pytest.approx(sum(shipped_times.shipped_times(kind).values()))


def test_what_was_remembered_is_told_after_it_was_read(make, tmp_path):
    expected = make()
    expected.seconds(LRM, VALUES)
    stage_times.remember_times(tmp_path, stage_times.kind_of("lrm", VALUES, False), {"Surface": 150.0, "Colors": 20.0})
    finished(expected).refresh()
    assert finished(expected).seconds(LRM, VALUES) == 170
    assert expected.words(LRM, VALUES) == "About 3 min"
    assert expected.words(LRM, VALUES, translate=lambda text: text.replace("About", "Etwa")) == "Etwa 3 min"


def test_loaded_models_and_a_graphics_card_shorten_it(make):
    cold, warm = make().seconds(LRM, VALUES), make(warm=True).seconds(LRM, VALUES)
    card = make(devices=[{"kind": "cpu"}, {"kind": "cuda"}]).seconds(LRM, VALUES)
    assert warm < cold and card < cold


def test_a_prompt_for_an_engine_of_images_takes_longer(make):
    expected = make()
    assert expected.seconds(LRM, VALUES, {"drawn": 1}) > expected.seconds(LRM, VALUES)


def test_long_work_is_told_in_its_minutes(make):
    values = vars(DREAMFUSION.check({"minutes": 40.0}))
    assert make().words(DREAMFUSION, values) == "About 41 min"


def test_nothing_is_told_of_an_engine_that_nobody_knows(make, monkeypatch):
    monkeypatch.delitem(shipped_times.TABLE, "lrm")
    assert make().words(LRM, VALUES) == ""


@pytest.mark.parametrize(
    "cells, most, texture, faces, words",
    [
        (256, 30_000, "off", (30_000, True), "30,000 faces"),
        (128, 200_000, "off", (200_000, False), "Up to 200,000 faces"),
        (512, 200_000, "1024", (40_000, True), "40,000 faces"),
        (256, 0, "off", (0, False), ""),
    ],
)
def test_faces_are_told_where_the_surface_is_finer_than_they_are(cells, most, texture, faces, words):
    values = {"mesh_resolution": cells, "max_faces": most, "texture": texture}
    assert expected_faces(values) == faces and faces_words(values) == words
