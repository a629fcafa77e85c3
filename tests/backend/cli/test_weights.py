# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m backend models` as a process, against a server on loopback."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from backend.interface import catalog
from tests.support import ROOT
from tests.support.published import Server

PATIENCE_S = 120
FILES = {"config.json": b"{}", "model.safetensors": bytes(400_000), "preprocessor_config.json": b"[]"}
NAME = "sam-vit-base"
CODE = (
    "import json, sys; from backend.__main__ import main\n"
    "print(json.dumps([main(line) for line in json.load(sys.stdin)]), file=sys.stderr)"
)


@pytest.fixture
def environment(server: Server, tmp_path: Path) -> dict[str, str]:
    """Nothing of this machine: no weights, no cache, no proxy, no token but the test's."""
    clean = {name: value for name, value in os.environ.items() if not name.upper().startswith(("HF_", "HTTP", "ALL_"))}
    server.files = dict(FILES)
    return clean | {
        "HF_ENDPOINT": server.address,
        "HF_HOME": str(tmp_path / "hub"),
        "HF_TOKEN": "hf_secret",
        "IMAGE_TO_MESH_WEIGHTS": str(tmp_path / "weights"),
        "IMAGE_TO_MESH_OFFLINE": "0",
    }


def call(environment: dict[str, str], *lines: str) -> tuple[list[int], list[str], list[str]]:
    """Run several commands in one process: exit statuses, lines on standard output, lines on standard error."""
    commands = json.dumps([["models", *line.split()] for line in lines])
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        input=commands,
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    *errors, statuses = done.stderr.splitlines()
    return json.loads(statuses), done.stdout.splitlines(), errors


def test_the_life_of_a_set_of_weights(environment, server: Server, tmp_path: Path):
    folder = str(tmp_path / "weights" / NAME)
    lines = ["list", "download", "path", "verify", "list", "remove", "path", "list"]
    commands = [f"{line} --json" if line == "list" else f"{line} {NAME} --json" for line in lines]
    statuses, output, errors = call(environment, *commands)
    assert statuses == [0, 0, 0, 0, 0, 0, 3, 0]
    assert errors == []
    first, got, path, verified, second, removed, gone, last = map(json.loads, output)
    states = [next(m for m in listed["models"] if m["id"] == NAME) for listed in (first, second, last)]
    assert [(m["folder"], m["origin"]) for m in states] == [("", ""), (folder, "downloaded"), ("", "")]
    assert [m["id"] for m in first["models"]] == [w.id for w in catalog.WEIGHTS]
    assert got["folder"] == path["folder"] == verified["verified"][NAME] == folder
    assert removed["freed"] >= sum(map(len, FILES.values()))
    assert (gone["ok"], gone["kind"]) == (False, "weights")
    assert f"models download {NAME}" in gone["remedy"]


def test_info_prints_purpose_size_licence_and_location(environment):
    statuses, output, _ = call(environment, "list")
    text = "\n".join(output)
    assert statuses == [0]
    for weights in catalog.WEIGHTS:
        assert f"{weights.id}: {weights.title}" in text
        assert f"  {weights.purpose}." in text
        assert f"Licence: {weights.licence}. Commercial use: {weights.commercial_use}." in text
    assert "8.6 GB" in text
    assert "built in:" in text
    assert environment["IMAGE_TO_MESH_WEIGHTS"] in text


def test_json_progress_is_one_object_a_line(environment):
    _, output, _ = call(environment, f"download {NAME} --json --follow")
    *progress, answer = map(json.loads, output)
    assert answer["ok"]
    assert progress
    assert {line["progress"]["stage"] for line in progress} == {f"Downloading {catalog.weights(NAME).title}"}
    assert all(0 <= line["progress"]["overall"] <= 1 for line in progress)


def test_each_mistake_is_answered_with_one_line(environment, server: Server, tmp_path: Path):
    (tmp_path / "text.ckpt").write_text("no checkpoint")
    cases = [
        ("download zero123-xxl", 2, "did you mean 'zero123-xl'"),
        ("path zero123-xl", 3, "models download zero123-xl"),
        ("verify zero123-xl", 3, "is incomplete"),
        ("remove zero123-xl", 3, "it is not here"),
        ("remove starter", 3, "belong to the extension"),
        ("convert zero123-xl", 3, "models download zero123-xl"),
        ("convert sam-vit-base", 3, "needs no conversion"),
        ("download stable-zero123", 3, "no longer published"),
    ]
    statuses, output, errors = call(environment, *[line for line, _, _ in cases])
    assert statuses == [status for _, status, _ in cases]
    assert output == []
    for error, (_, _, words) in zip(errors, cases, strict=True):
        assert error.startswith("Error: ")
        assert words in error


def test_a_gated_set_says_where_to_agree(environment, server: Server):
    server.refuse = 403
    statuses, _, [error] = call(environment, "download stable-zero123")
    assert statuses == [3]
    assert f"{server.address}/stabilityai/stable-zero123" in error
    assert "hf auth login" in error


@pytest.mark.parametrize("name", ["IMAGE_TO_MESH_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_sends_no_request(environment, server: Server, name: str):
    del environment["IMAGE_TO_MESH_OFFLINE"]
    statuses, _, [error] = call(environment | {name: "1"}, f"download {NAME}")
    assert statuses == [3]
    assert "switched off" in error
    assert server.asked == []


def test_downloads_are_allowed_by_default(environment, server: Server):
    """The setting that keeps the model libraries offline is ours, not the user's."""
    del environment["IMAGE_TO_MESH_OFFLINE"]
    statuses, _, _ = call(environment, f"download {NAME}")
    assert statuses == [0]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
@pytest.mark.parametrize("options", [[], ["--json", "--follow"]])
def test_control_c_while_the_server_says_nothing(environment, server: Server, tmp_path: Path, options: list[str]):
    server.stall.set()
    command = [sys.executable, "-m", "backend", "models", "download", NAME, *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as process:
        assert server.stalled.wait(PATIENCE_S)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "ancelled" in (output if options else errors)
    assert "Traceback" not in errors
    assert not server.go_on.is_set()
    assert list((tmp_path / "weights" / NAME).glob("*.part"))
    statuses, _, [error] = call(environment, f"path {NAME}")
    assert statuses == [3]
    assert "is not downloaded yet" in error
