# SPDX-License-Identifier: GPL-3.0-or-later
"""The command learn: photos of a subject -> a word for it in prompts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import engines
from ..interface.tasks import DREAMBOOTH
from . import console
from .options import Json, Seed, Settings, idle_settings, read_picture, read_settings


def learn(
    photos: Annotated[list[Path], typer.Option("--photo", help="A photo of the subject; repeat it for 3 to 6.")],
    name: Annotated[str, typer.Option(help="What prompts will call it between < and >, such as: gnome.")],
    kind: Annotated[str, typer.Option(help="What it is, in words that the model knows.")] = "",
    seed: Seed = 0,
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Learn a subject from a few photos, which prompts then name (multi-view DreamBooth)."""
    values = DREAMBOOTH.check({"subject": name, "kind": kind} | read_settings(settings))
    from ..process.run import run
    from ..weights.loaders.subjects import check_new

    check_new(f"<{name}>")
    inputs = {"photos": [read_picture(photo) for photo in photos]}
    known = idle_settings(DREAMBOOTH, settings, values, seed)
    with console.working(as_json, can_stop=DREAMBOOTH.optimises, known=known) as progress:
        result = run(engines.Request(DREAMBOOTH.name, inputs, values, seed), progress, engines.load)
    console.answer_result(as_json, result.facts, result.facts, f"<{name}>: {result.facts['file']}")
