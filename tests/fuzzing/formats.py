# SPDX-License-Identifier: GPL-3.0-or-later
"""All formats that are fuzzed outside Blender."""

from __future__ import annotations

from tests.fuzzing.checkpoints import CHECKPOINTS
from tests.fuzzing.configs import CONFIGS
from tests.fuzzing.format import Format
from tests.fuzzing.meshes import MESHES
from tests.fuzzing.messages import MESSAGES
from tests.fuzzing.pictures import PICTURES
from tests.fuzzing.views import VIEWS

FORMATS: tuple[Format, ...] = (*PICTURES, *VIEWS, *MESHES, *CHECKPOINTS, *CONFIGS, *MESSAGES)
