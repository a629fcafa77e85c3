# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of failures: every place that makes one says what is wrong and what helps. `python -m benchmarks.failures`
prints the table, with the tests that reach each."""

import pytest

from backend.cli.console import EXIT_CODES
from backend.interface.protocol import FAILURES
from tests.support.failures import Site, failures

SITES = list(failures())


def test_the_table_is_long_and_of_known_kinds():
    assert len(SITES) > 150
    assert {site.kind for site in SITES} <= set(FAILURES) and set(EXIT_CODES) >= set(FAILURES) - {"process"}


@pytest.mark.parametrize("site", SITES, ids=lambda site: f"{site.path}:{site.line}")
def test_a_failure_says_what_is_wrong_and_what_helps(site: Site):
    assert site.message.strip(), "no message"
    assert site.remedy is None or site.remedy.strip(), "no remedy"
    remedy = site.remedy or ""
    if site.kind in ("weights", "parameter", "input"):
        assert "Free some space" not in remedy or "GB are free" in site.message, "space is no remedy for it"
    if site.kind == "disk":
        assert "image" not in remedy and "weights of" not in remedy
