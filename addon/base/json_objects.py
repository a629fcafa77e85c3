# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON from files and other programs, which may hold anything."""

import json


def parse(text: str) -> dict:
    """The JSON object in a text, or an empty dict for anything else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
