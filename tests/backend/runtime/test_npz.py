# SPDX-License-Identifier: GPL-3.0-or-later
import io
import zipfile

import numpy as np
import pytest

from backend.runtime.npz import check_npz

SHAPE = b"(3, 4), }"


def npz(shape: bytes) -> bytes:
    """Twelve float32 whose header claims another shape."""
    entry = io.BytesIO()
    np.save(entry, np.zeros((3, 4), np.float32))
    data = entry.getvalue()
    assert SHAPE + b" " * (len(shape) - len(SHAPE)) in data
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.npy", data.replace(SHAPE + b" " * (len(shape) - len(SHAPE)), shape))
    return stream.getvalue()


@pytest.mark.parametrize("shape", [SHAPE, b"(2, 6), }"])
def test_what_is_whole_passes(shape):
    check_npz(npz(shape))
    with np.load(io.BytesIO(npz(shape))) as file:
        assert file["a"].shape == tuple(int(n) for n in shape[1:5].split(b","))


@pytest.mark.parametrize("shape", [b"(9, 9), }", b"(13,),   }", b"(99999999999,), }", b"(99999, 99999, 99999), }"])
def test_a_claim_of_more_than_there_is_is_refused(shape):
    with pytest.raises(ValueError, match=r"a\.npy is incomplete"):
        check_npz(npz(shape))


def test_what_is_no_npz_is_refused():
    with pytest.raises(zipfile.BadZipFile):
        check_npz(b"PK no zip")
