# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers and transformers annotate their models loosely.
# pyright: reportArgumentType=false, reportCallIssue=false, reportAttributeAccessIssue=false
"""Shap-E from tiny random folders: its latents are those of diffusers' own pipelines, its mesh the surface that the
latents' network describes."""

import numpy as np
import pytest
import torch
from diffusers import HeunDiscreteScheduler, PriorTransformer, ShapEImg2ImgPipeline, ShapEPipeline
from diffusers.pipelines.shap_e import ShapERenderer
from PIL import Image
from transformers import CLIPTextModelWithProjection, CLIPVisionConfig, CLIPVisionModel

from backend.engines import Request, shap_e
from backend.interface.catalog import WeightsError
from backend.interface.tasks import task
from backend.runtime.progress import Cancelled, Progress
from tests.support.small_networks import CLIP_SIZES, clip_text_config, clip_tokenizer

PICTURE = np.ones((32, 32, 4), np.float32)
PICTURE[:, :, 3] = 0
PICTURE[8:24, 8:24] = 0.2, 0.5, 0.9, 1


def make(folder, kind):
    torch.manual_seed(0)
    width = 8
    rows = dict(param_names=("nerstf.mlp.0.weight", "nerstf.mlp.1.weight"), param_shapes=((8, 93), (8, 8)))
    renderer = ShapERenderer(**rows, d_latent=width, d_hidden=8, n_hidden_layers=3, insert_direction_at=2)
    smooth = torch.zeros(93)  # a random network of all the frequencies tells noise
    smooth[:3] = 1
    first = renderer.params_proj.projections["nerstf__mlp__0__weight"]
    first.norm.weight.data.mul_(smooth)
    first.proj.bias.data.mul_(smooth.repeat(8))
    renderer.mlp.mlp[-1].weight.data.mul_(4)
    prior = PriorTransformer(
        num_attention_heads=2,
        attention_head_dim=4,
        num_layers=1,
        embedding_dim=width,
        num_embeddings=16,
        additional_embeddings=0,
        time_embed_act_fn="gelu",
        time_embed_dim=8,
        embedding_proj_dim=12,
        encoder_hid_proj_type=None,
        added_emb_type=None,
        norm_in_type="layer",
        clip_embed_dim=2 * width,
        embedding_proj_norm_type="layer" if kind == "image" else None,
    )
    scheduler = HeunDiscreteScheduler(
        beta_schedule="exp",
        num_train_timesteps=64,
        prediction_type="sample",
        use_karras_sigmas=True,
        clip_sample=True,
        clip_sample_range=1.0,
    )
    if kind == "image":
        seen = CLIPVisionModel(CLIPVisionConfig(**CLIP_SIZES, num_hidden_layers=1, image_size=32, patch_size=16))
        pipeline = ShapEImg2ImgPipeline(prior, seen, None, scheduler, renderer)
    else:
        seen = CLIPTextModelWithProjection(clip_text_config(layers=1, projection_dim=12))
        pipeline = ShapEPipeline(prior, seen, clip_tokenizer(), scheduler, renderer)
    pipeline.save_pretrained(folder)
    (folder / "model_index.json").unlink()  # which may name any class, and is not asked
    return pipeline


@pytest.fixture(scope="module", params=["image", "prompt"])
def made(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    pipeline = make(folder, request.param)
    yield folder, pipeline, request.param
    shap_e.load.drop()


def settings(folder, kind, **told):
    values = {"weights": str(folder), "device": "cpu", "steps": 2, "mesh_resolution": 32}
    return task("shap_e" if kind == "image" else "shap_e_text").check(values | told)


def inputs(kind):
    return {"image": PICTURE} if kind == "image" else {"prompt": "car"}


def test_latents_equal_the_pipelines(made):
    folder, pipeline, kind = made
    told = PICTURE if kind == "image" else "car"
    found = shap_e.sample_latents(
        shap_e.load(str(folder), kind, torch.device("cpu")), told, settings(folder, kind), 3, Progress()
    )
    generator = torch.Generator().manual_seed(3)
    told = shap_e.clip_input(PICTURE, 32) if kind == "image" else "car"
    scale = 3.0 if kind == "image" else 15.0
    expected = pipeline(told, num_inference_steps=2, guidance_scale=scale, generator=generator, output_type="latent")
    torch.testing.assert_close(found, expected.images)


def test_the_image_is_preprocessed_as_by_clip():
    from backend.preprocess.framing import frame
    from backend.runtime.images import on_white

    transformers = pytest.importorskip("transformers.models.clip.image_processing_pil_clip")
    picture = Image.fromarray((on_white(frame(PICTURE, 32)[0]) * 255 + 0.5).astype(np.uint8))
    processor = transformers.CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=32)
    expected = torch.as_tensor(processor(picture, return_tensors="pt").pixel_values)
    torch.testing.assert_close(shap_e.clip_input(PICTURE, 32), expected, atol=2e-2, rtol=0)


