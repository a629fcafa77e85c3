# SPDX-License-Identifier: GPL-3.0-or-later
import pytest

from backend.interface.catalog import WeightsError
from backend.weights.formats.checkpoint import read_file
from backend.weights.formats.stand_ins import find_stand_in, stand_in
from backend.weights.formats.transformers_folder import read_config

POINTER = (
    b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1234\n"  # as Git LFS's documentation has it
)
CASES = {
    "it is empty": b"",
    "git lfs pull": POINTER,
    "a web page": b"\xef\xbb\xbf\n <!DOCTYPE html><title>Sign in</title>",
    "broke off": bytes(4096),
}


@pytest.mark.parametrize("words", CASES)
def test_what_lies_in_the_place_of_weights_or_a_config_is_named(words, tmp_path):
    file = tmp_path / "model.safetensors"
    file.write_bytes(CASES[words])
    assert words in stand_in(file)
    for read in (read_file, read_config):
        with pytest.raises(WeightsError, match=words) as caught:
            read(file, "Download it again.")
        assert caught.value.remedy == "Download it again."


@pytest.mark.parametrize("start", [b"PK\x03\x04", b"\x40\0\0\0\0\0\0\0{", b'{"a": 1}', b"\x80\x02."])
def test_files_of_weights_and_configs_are_no_stand_ins(start):
    assert find_stand_in(start) == ""


def test_a_file_that_is_not_there_is_not_judged(tmp_path):
    assert stand_in(tmp_path / "nowhere") == ""
