# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine TripoSG at its published size, from image to mesh: python -m benchmarks.triposg_full_size [--steps 1]

Writes random weights in the published layout (7.9 GB; --half: 4 GB), then runs the engine on them in a process of its
own; tells when each stage ended and the most memory that was in use. Noise has no surface: the last layers of the
decoder are set so that the field is a rounded body, whatever the latents. Every layer is computed as with real weights.
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

DINOV2_LARGE = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "image_size": 518}
WAVES = {28: 1.0, 36: 1.0, 44: 1.0}  # inputs of the body: the cosines of twice x, y and z
LEVEL = 1.4  # that their sum exceeds inside


def write(folder: Path, is_half: bool) -> int:
    """Random weights under the published names; their number."""
    import torch
    from safetensors.torch import save_file

    from backend.weights.loaders import triposg

    count, draw = 0, torch.Generator().manual_seed(0)
    (folder / triposg.IMAGE_ENCODER).mkdir(parents=True)
    (folder / triposg.IMAGE_ENCODER / "config.json").write_text(json.dumps(DINOV2_LARGE | {"patch_size": 14}))
    for name in (triposg.FLOW, triposg.VAE):
        (folder / name).mkdir()
        (folder / name / "config.json").write_text('{"_class_name": "at the published size"}')
    for name, (network, origins) in triposg.empty_networks(folder).items():
        state = {}
        for own, tensor in network.state_dict().items():
            is_scale = tensor.ndim == 1 and own.endswith("weight")  # of a norm
            numbers = torch.randn(tensor.shape, generator=draw) * 0.02 + is_scale
            state[origins[own].name] = numbers.half() if is_half else numbers
        if name == triposg.VAE:
            make_body(state)
        count += sum(tensor.numel() for tensor in state.values())
        save_file(state, folder / name / f"{triposg.STEMS[name]}.safetensors")
    return count


def make_body(state: dict[str, Any]) -> None:
    """Let the query's block pass its input on, and the field be positive where the cosines' sum exceeds LEVEL."""
    for key, tensor in state.items():
        if key.startswith("decoder.blocks.16.") and (".to_out." in key or ".ff.net.2." in key):
            tensor.zero_()
        if key.startswith(("decoder.proj_query.", "decoder.proj_out.")):
            tensor.zero_()
    weight, bias = state["decoder.proj_query.weight"], state["decoder.proj_query.bias"]
    for wave, factor in WAVES.items():
        weight[0, wave], weight[1, wave] = factor, -factor
    bias[0], bias[1], bias[2], bias[3] = -LEVEL, LEVEL, 1, -1
    state["decoder.proj_out.weight"][0, 0] = -1


def job(folder: Path, steps: int, cells: int) -> dict[str, Any]:
    """Run the engine on a picture of a ball; figures."""
    values = {"weights": str(folder), "num_inference_steps": steps, "mesh_resolution": cells, "texture": "off"}
    return run_on_ball("triposg", values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1, help="each is two evaluations of the transformer")
    parser.add_argument("--cells", type=int, default=64)
    parser.add_argument("--half", action="store_true", help="write float16")
    parser.add_argument("--folder", type=Path, help="keep the weights here for the next run")
    parser.add_argument("--job", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        print(json.dumps(job(options.folder, options.steps, options.cells)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary) / "triposg"
        require(folder.parent, 9, 8)
        if not folder.exists():
            print(f"{write(folder, options.half) / 1e6:.1f} million parameters in {folder}", flush=True)
        told = ["--steps", str(options.steps), "--cells", str(options.cells), "--folder", str(folder), "--job"]
        child = [sys.executable, "-m", "benchmarks.triposg_full_size", *told]
        done = subprocess.run(child, stdout=subprocess.PIPE, text=True, check=True)
        print(
            json.dumps(json.loads(done.stdout.splitlines()[-1]) | {"host_gb": round(peak_gb("CHILDREN"), 2)}, indent=1)
        )


if __name__ == "__main__":
    main()
