# SPDX-License-Identifier: GPL-3.0-or-later
from pathlib import Path

from backend.process.checkpoints import copy_checkpoints, find_checkpoints


def test_only_checkpoints_are_copied_and_of_every_stage(tmp_path: Path):
    source, target = tmp_path / "a", tmp_path / "b"
    (source / "refining" / "deeper").mkdir(parents=True)
    target.mkdir()
    for name, text in {
        "state.pt": "1",
        "refining/state.pt": "2",
        "log.txt": "3",
        "refining/deeper/state.pt": "4",
    }.items():
        (source / name).write_text(text)
    copy_checkpoints(source, target)
    copied = {path.relative_to(target): path.read_text() for path in target.rglob("*") if path.is_file()}
    assert copied == {Path("state.pt"): "1", Path("refining/state.pt"): "2"}


def test_a_folder_that_does_not_exist_has_no_checkpoints(tmp_path: Path):
    assert find_checkpoints(tmp_path / "none") == []
    copy_checkpoints(tmp_path / "none", tmp_path)
    assert list(tmp_path.iterdir()) == []
