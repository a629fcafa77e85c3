# SPDX-License-Identifier: GPL-3.0-or-later
import os
import stat

import pytest

from backend.process.job_folder import JobFolder


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps a user's folders from others by itself")
def test_other_users_cannot_look_into_a_jobs_folder(tmp_path):
    """Images and prompts lie in it. Whatever the user's umask allows."""
    before = os.umask(0)
    try:
        folder = JobFolder(tmp_path / "jobs", "a-1")
        folder.write("input.image", b"1")
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
