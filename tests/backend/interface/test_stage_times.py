# SPDX-License-Identifier: GPL-3.0-or-later
"""Seconds by stage of earlier jobs, by the kind of job."""

import json

import pytest

from backend.interface import stage_times
from backend.interface.stage_times import counts_of, kind_of, read_known, remember_times
from backend.interface.tasks import DREAMFUSION, LRM


def kind(is_warm=False, **values):
    return kind_of("lrm", vars(LRM.check(values)), is_warm)


def times_of(jobs, kind):
    return read_known(jobs).get(kind.key, (kind, {}))[1]


def test_jobs_that_take_equally_long_are_of_one_kind():
    keys = [k.key for k in (kind(), kind(depth=0.5), kind(mesh_resolution=64), kind(True), kind(weights="triposr"))]
    assert keys[0] == keys[1] and len(set(keys)) == 4, "angles and depths do not matter; cells, loading, networks do"
    words = [kind_of("dreamfusion", vars(DREAMFUSION.check({"negative": text})), False).key for text in ("", "blurry")]
    assert words[0] == words[1], "nor do words"
    minutes = [kind_of("dreamfusion", vars(DREAMFUSION.check({"minutes": m})), False).key for m in (0.5, 2.0)]
    assert minutes[0] != minutes[1]


def test_inputs_that_take_time_are_counted():
    assert counts_of("lrm", {"image": 0}) == {} == counts_of("dreamfusion", {"prompt": "a cup"})
    assert counts_of("lrm", {"prompt": "a cup"}) == {"drawn": 1}
    assert counts_of("novel_view", {"image": 0, "angles": [(0, 0), (90, 0)]}) == {"angles": 2}
    assert len({kind_of("lrm", {}, False, {"drawn": n}).key for n in range(2)}) == 2


def test_times_are_a_mean_that_follows_the_last_job(tmp_path):
    a, b = kind(), kind(mesh_resolution=64)
    assert times_of(tmp_path, a) == {}
    remember_times(tmp_path, a, {"Surface": 8.0})
    remember_times(tmp_path, a, {"Surface": 4.0, "Colors": 2.0})
    assert times_of(tmp_path, a) == {"Surface": 6.0, "Colors": 2.0}
    assert read_known(tmp_path)[a.key][0] == a, "with its settings"
    assert times_of(tmp_path, b) == {}


def test_only_the_newest_kinds_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(stage_times, "KINDS_KEPT", 2)
    a, b, c = kind(mesh_resolution=64), kind(mesh_resolution=96), kind(mesh_resolution=128)
    for one in (a, b, a, c):
        remember_times(tmp_path, one, {"Surface": 1.0})
    assert [bool(times_of(tmp_path, one)) for one in (a, b, c)] == [True, False, True]


GOOD = {"task": "lrm", "settings": {}, "is_warm": False, "times": {"Surface": 1.0}}


@pytest.mark.parametrize(
    "record",
    [
        3,
        {"Surface": 1.0},  # as it was written before
        GOOD | {"task": "another"},
        GOOD | {"task": 3},
        GOOD | {"settings": {"texture": "large"}},
        GOOD | {"settings": 3},
        GOOD | {"settings": {"views": "many"}},
        GOOD | {"times": {"Surface": "long"}},
        GOOD | {"times": {"Surface": -1}},
        GOOD | {"times": [1]},
    ],
)
def test_a_broken_record_means_that_nothing_is_known(tmp_path, record):
    file = tmp_path / stage_times.FILE
    file.write_text(json.dumps({"a": record}))
    assert read_known(tmp_path) == {}
    remember_times(tmp_path, kind(), {"Surface": 2.0})
    assert times_of(tmp_path, kind()) == {"Surface": 2.0}
    for content in ("", "[]", "{"):
        file.write_text(content)
        assert read_known(tmp_path) == {}
