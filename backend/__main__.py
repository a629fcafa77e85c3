# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: `python -m backend COMMAND`. Nothing imports torch before an image is really being worked on.

Exit status: 0 done, 2 wrong usage or input, 3 weights, 4 memory, 5 disk, 130 cancelled, 1 anything else.
"""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import engines
from .cli import console, weights
from .interface import parameters, protocol, tasks
from .interface.common_parameters import PROMPT
from .process.availability import engine_states
from .process.failure import Failure, describe

if TYPE_CHECKING:
    import numpy as np

    from .runtime.progress import Progress

app = typer.Typer(
    help="Image to Mesh: turns a single image into a coloured mesh.", add_completion=False, no_args_is_help=True
)
app.add_typer(weights.app, name="models")
ENGINE = tasks.ENGINES[0].name
OF_VIEWS = "one2345"  # imagines them, and makes a mesh of them
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}

EngineName = Annotated[str, typer.Option("--engine", help="See the command engines.")]
IMAGE = typer.Option("--image", help="The image: PNG, JPEG, WebP and others.")
ImageFile = Annotated[Path, IMAGE]
MeshFile = Annotated[Path, typer.Option("--output", help="The mesh to write: .ply, .glb, .obj or .stl.")]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Another seed gives another variation.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the engine; repeatable.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, no progress.")]


@app.callback()
def debug(
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the program an error came from.")] = False,
) -> None:
    """Options of all commands; `main` looks for --debug itself."""


@app.command()
def generate(
    output: MeshFile,
    image: Annotated[Path | None, IMAGE] = None,
    prompt: Annotated[str | None, typer.Option(help="What the mesh should be, in words.")] = None,
    engine: EngineName = ENGINE,
    seed: Seed = 0,
    settings: Settings = None,
    as_json: Json = False,
    mesh: Annotated[Path | None, typer.Option(help="A mesh to start from, for --set start=mesh.")] = None,
) -> None:
    """Turn an image, or a prompt, into a mesh."""
    declared = tasks.engine(engine)
    values = declared.check(read_settings(settings))
    check_output(output, mesh_endings())
    given = read_inputs(declared, image, prompt)
    from .meshing.files import load, save
    from .process.run import run

    inputs: dict[str, Any] = given | ({} if mesh is None else {"mesh": load(mesh)})
    with console.working(as_json) as progress:
        result = run(engines.Request(declared.name, inputs, values, seed), progress, engines.load)
        save(result.mesh, output)
    facts = {"output": str(output.resolve()), "vertices": len(result.mesh.vertices), "faces": len(result.mesh.faces)}
    text = f"{output}: {facts['vertices']} vertices, {facts['faces']} faces, {result.facts.get('seconds')} s"
    console.answer(as_json, facts | {"report": result.facts}, text)


@app.command()
def picture(
    prompt: Annotated[str, typer.Option(help="What to show, in words.")],
    output: Annotated[Path, typer.Option(help="The picture to write: .png.")],
    seed: Seed = 0,
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Make the image of a prompt, to look at it before an engine takes it."""
    values = tasks.PICTURE.check(read_settings(settings))
    check_output(output, (".png",))
    from .meshing.files import write_whole
    from .preprocess.image import encode_png

    with console.working(as_json) as progress:
        pixels = imagine(PROMPT.check(prompt), values, progress, seed)
        write_whole(output, encode_png(pixels))
    console.answer(as_json, {"output": str(output.resolve()), "side": len(pixels)}, str(output))


