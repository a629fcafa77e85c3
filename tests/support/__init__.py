# SPDX-License-Identifier: GPL-3.0-or-later
"""Doubles, references and builders that tests share."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"  # small files of published numbers
