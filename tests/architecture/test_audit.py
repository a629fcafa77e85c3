# SPDX-License-Identifier: GPL-3.0-or-later
"""`build.py audit` tells a clean bill from one that nobody wrote."""

import json

import pytest

import build

SOUND = {"name": "numpy", "version": "2.4.6", "vulns": []}
FAULTY = {"name": "pillow", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1", "2.0"]}]}
HOPELESS = {"name": "torch", "version": "1.0", "vulns": [{"id": "PYSEC-2", "fix_versions": []}]}
UNKNOWN = {"name": "bpy", "skip_reason": "Dependency not found on PyPI"}


@pytest.mark.parametrize(
    ("found", "status", "words"),
    [
        ([SOUND], 0, "1 of 1 packages looked up: 0 known faults"),
        ([SOUND, FAULTY], 1, "pillow 1.0: PYSEC-1, mended in 1.1, 2.0"),
        ([HOPELESS], 1, "torch 1.0: PYSEC-2, mended in no version yet"),
        ([SOUND, UNKNOWN], 3, "Not looked up: Dependency not found on PyPI"),
        ([FAULTY, UNKNOWN], 1, "1 of 2 packages looked up: 1 known faults"),
        ([UNKNOWN, UNKNOWN], 3, "Not run: none of 2 packages could be looked up"),
        ([], 3, "Not run: none of 0 packages could be looked up"),
    ],
)
def test_a_report_is_told_with_what_is_not_known(found, status, words, capsys):
    assert build.tell_faults(json.dumps({"dependencies": found, "fixes": []}), len(found)) == status
    assert words in capsys.readouterr().out
