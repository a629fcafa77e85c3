# SPDX-License-Identifier: GPL-3.0-or-later
"""Play a script of this folder in a real Blender window, which plain_rig.py opens unless --rig names another program.

    VENV/bin/python tests/blender/window/run.py click --zip image_to_mesh.zip --venv VENV --out shots
    ... run.py views --docs docs ... (as above)
    ... run.py set_up --set-up DIR ... (as above)
    ... run.py menus --double ... (as above; so undo and two_windows, and drop for forty images)

docs/window-rig.md says what a rig needs. VENV has what the backend needs. `--double` puts the stand-in of the tests in
the backend's place, and an "image" whose text says what the stand-in does in place of the sample image.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.append(str(ROOT))
from tests.support.published import Handler, Server  # noqa: E402

PICTURES = (
    "stop_and_keep",
    *("panel", "progress", "result", "crop", "mask", "variations", "history", "compared"),
    *("view_rig", "views_to_mesh", "novel_views", "refine", "match", "maps", "drop"),
    *("fit", "menus", "presets", "ready", "languages", "preferences"),
)
STAGES_OF_DOUBLE = "views wait:2"
SIZES = {"click": "1600x1000", "preferences": "1600x1900", "undo": "1600x1700"}  # TALL for others
TALL = "1600x1400"
PHOTOGRAPH = 4000, 3000  # pixels
WIDEST = 1180  # pixels
WEIGHTS = {"config.json": b"{}", "model.safetensors": bytes(60_000_000), "preprocessor_config.json": b"{}"}
NO_SCRIPTS = {"run", "rig", "plain_rig", "played", "widgets"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("script", choices=sorted({p.stem for p in HERE.glob("*.py")} - NO_SCRIPTS))
    parser.add_argument("--zip", type=Path, required=True)
    parser.add_argument("--venv", type=Path, required=True)
    parser.add_argument("--image", type=Path, default=ROOT / "demo" / "sample.png")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--docs", type=Path, metavar="DIR", help="copy the pictures for docs there")
    parser.add_argument("--double", action="store_true")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a number of the first engine")
    parser.add_argument("--stages", metavar="A,B", help="faults: only in these; views: only these parts")
    parser.add_argument("--set-up", type=Path, metavar="DIR", help="let preferences make a backend in this data folder")
    parser.add_argument(
        "--rig",
        type=Path,
        default=HERE / "plain_rig.py",
        metavar="PROGRAM",
        help="opens Blender's window (%(default)s)",
    )
    parser.add_argument(
        "--rig-argument", action="append", default=[], metavar="TEXT", help="one more for the rig; repeatable"
    )
    parser.add_argument("--timeout", type=int, default=900, metavar="S")
    parser.add_argument("--size", help="of the window; by default what the script needs")
    args = parser.parse_args()
    values = {"python": args.venv.absolute() / "bin" / "python", "image": args.image.absolute(), "here": HERE}
    if args.double:
        args.out.mkdir(parents=True, exist_ok=True)
        made = args.out.absolute() / "Apple.png"
        made.write_text(STAGES_OF_DOUBLE)
        values |= {"double": HERE.parent / "double", "image": made}
    if args.script == "first_hour":
        values["photograph"] = args.out.absolute() / "photograph.jpg"
        photograph(args.image, values["photograph"])
    if args.stages:
        values["stages"] = args.stages
    if args.set_up:
        args.set_up.mkdir(parents=True, exist_ok=True)
        values["data"] = args.set_up.absolute()
    values |= {f"set.{name}": value for name, value in (pair.split("=", 1) for pair in args.set)}
    program = [sys.executable, args.rig] if args.rig.suffix == ".py" else [args.rig]
    command = [*program, "run", "--extension", args.zip, "--venv", args.venv, "--out", args.out]
    size = args.size or SIZES.get(args.script, TALL)
    command += ["--size", size, "--timeout", args.timeout, "--script", HERE / f"{args.script}.py"]
    for folder in (HERE.parent, *(values[name] for name in ("image", "photograph") if name in values)):
        command += ["--bind", f"{folder}:ro"]
    command += ["--bind", values["data"]] if args.set_up else []
    command += args.rig_argument
    server = Server()
    server.files, server.RequestHandlerClass = WEIGHTS, Halting
    command += ["--env", f"HF_ENDPOINT={server.address}"]
    for name, value in values.items():
        command += ["--script-arg", f"{name}={value}"]
    status = subprocess.run([str(part) for part in command]).returncode
    for method, path, part in server.asked:
        print(f"asked: {method} {path} {part}")
    if status == 0 and (args.out / "ready.glb").exists():
        read_gltf(args.out)
    for name in PICTURES:
        if args.docs and status == 0 and (args.out / f"{name}.png").exists():
            args.docs.mkdir(parents=True, exist_ok=True)
            shrink(args.out / f"{name}.png", args.docs / f"{name}.png")
    return status


def photograph(image: Path, target: Path) -> None:
    """Put the object in front of a plain wall with a camera's noise, and save that as JPEG."""
    import numpy as np
    from PIL import Image

    target.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).normal(200, 4, (PHOTOGRAPH[1], PHOTOGRAPH[0], 3))
    wall = Image.fromarray(noise.clip(0, 255).astype(np.uint8))
    with Image.open(image) as shown:
        shown = shown.convert("RGBA").resize((2400, 2400), Image.Resampling.LANCZOS)
    wall.paste(shown, ((PHOTOGRAPH[0] - 2400) // 2, (PHOTOGRAPH[1] - 2400) // 2), shown)
    wall.save(target, quality=92)


def read_gltf(out: Path) -> None:
    """Fail unless trimesh finds the colours of ready.py's mesh, which glTF keeps linear, in its file."""
    import numpy as np
    import trimesh

    [mesh] = trimesh.load_scene(out / "ready.glb").geometry.values()
    colors = np.asarray(mesh.visual.vertex_attributes["color"], float)[:, :3]  # pyright: ignore
    colors = colors / 65535 if colors.max() > 1 else colors
    srgb = np.where(colors <= 0.0031308, 12.92 * colors, 1.055 * colors ** (1 / 2.4) - 0.055)
    found = np.concatenate([srgb.mean(0), srgb.std(0)])
    expected = json.loads((out / "ready.json").read_text())
    print("glTF by trimesh: mean colour and spread", found.round(4), "of", np.round(expected, 4))
    assert np.abs(found - expected).max() < 0.02


def shrink(source: Path, target: Path) -> None:
    """A picture of the window as the manual shows it: small, in few colours."""
    from PIL import Image

    with Image.open(source) as picture:
        picture = picture.convert("RGB")
        picture.thumbnail((WIDEST, WIDEST))
        picture = picture.quantize(256, Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE)
        picture.save(target, optimize=True)


class Halting(Handler):
    """Publishes one set of weights; the first time, a large file stops half-way."""

    def send(self, data: bytes) -> None:
        if len(data) < 1_000_000 or self.server.stalled.is_set():
            return super().send(data)
        self.server.stalled.set()
        self.wfile.write(data[: len(data) // 2])
        self.server.go_on.wait()


if __name__ == "__main__":
    sys.exit(main())
