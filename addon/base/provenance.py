# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of how a mesh was made, as a .blend keeps it. It may be somebody else's .blend."""

from __future__ import annotations

import json

from ...backend.interface.files import parse_json

KINDS = {"engine": str, "parameters": dict, "seed": int, "input": str, "inputs": dict, "job": str, "report": dict}
TEXTS = ("prompt", "variations", "batch")  # inputs that Blender shows or compares


def read(text: str) -> dict:
    """The record in a text, empty if it is none. Entries that are not of the kind that Blender writes are left out, and
    with them the engine: such a mesh cannot be made again.

    Every text in it can be shown: half of a UTF-16 pair, which JSON can spell and Blender refuses, becomes "?".
    """
    try:
        record = parse_json(text) or {}
        if "\\u" in text:
            record = json.loads(json.dumps(record, ensure_ascii=False).encode("utf-8", "replace"))
    except RecursionError:
        return {}
    damaged = {key for key, kind in KINDS.items() if key in record and type(record[key]) is not kind}
    record = {key: value for key, value in record.items() if key not in damaged | ({"engine"} if damaged else set())}
    if "inputs" in record:
        inputs = record["inputs"]
        record["inputs"] = {k: v for k, v in inputs.items() if k not in TEXTS or isinstance(v, str)}
    return record