def test_the_mesh_is_the_zero_level_set_in_blenders_axes(made, monkeypatch):
    """Every vertex, turned back, lies where diffusers' renderer tells no distance, in the colour that it tells."""
    folder, pipeline, kind = made
    latents = torch.randn(1, 16, 8, generator=torch.Generator().manual_seed(5))
    monkeypatch.setattr(shap_e, "sample_latents", lambda *_: latents)
    model = shap_e.load(str(folder), kind, torch.device("cpu"))
    shap_e.set_weights(model.shap_e_renderer, latents)
    with torch.no_grad():  # a wall through the middle
        middle = model.shap_e_renderer.mlp(
            position=torch.zeros(1, 1, 3), direction=None, ts=None, nerf_level="fine", rendering_mode="stf"
        ).signed_distance.atanh()
        for renderer in (model.shap_e_renderer, pipeline.shap_e_renderer):
            renderer.mlp.mlp[-1].bias[0] -= middle.item()
    result = shap_e.run(Request("", inputs(kind), settings(folder, kind, max_faces=0)), Progress())
    shown = []
    fine = settings(folder, kind, max_faces=0, mesh_resolution=40)
    shap_e.run(Request("", inputs(kind), fine), Progress(on_preview=lambda views, mesh: shown.append((views, mesh))))
    mesh, renderer = result.mesh, pipeline.shap_e_renderer
    [(views, coarse)] = shown  # the mesh of 32 cells, which `result` is too
    assert len(views) == 4 and set(map(tuple, mesh.vertices)) <= set(map(tuple, coarse.vertices))
    with torch.no_grad():
        for name, value in renderer.params_proj(latents).items():
            renderer.mlp.get_parameter(name.removeprefix("nerstf.")).copy_(value[0])
        x, y, z = torch.from_numpy(mesh.vertices).T * 2
        points = torch.stack([-x, -y, z], 1)
        inner = points.abs().amax(1) < 0.95
        told = renderer.mlp(
            position=points[None, inner], direction=None, ts=None, nerf_level="fine", rendering_mode="stf"
        )
    assert inner.sum() > 100 and np.abs(mesh.vertices).max() <= 0.5 * (1 + 1 / 32)
    grid = torch.cartesian_prod(*[torch.linspace(-0.9, 0.9, 10)] * 3)
    with torch.no_grad():
        all_over = renderer.mlp(
            position=grid[None], direction=None, ts=None, nerf_level="fine", rendering_mode="stf"
        ).signed_distance
    assert told.signed_distance.abs().mean() < 0.2 * all_over.abs().mean()
    expected = told.channels[0].numpy() * 255
    assert np.abs(mesh.vertex_colors[inner.numpy(), :3] - expected).max() < 1
    assert result.views.shape == (4, 128, 128, 4)


def test_the_same_seed_gives_the_same_mesh_and_cancel_ends_it(made):
    folder, _, kind = made
    model = shap_e.load(str(folder), kind, torch.device("cpu"))
    told, values = PICTURE if kind == "image" else "car", settings(folder, kind)
    first, again, other = (shap_e.sample_latents(model, told, values, seed, Progress()) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    with pytest.raises(Cancelled):
        shap_e.sample_latents(model, told, values, 1, Progress(is_cancelled=lambda: True))


def test_refusals(made, tmp_path):
    folder, _, kind = made
    for weights, message in (
        (str(tmp_path / "none"), "no weights"),
        (str(tmp_path), "no Shap-E"),
        ("shap-e-img2img" if kind == "image" else "shap-e", "not downloaded"),
    ):
        with pytest.raises(WeightsError, match=message):
            shap_e.run(Request("", inputs(kind), settings(weights, kind)), Progress())
    other = "prompt" if kind == "image" else "image"
    with pytest.raises(WeightsError, match="starts from"):
        shap_e.run(Request("", inputs(other), settings(folder, other)), Progress())
