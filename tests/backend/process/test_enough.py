# SPDX-License-Identifier: GPL-3.0-or-later
"""Stop here and keep the mesh; and going on where an earlier job was ended."""

import pytest


def test_enough_ends_a_job_with_its_result(start):
    client = start()
    client.request("a", "go_on")
    client.wait_for_log("from nothing")
    client.send({"type": "enough", "job": "another"})
    client.send({"type": "enough", "job": ["a"]})
    client.send({"type": "enough", "job": "a"})
    assert client.expect("result", "failure")[0]["type"] == "result"


def test_a_job_goes_on_from_a_cancelled_one(start):
    client = start()
    client.request("a", "go_on")
    client.wait_for_log("from nothing")
    client.send({"type": "cancel", "job": "a"})
    assert client.expect("result", "failure")[0]["kind"] == "cancelled"
    client.request("b", "go_on", resume="a")
    client.wait_for_log("from a")
    client.send({"type": "enough", "job": "b"})
    assert client.expect("result", "failure")[0]["type"] == "result"


@pytest.mark.parametrize("earlier", ["never", "../secret", 3, None, ["a"]])
def test_a_job_without_an_earlier_one_begins_anew(start, tmp_path, earlier):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "state.pt").write_text("stolen")
    client = start()
    client.request("b", "go_on", resume=earlier)
    client.wait_for_log("from nothing")
    client.send({"type": "enough", "job": "b"})
    assert client.expect("result", "failure")[0]["type"] == "result"
