# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a job will take, by what is known of earlier ones."""

import pytest

from backend.interface.expected_times import device_of, expected_times, is_measured, most_faces, speed
from backend.interface.shipped_times import TABLE, shipped_times
from backend.interface.stage_times import kind_of
from backend.interface.tasks import LRM, ONE2345, task


def kind(name="lrm", is_warm=False, **values):
    return kind_of(name, vars(task(name).check(values)), is_warm)


def known(*jobs):
    return {k.key: (k, times) for k, times in jobs}


def scaled(kind, factor):
    return {stage: factor * seconds for stage, seconds in shipped_times(kind).items()}


def test_without_earlier_jobs_the_table_is_taken():
    assert expected_times(kind(), {}) == shipped_times(kind())


def test_a_kind_that_is_remembered_wins_over_the_table():
    assert expected_times(kind(), known((kind(), {"Surface": 7.0}))) == {"Surface": 7.0}


def test_a_kind_is_measured_whether_its_models_were_loaded_or_not():
    earlier = known((kind(is_warm=True), {"Surface": 7.0}))
    assert is_measured(kind(), earlier) and is_measured(kind(is_warm=True), earlier)
    assert not is_measured(kind(mesh_resolution=64), earlier) and not is_measured(kind("one2345"), earlier)


def test_a_new_kind_is_scaled_like_the_nearest_one_of_the_same_networks():
    """At 64 cells this machine took 3 times as long as the table, at 512 cells 5 times: 96 cells are nearer to 64."""
    earlier = known(*((k, scaled(k, f)) for k, f in ((kind(mesh_resolution=64), 3), (kind(mesh_resolution=512), 5))))
    new = kind(mesh_resolution=96)
    found, table = expected_times(new, earlier), shipped_times(new)
    assert found["Surface"] == pytest.approx(3 * table["Surface"])
    assert list(found) == list(table)


def test_loading_is_learnt_from_jobs_that_loaded_too():
    cold, warm = kind(), kind(is_warm=True)
    found = expected_times(cold, known((warm, scaled(warm, 2))))
    assert found["Loading weights"] == shipped_times(cold)["Loading weights"]
    assert found["Surface"] == pytest.approx(2 * shipped_times(cold)["Surface"])


def test_another_engine_is_scaled_by_the_speed_of_the_machine():
    """The median of jobs that took 2, 3 and 10 times as long as the table."""
    kinds = [kind(mesh_resolution=cells) for cells in (64, 96, 128)]
    earlier = known(*((k, scaled(k, factor)) for k, factor in zip(kinds, (2, 3, 10), strict=True)))
    found, table = expected_times(kind("one2345"), earlier), shipped_times(kind("one2345"))
    assert found["Close views"] == pytest.approx(3 * table["Close views"])
    assert found["Loading weights"] == table["Loading weights"]
    assert speed([]) == 1


def test_an_engine_that_the_table_does_not_know_is_learnt_from_its_own_jobs(monkeypatch):
    monkeypatch.delitem(TABLE, "lrm")
    assert expected_times(kind(), known((kind("one2345"), {"Surface": 1.0}))) == {}
    assert expected_times(kind(), known((kind(), {"Relief": 4.0}))) == {"Relief": 4.0}
    assert expected_times(kind("one2345"), known((kind(), {"Relief": 4.0}))) == shipped_times(kind("one2345"))


def test_a_job_on_one_device_tells_nothing_about_another():
    earlier = known((k := kind(device="cuda"), scaled(k, 4)))
    assert expected_times(kind(device="cpu"), earlier) == shipped_times(kind(device="cpu"))


def test_minutes_are_the_same_on_every_machine():
    k = kind("dreamfusion", minutes=2.0)
    slow = known((other := kind("dreamfusion"), scaled(other, 3)))
    assert expected_times(k, slow)["Optimising"] == 120
    assert expected_times(k, slow)["Surface"] == pytest.approx(3 * shipped_times(k)["Surface"])
    both = expected_times(kind("make_it_3d", minutes=10.0), {})
    assert both["Shape"] + both["Refining"] == pytest.approx(600)


def test_auto_is_the_best_device_that_the_backend_named():
    cpu, mps, cuda = ({"kind": name} for name in ("cpu", "mps", "cuda"))
    assert [device_of("auto", found) for found in ([], [cpu], [cpu, mps], [cpu, mps, cuda])] == [
        "cpu",
        "cpu",
        "mps",
        "cuda",
    ]
    assert device_of("cpu", [cpu, cuda]) == "cpu"


def test_a_texture_limits_the_faces():
    from backend.meshing.texture import MAX_TEXTURED_FACES

    plain, textured = (vars(LRM.check({"max_faces": 90_000, "texture": t})) for t in ("off", "1024"))
    assert (most_faces(plain), most_faces(textured)) == (90_000, MAX_TEXTURED_FACES)
    unlimited = vars(ONE2345.check({"max_faces": 0, "texture": "off"}))
    assert most_faces(unlimited) == 0 and most_faces(unlimited | {"texture": "512"}) == MAX_TEXTURED_FACES
