# SPDX-License-Identifier: GPL-3.0-or-later
"""Seconds by stage of earlier jobs, by the kind of job."""

import pytest

from backend.interface.tasks import LRM
from backend.process import stage_times
from backend.process.stage_times import kind_of, read_times, remember_times


def test_jobs_that_take_equally_long_are_of_one_kind():
    kinds = [
        kind_of("lrm", LRM.check(told), warm)
        for told, warm in (({}, False), ({"depth": 0.5}, False), ({"mesh_resolution": 64}, False), ({}, True))
    ]
    assert kinds[0] == kinds[1] and len(set(kinds)) == 3, "angles and depths do not matter, cells and loading do"


def test_times_are_a_mean_that_follows_the_last_job(tmp_path):
    assert read_times(tmp_path, "a") == {}
    remember_times(tmp_path, "a", {"Surface": 8.0})
    remember_times(tmp_path, "a", {"Surface": 4.0, "Colours": 2.0})
    assert read_times(tmp_path, "a") == {"Surface": 6.0, "Colours": 2.0}
    assert read_times(tmp_path, "b") == {}


def test_only_the_newest_kinds_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(stage_times, "KINDS_KEPT", 2)
    for kind in "abac":
        remember_times(tmp_path, kind, {"Surface": 1.0})
    assert [bool(read_times(tmp_path, kind)) for kind in "abc"] == [True, False, True]


@pytest.mark.parametrize("content", ["", "[]", '{"a": 3}', '{"a": {"Surface": "long"}}', '{"a": {"Surface": -1}}'])
def test_a_broken_file_means_that_nothing_is_known(tmp_path, content):
    (tmp_path / stage_times.FILE).write_text(content)
    assert read_times(tmp_path, "a") == {}
    remember_times(tmp_path, "a", {"Surface": 1.0})
    assert read_times(tmp_path, "a") == {"Surface": 1.0}
