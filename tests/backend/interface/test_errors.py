# SPDX-License-Identifier: GPL-3.0-or-later
"""Each of the system's reasons for refusing a file has its remedy, wherever the refusal is met."""

import errno
import os

import pytest

from backend.interface.errors import REMEDIES, ImageError, one_line, reading_input, remedy_for
from backend.interface.installer.environment import NoHome
from backend.meshing.files import unwritable
from backend.process.failure import describe
from backend.process.job_folder import FolderError
from backend.weights.store.store import DiskError, WeightsError, reading_weights

WORDS = {  # by the reason, what the remedy has to speak of
    "ENOSPC": "Free some space",
    "EDQUOT": "Free some space",
    "EFBIG": "another disk",
    "EROFS": "can only be read",
    "EACCES": "may write",
    "EPERM": "may write",
    "ENOENT": "Check the name",
    "ENOTDIR": "stands in the place of a folder",
    "EEXIST": "stands in the place of a folder",
    "EISDIR": "A folder has this name",
    "ELOOP": "link",
    "ENAMETOOLONG": "shorter name",
    "EILSEQ": "does not take this name",
    "EMFILE": "Too many files",
    "ENFILE": "Too many files",
    "EIO": "does not answer",
    "ESTALE": "does not answer",
    "EBUSY": "Another program",
}


def refusal(name: str, path: object = "/some/file") -> OSError:
    number = getattr(errno, name)
    return OSError(number, os.strerror(number), str(path))


@pytest.mark.parametrize("name", WORDS)
def test_the_remedy_fits_the_reason(name, tmp_path):
    """The data folder, a job's folder, a download, an output: all have the remedy of the reason."""
    error = refusal(name)
    assert WORDS[name] in remedy_for(error)
    assert WORDS[name] in FolderError(tmp_path / "job", error).remedy
    assert WORDS[name] in DiskError("It cannot be written.", error).remedy
    failure = describe(error)
    told = "data folder" if name == "ENOENT" else WORDS[name]  # what the user names is looked for before
    assert told in failure.remedy and "/some/file" in failure.message
    assert failure.kind == ("input" if name in ("ENAMETOOLONG", "EINVAL", "EILSEQ", "EISDIR", "ELOOP") else "disk")
    if name not in ("ENOSPC", "EDQUOT", "EFBIG"):
        assert WORDS[name] in unwritable(tmp_path, error).remedy


@pytest.mark.parametrize("name", WORDS)
def test_only_a_full_disk_is_told_to_be_freed(name):
    assert ("Free some space" in remedy_for(refusal(name))) == (name in ("ENOSPC", "EDQUOT"))


@pytest.mark.parametrize("name", WORDS)
def test_reading_asks_for_a_permission_to_read(name):
    """A file that a person named is an input, and weights are weights, whatever the system says."""
    for kind, context, made in (("input", reading_input, ImageError), ("weights", reading_weights, WeightsError)):
        with pytest.raises(made) as caught, context():
            raise refusal(name)
        failure = describe(caught.value)
        assert failure.kind == kind and "/some/file cannot be read" in failure.message
        fits = "Check the permissions" if name in ("EACCES", "EPERM") else WORDS[name]
        assert fits in failure.remedy


@pytest.mark.parametrize("context", [reading_input, reading_weights])
def test_memory_is_no_fault_of_a_file(context):
    with pytest.raises(OSError, match="Cannot allocate memory") as caught, context():
        raise refusal("ENOMEM")
    assert describe(caught.value).kind == "memory"


def test_every_reason_in_the_table_is_one_of_this_system():
    known = set(errno.errorcode.values())
    assert {name for name in REMEDIES if name in known} >= {"ENOSPC", "EROFS", "ENAMETOOLONG", "EMFILE"}
    assert all(remedy.endswith(".") for remedy in REMEDIES.values())


def test_a_user_without_a_home_is_told_which_variables_help():
    failure = describe(NoHome())
    assert failure.kind == "disk"
    assert all(name in failure.remedy for name in ("HOME", "XDG_DATA_HOME", "IMAGE_TO_MESH_WEIGHTS"))


def test_a_text_is_one_line():
    assert one_line(ValueError("a\n  b.")) == "a b" and one_line(KeyError()) == "KeyError"
