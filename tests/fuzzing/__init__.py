# SPDX-License-Identifier: GPL-3.0-or-later
"""Damaged and hostile inputs of every format that is read, and what each reader must do with them.

`formats.FORMATS` lists them. `python -m benchmarks.fuzz` tries many, `test_fuzzing.py` a few of each.
"""
