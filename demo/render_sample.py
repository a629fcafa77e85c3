# SPDX-License-Identifier: GPL-3.0-or-later
"""How sample.png was made: `PYTHON demo/render_sample.py [OBJECT] --meshes FOLDER`, PYTHON being the backend's.

The object is CC0 (Quaternius, Platformer Game Pack) and none of those that the starter weights were trained on.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from backend.training.meshes import list_meshes, load_mesh  # noqa: E402
from backend.training.render import Light, Renderer, orbit  # noqa: E402

AZIMUTH_DEG, ELEVATION_DEG, PIXELS = 30.0, 20.0, 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("object", nargs="?", default="qsh-platformer_game_pack-chest")
    parser.add_argument("--meshes", type=Path, required=True, help="folder with the object; see demo/meshes")
    parser.add_argument("--output", type=Path, default=HERE / "sample.png")
    options = parser.parse_args()
    found = {entry[0]: entry for entry in list_meshes(options.meshes, "validation")}
    direction = np.array([-0.4, -0.6, 0.7], np.float32)
    light = Light(direction / np.linalg.norm(direction), 0.6)
    renderer = Renderer(load_mesh(*found[options.object]), light)
    camera = orbit(AZIMUTH_DEG, ELEVATION_DEG)
    rgba, _ = renderer.render(camera, PIXELS, renderer.framing(camera), samples=3)
    Image.fromarray(rgba).save(options.output, optimize=True)


if __name__ == "__main__":
    main()
