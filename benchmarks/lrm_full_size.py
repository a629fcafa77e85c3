# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine LRM at TripoSR's published size, from image to mesh: python -m benchmarks.lrm_full_size [--cells 256]

Writes random weights in the published layout (1.7 GB), then runs the engine on them in a process of its own; tells
when each stage ended and the most memory that was in use. Noise looks like no object: the planes hold three bumps each
beside it, which the decoder adds up to a rounded body, as in lrm_speed. Every layer is computed as with real weights.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .full_size import peak_gb, require, run_on_ball

LAYERS = range(0, 20, 2)  # of the decoder


def write(file: Path) -> int:
    """Random weights under the published names; their number."""
    import torch
    from safetensors.torch import save_file

    from backend.reconstruction.lrm.model import LRM, Architecture
    from backend.weights.loaders.lrm_names import triposr_origins

    from .lrm_speed import bumps

    with torch.device("meta"):
        model = LRM(Architecture())
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    draw = torch.Generator().manual_seed(0)
    state = {
        origin.name: torch.randn(origin.shape(shapes[name]), generator=draw) * 0.02
        for name, origin in triposr_origins(shapes).items()
    }
    state |= {key: torch.zeros_like(tensor) for key, tensor in state.items() if key.startswith("backbone.proj_out")}
    state["tokenizer.embeddings"][:, 0] = bumps(state["tokenizer.embeddings"].shape[-1])
    up = state["post_processor.upsample.weight"]
    up[:, 0], up[0, 0], state["post_processor.upsample.bias"][0] = 0, 1, 0
    for i in LAYERS:
        weight, bias = state[f"decoder.layers.{i}.weight"], state[f"decoder.layers.{i}.bias"]
        weight[0], bias[0] = 0, 0
        if i:
            weight[0, 0] = 1
        else:
            weight[0, :: up.shape[1]] = 8
    state[f"decoder.layers.{LAYERS[-1]}.bias"][0] = -12
    save_file({key: tensor.contiguous() for key, tensor in state.items()}, file)
    return sum(tensor.numel() for tensor in state.values())


def job(folder: Path, cells: int, texture: str) -> dict[str, Any]:
    """Run the engine on a picture of a ball; figures."""
    values = {"weights": str(folder), "device": "cpu", "mesh_resolution": cells, "texture": texture}
    return run_on_ball("lrm", values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=256)
    parser.add_argument("--texture", default="off")
    parser.add_argument("--folder", type=Path, help="keep the weights here for the next run")
    parser.add_argument("--job", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        print(json.dumps(job(options.folder, options.cells, options.texture)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        require(folder, 2, 8)
        if not (folder / "model.safetensors").exists():
            print(f"{write(folder / 'model.safetensors') / 1e6:.1f} million parameters in {folder}", flush=True)
        told = ["--cells", str(options.cells), "--texture", options.texture, "--folder", str(folder), "--job"]
        child = [sys.executable, "-m", "benchmarks.lrm_full_size", *told]
        done = subprocess.run(child, stdout=subprocess.PIPE, text=True, check=True)
        print(
            json.dumps(json.loads(done.stdout.splitlines()[-1]) | {"host_gb": round(peak_gb("CHILDREN"), 2)}, indent=1)
        )


if __name__ == "__main__":
    main()