@app.command()
def views(
    prompt: Annotated[str, typer.Option(help="What to show, in words.")],
    output: Annotated[Path, typer.Option(help="A new folder for the views and transforms.json.")],
    seed: Seed = 0,
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Make views of a prompt from several sides, for `reconstruct --views`."""
    values = tasks.VIEWS_OF_PROMPT.check(read_settings(settings))
    from .engines import views_from_text
    from .preprocess.view_folder import check_folder, write_views
    from .process.run import cancelling

    check_folder(output)
    with console.working(as_json) as progress, cancelling(progress):
        pictures, cameras = views_from_text.imagine(PROMPT.check(prompt), values, progress, seed)
        write_views(output, pictures, cameras)
    console.answer(as_json, {"output": str(output.resolve()), "views": len(pictures)}, str(output))


@app.command()
def learn(
    photos: Annotated[list[Path], typer.Option("--photo", help="A photo of the subject; repeat it for 3 to 6.")],
    name: Annotated[str, typer.Option(help="What prompts will call it between < and >, such as: gnome.")],
    kind: Annotated[str, typer.Option(help="What it is, in words that the model knows.")] = "",
    seed: Seed = 0,
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Learn a subject from a few photos, which prompts then name (multi-view DreamBooth)."""
    values = tasks.LEARN.check({"subject": name, "kind": kind} | read_settings(settings))
    from .process.run import run
    from .weights.loaders.subjects import check_new

    check_new(f"<{name}>")
    inputs = {"photos": [read_picture(photo) for photo in photos]}
    with console.working(as_json) as progress:
        result = run(engines.Request(tasks.LEARN.name, inputs, values, seed), progress, engines.load)
    console.answer(as_json, result.facts, f"<{name}>: {result.facts['file']}")


@app.command()
def novel_view(
    image: ImageFile,
    azimuth: Annotated[float, typer.Option(min=-360, max=360, help="Degrees around the object, to the right.")],
    elevation: Annotated[float, typer.Option(min=-90, max=90, help="Degrees upwards from the image's own view.")],
    output: Annotated[Path, typer.Option(help="The picture to write: .png.")],
    engine: EngineName = OF_VIEWS,
    seed: Seed = 0,
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Imagine the object in an image from another side."""
    declared = tasks.engine(engine)
    values = declared.check(read_settings(settings))
    check_output(output, (".png",))
    pixels = read_picture(image)
    from .meshing.files import write_whole
    from .preprocess.image import encode_png
    from .process.run import cancelling

    with console.working(as_json) as progress:
        module: Any = engines.load(declared.name)
        with cancelling(progress):
            view = module.novel_view(pixels, azimuth, elevation, values, progress, seed)
        write_whole(output, encode_png(view))
    console.answer(
        as_json, {"output": str(output.resolve()), "width": view.shape[1], "height": view.shape[0]}, str(output)
    )


@app.command()
def reconstruct(
    views: Annotated[Path, typer.Option(help="Folder with transforms.json and images (NeRF-synthetic form).")],
    output: MeshFile,
    engine: EngineName = OF_VIEWS,
    settings: Settings = None,
    scale: Annotated[float, typer.Option(min=1e-6, max=1e6, help="Multiplies the cameras' positions.")] = 1.0,
    as_json: Json = False,
) -> None:
    """Turn pictures with known cameras into a mesh; by NeuS with --engine views_to_mesh --set method=neus."""
    declared = tasks.asked(engine)
    values = declared.check(read_settings(settings))
    check_output(output, mesh_endings())
    from .meshing.files import save
    from .preprocess.views import read_views
    from .process.run import cancelling

    images, cameras = read_views(views, scale)
    with console.working(as_json) as progress:
        module: Any = engines.load(declared.name)
        with cancelling(progress):
            mesh = module.reconstruct(images, cameras, values, progress)
        save(mesh, output)
    facts = {
        "output": str(output.resolve()),
        "views": len(images),
        "vertices": len(mesh.vertices),
        "faces": len(mesh.faces),
    }
    console.answer(
        as_json, facts, f"{output}: {facts['vertices']} vertices, {facts['faces']} faces, from {len(images)} views"
    )


@app.command("engines")
def list_engines(as_json: Json = False) -> None:
    """List the engines, their parameters, and whether they can run here."""
    states = {state["name"]: state for state in engine_states()}
    listed = [vars(e) | {"parameters": [vars(p) for p in e.parameters]} | states[e.name] for e in tasks.ENGINES]
    console.answer(as_json, {"engines": listed}, "\n\n".join(map(describe_engine, listed)))


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check this environment: modules, devices, memory, weights."""
    from .cli.doctor import examine

    checks = examine()
    lines = [f"{'ok  ' if check['ok'] else 'FAIL'}  {check['what']}: {check['found']}" for check in checks]
    healthy = all(check["ok"] for check in checks)
    console.answer(as_json, {"ok": healthy, "checks": checks}, "\n".join(lines))
    raise typer.Exit(0 if healthy else 1)


@app.command()
def serve(
    jobs: Annotated[Path | None, typer.Option(help="Folder that receives a folder for each job.")] = None,
) -> None:
    """Speak frames on standard input and output; this is how Blender uses the backend."""
    from .process.server import main as start

    if jobs is None:
        from .interface.installer.environment import default_data_folder

        jobs = default_data_folder() / "jobs"
    start(jobs)


@app.command(context_settings=PASS_ON, add_help_option=False)
def train(context: typer.Context) -> None:
    """Train the starter models (in the repository only)."""
    pass_on("training.app", context)


@app.command(context_settings=PASS_ON, add_help_option=False)
def evaluate(context: typer.Context) -> None:
    """Measure the quality of meshes on the validation objects."""
    pass_on("evaluation.benchmark", context)


def pass_on(module: str, context: typer.Context) -> None:
    """Run a command line of its own, imported only now: it brings torch, and may not ship with the extension."""
    try:
        other = import_module(f"{__package__}.{module}").app
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith(str(__package__)):
            raise
        raise parameters.ParameterError(
            f"{context.info_name} works in the repository only, not in the installed extension."
        ) from None
    raise typer.Exit(other(context.args, prog_name=context.command_path, standalone_mode=False) or 0)


def read_settings(settings: list[str] | None) -> dict[str, str]:
    """NAME=VALUE texts -> {name: value}."""
    for setting in settings or []:
        if "=" not in setting:
            raise parameters.ParameterError(f"--set needs NAME=VALUE, not {setting[:80]!r}.")
    return dict(setting.split("=", 1) for setting in settings or [])  # pyright: ignore[reportReturnType]


def read_inputs(engine: parameters.Engine, image: Path | None, prompt: str | None) -> dict[str, Any]:
    """What the engine works from, read."""
    if "image" in engine.inputs and image is not None:
        return {"image": read_picture(image)}
    if prompt is None:
        needed = "--image, or --prompt" if "image" in engine.inputs else "--prompt"
        raise parameters.ParameterError(f"{engine.title} needs {needed}.")
    return {"prompt": PROMPT.check(prompt)}


def imagine(prompt: str, values: dict[str, Any], progress: Progress, seed: int) -> np.ndarray:
    """The picture of a prompt, float32 RGBA (H, W, 4)."""
    from .engines import text_to_image
    from .process.run import cancelling

    with cancelling(progress):
        pixels = text_to_image.imagine(prompt, values, progress, seed)
    text_to_image.unload()
    return pixels


def mesh_endings() -> tuple[str, ...]:
    from .meshing.files import ENDINGS

    return ENDINGS


def check_output(path: Path, endings: tuple[str, ...]) -> None:
    """Complain before the work begins, not after it."""
    if path.suffix.lower() not in endings:
        raise parameters.ParameterError(f"{path.name!r} must end in {', '.join(endings)}.")
    if path.is_dir():
        raise parameters.ParameterError(f"{path} is a folder.")
    from .meshing.files import unwritable

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise unwritable(path, error) from error


def read_picture(path: Path) -> np.ndarray:
    from .preprocess.image import read_image

    return read_image(path)


def describe_engine(listed: dict[str, Any]) -> str:
    """An engine and its parameters as text."""
    state = "" if listed["can_run"] else f"\n  cannot run: {', '.join(listed['missing'])} missing. {listed['remedy']}"
    lines = [f"{listed['name']}: {listed['title']}. {listed['help']}.{state}"]
    for p in listed["parameters"]:
        span = "" if p["minimum"] is None else f", {p['minimum']:g} to {p['maximum']:g} {p['unit']}".rstrip()
        choices = f", one of {' '.join(p['choices'])}" if p["choices"] else ""
        lines.append(f"  {p['name']} = {p['default']}  ({p['kind']}{span}{choices}) {p['help']}")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    os.environ.setdefault("IMAGE_TO_MESH_OFFLINE", os.environ.get("HF_HUB_OFFLINE", "0"))  # before we set the latter
    os.environ |= protocol.SETTINGS | os.environ
    as_json, with_trace = "--json" in arguments, "--debug" in arguments
    try:
        return app(arguments, prog_name="python -m backend", standalone_mode=False) or 0
    except typer.TyperException as error:  # wrong usage
        format_message = getattr(error, "format_message", error.__str__)
        return console.complain(Failure("parameter", format_message(), "See --help."), as_json)
    except BaseException as error:
        if with_trace:
            traceback.print_exception(error)
        return console.complain(describe(error), as_json)


if __name__ == "__main__":
    sys.exit(main())
