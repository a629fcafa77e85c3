# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
"""Which folders of jobs are offered for import and for resuming, and which may be removed."""

import json
import os

import pytest
from image_to_mesh_checkout.addon.setup import job_folders


@pytest.fixture
def make(tmp_path):
    """make(name, *files, **request) -> a job's folder."""

    def make(name, *files, **request):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "request.json").write_text(json.dumps({"engine": "lrm"} | request))
        for file in files:
            (folder / file).touch()
        return folder

    return make


def test_no_folder_means_no_jobs(tmp_path):
    gone = tmp_path / "gone"
    assert job_folders.unimported(gone) == job_folders.resumable(gone) == job_folders.removable(gone) == []


def test_finished_meshes_wait_for_their_import_newest_first(make, tmp_path):
    first, second = make("20260101-a", "result.npz"), make("20260102-b", "result.npz")
    make("20260103-c", "result.npz", "imported")
    make("20260104-d", "state.pt")
    assert job_folders.unimported(tmp_path) == [second, first]
    job_folders.mark_imported(str(second))
    assert job_folders.unimported(tmp_path) == [first]


def test_a_checkpoint_without_a_result_can_be_resumed(make, tmp_path):
    interrupted = make("20260101-a", "state.pt")
    make("20260102-b", "state.pt", "result.npz")
    make("20260103-c", "state.pt", "picture.png")  # a subject that was learnt
    make("20260104-d")
    assert job_folders.resumable(tmp_path) == [interrupted]


def test_of_a_chain_of_resumed_jobs_the_last_with_a_checkpoint_is_offered(make, tmp_path):
    make("20260101-a", "state.pt")
    last = make("20260102-b", "state.pt", resume="20260101-a")
    make("20260103-c", resume="20260102-b")  # ended before its first checkpoint
    assert job_folders.resumable(tmp_path) == [last]


def test_a_folder_whose_request_is_lost_is_not_offered(make, tmp_path):
    for name, text in (("a", ""), ("b", "[1]"), ("c", "[" * 100_000)):
        (make(name, "state.pt") / "request.json").write_text(text)
    assert job_folders.resumable(tmp_path) == []


def test_imported_and_day_old_jobs_may_go(make, tmp_path):
    imported, old = make("imported", "result.npz", "imported"), make("old", "state.pt")
    make("young", "state.pt")
    waiting = make("waiting", "result.npz")
    for folder in (old, waiting):
        os.utime(folder, (0, 0))
    assert set(job_folders.removable(tmp_path)) == {imported, old}
