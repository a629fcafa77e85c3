# SPDX-License-Identifier: GPL-3.0-or-later
"""Captions, depth and likeness from folders in the published layout, with random numbers in tiny networks; what the
published library's own preparation of pictures gives."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from backend.diffusion.clip_similarity import ClipSimilarity, contextual, unlike
from backend.interface.catalog import WeightsError
from backend.preprocess.caption import ANYTHING, caption, describe, tidy
from backend.preprocess.depth import SETS, estimate_depth, relative_depth, side
from backend.weights.loaders.clip import load_clip_similarity, read_clip_similarity
from backend.weights.store import store

CPU = torch.device("cpu")
SMALL = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
DEEP = SMALL | {"num_hidden_layers": 4}
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "red", "chair", "on", "table", "[DEC]"]


def picture(size: int) -> np.ndarray:
    """Blobs of colour, half of them transparent."""
    rng = np.random.default_rng(0)
    coarse = torch.from_numpy(rng.random((1, 4, 4, 4), np.float32))
    return F.interpolate(coarse, (size, size), mode="bilinear")[0].permute(1, 2, 0).numpy()


@pytest.fixture
def weights(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("IMAGE_TO_MESH_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    torch.manual_seed(0)
    return tmp_path


def blip(folder: Path) -> torch.nn.Module:
    text = SMALL | {
        "vocab_size": len(WORDS),
        "encoder_hidden_size": 16,
        "projection_dim": 8,
        "max_position_embeddings": 32,
        "bos_token_id": 10,
        "eos_token_id": 3,
        "sep_token_id": 3,
        "pad_token_id": 0,
    }
    config = transformers.BlipConfig(
        text_config=text, vision_config=SMALL | {"image_size": 32, "patch_size": 8}, projection_dim=8
    )
    network = transformers.BlipForConditionalGeneration(config).eval()
    network.save_pretrained(folder)
    vocabulary = {word: i for i, word in enumerate(WORDS[:-1])}  # the published one lacks the word that begins
    transformers.BertTokenizer(vocab=vocabulary).save_pretrained(folder)
    return network


def test_captions_equal_the_published_librarys(weights, monkeypatch):
    """Prepared by its own processor, on white."""
    from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

    network, rgba = blip(weights / "blip"), picture(50)
    monkeypatch.setattr(store, "locate", lambda identity: weights / "blip" if identity == "blip-base" else None)
    words, note = describe(rgba, "", CPU)
    white = np.uint8(np.clip(rgba[..., :3] * rgba[..., 3:] + 1 - rgba[..., 3:], 0, 1) * 255 + 0.5)
    pixels = BlipImageProcessorPil(size={"height": 32, "width": 32})(images=white, return_tensors="pt").pixel_values
    ids = network.generate(pixel_values=pixels, max_new_tokens=20)[0].tolist()  # pyright: ignore
    expected = " ".join(WORDS[i] for i in ids if 4 < i < 10)
    assert words == (tidy(expected) or ANYTHING) and note == "" and len(ids) > 2


def test_the_users_caption_takes_precedence_and_a_plain_word_replaces_missing_weights(weights):
    assert describe(picture(8), "  a blue cup ", CPU) == ("a blue cup", "")
    words, note = describe(picture(8), "", CPU)
    assert words == "an object" and "models download blip-base" in note


@pytest.mark.parametrize(
    "said, kept",
    [
        ("there is a red chair on a white background", "a red chair"),
        ("A close up of a cat.", "a cat"),
        ("a close-up photo of a toy car sitting on the white surface", "a toy car"),
        ("a white horse", "a white horse"),
        ("a lamp with a black background", "a lamp"),
    ],
)
def test_captions_lose_words_about_the_photograph(said, kept):
    assert tidy(said) == kept


def depth_anything(folder: Path) -> torch.nn.Module:
    backbone = transformers.Dinov2Config(
        **{k: v for k, v in DEEP.items() if k != "intermediate_size"},
        image_size=28,
        patch_size=14,
        out_indices=[1, 2, 3, 4],
        reshape_hidden_states=False,
        apply_layernorm=True,
    )
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=16,
        neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
        head_hidden_size=4,
        patch_size=14,
    )
    network = transformers.DepthAnythingForDepthEstimation(config).eval()
    network.save_pretrained(folder)
    told = {
        "size": {"height": 56, "width": 56},
        "ensure_multiple_of": 14,
        "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.229, 0.224, 0.225],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(told))
    return network


def dpt(folder: Path) -> torch.nn.Module:
    config = transformers.DPTConfig(
        **DEEP,
        image_size=32,
        patch_size=8,
        is_hybrid=False,
        neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
        backbone_out_indices=[0, 1, 2, 3],
        reassemble_factors=[4, 2, 1, 0.5],
    )
    network = transformers.DPTForDepthEstimation(config).eval()
    network.save_pretrained(folder)
    told = {"size": 32, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
    (folder / "preprocessor_config.json").write_text(json.dumps(told))
    return network


@pytest.mark.parametrize(
    "make, size, mean, deviation",
    [
        (depth_anything, 56, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        (dpt, 32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    ],
)
def test_depth_is_the_negative_disparity_of_the_published_network(weights, make, size, mean, deviation):
    network, rgba = make(weights / "depth"), picture(size)
    found = relative_depth(rgba, weights / "depth", CPU)
    white = rgba[..., :3] * rgba[..., 3:] + 1 - rgba[..., 3:]
    pixels = (torch.from_numpy(white) - torch.tensor(mean)) / torch.tensor(deviation)
    with torch.no_grad():
        disparity = network(pixels.permute(2, 0, 1)[None]).predicted_depth
    expected = F.interpolate(disparity[None], (size, size), mode="bilinear")[0, 0]
    torch.testing.assert_close(found, -expected, atol=1e-4, rtol=1e-3)
    assert found.std() > 0


def test_a_networks_side_is_a_multiple_of_its_patches():
    assert side({"size": {"height": 518, "width": 518}, "ensure_multiple_of": 14}) == 518
    assert side({"size": 384}) == 384
    assert side({"size": {"height": 100}, "ensure_multiple_of": 14}) == 98
    for strange in ({}, {"size": "large"}, {"size": 10**9}, {"size": 0, "ensure_multiple_of": -3}):
        assert side(strange) == 384


def test_without_weights_there_is_no_depth(weights):
    depth, note = estimate_depth(picture(8), CPU)
    assert depth is None and "models download depth-anything-v2-small" in note and "dpt-large" in SETS


def clip(folder: Path) -> transformers.CLIPModel:
    text = SMALL | {"vocab_size": 99, "max_position_embeddings": 8, "eos_token_id": 98, "bos_token_id": 97}
    text, vision = text | {"projection_dim": 8}, SMALL | {"image_size": 32, "patch_size": 8, "projection_dim": 8}
    model = transformers.CLIPModel(
        transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=8)
    ).eval()
    model.save_pretrained(folder)
    return model


def test_likeness_is_the_cosine_of_clips_embeddings(weights, monkeypatch):
    model = clip(weights / "clip")
    monkeypatch.setattr(transformers.CLIPTokenizer, "from_pretrained", lambda *_, **__: Words())
    likeness = read_clip_similarity(weights / "clip")
    pictures = torch.rand(2, 3, 32, 32)
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(3, 1, 1)
    deviation = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(3, 1, 1)
    ids = torch.tensor([[97, 5, 6, 98, 98, 98, 98, 98]])
    with torch.no_grad():
        both = model(input_ids=ids, pixel_values=(pictures - mean) / deviation)  # pyright: ignore[reportCallIssue]
    torch.testing.assert_close(likeness.see(pictures), both.image_embeds, atol=1e-5, rtol=1e-4)
    words = likeness.read("a red chair")
    assert words is not None
    torch.testing.assert_close(words, both.text_embeds[0], atol=1e-5, rtol=1e-4)
    cosines = both.image_embeds @ both.text_embeds[0]
    assert float(unlike(likeness.see(pictures), words)) == pytest.approx(-float(cosines.mean()), abs=1e-5)
    assert likeness.patches(pictures).shape == (2, 16, 16)


class Words:
    model_max_length = 8

    def get_vocab(self):
        return {str(i): i for i in range(99)}

    def __call__(self, texts, **_):
        class Told:
            input_ids = torch.tensor([[97, 5, 6, 98, 98, 98, 98, 98]])

        return Told()


def test_the_starters_encoder_replaces_clip(weights):
    likeness, note = load_clip_similarity(CPU)
    assert "not with text" in note and "clip-vit-base-patch16" in note and likeness.read("a chair") is None
    pictures = torch.rand(2, 3, 40, 40).requires_grad_()
    seen = likeness.see(pictures)
    torch.testing.assert_close(seen.norm(dim=1), torch.ones(2))
    assert torch.autograd.grad(unlike(seen, seen[0].detach()), pictures)[0].abs().max() > 0
    assert float(unlike(seen, None)) == 0


def test_the_contextual_loss_equals_the_papers_formula():
    """By loops: distances from the wanted features' mean, relative to each place's nearest, bandwidth 0.5."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(5, 3)), rng.normal(size=(4, 3))
    centred_x, centred_y = x - y.mean(0), y - y.mean(0)
    similar = np.zeros((5, 4))
    for i, a in enumerate(centred_x):
        d = np.array([1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b) for b in centred_y])
        w = np.exp((1 - d / (d.min() + 1e-5)) / 0.5)
        similar[i] = w / w.sum()
    expected = -np.log(np.mean([similar[:, j].max() for j in range(4)]))
    features, wanted = (torch.from_numpy(v)[None] for v in (x, y))
    assert float(contextual(features, wanted)) == pytest.approx(expected, rel=1e-9)
    assert float(contextual(wanted, wanted[:, [2, 0, 3, 1]])) < 1e-3 < float(contextual(features, wanted))


def test_damaged_or_foreign_folders_are_refused(weights):
    folder = weights / "depth"
    dpt(folder)
    tensors = load_file(folder / "model.safetensors")
    name = next(n for n in tensors if n.endswith("projection.weight"))
    for change in ({name: tensors[name][:2].clone()}, None):
        left = {n: t for n, t in tensors.items() if n != name} if change is None else tensors | change
        save_file(left, folder / "model.safetensors", {"format": "pt"})
        with pytest.raises(WeightsError):
            relative_depth(picture(16), folder, CPU)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModel": "evil.Model"}}))
    with pytest.raises(WeightsError, match="elsewhere"):
        relative_depth(picture(16), folder, CPU)
    (folder / "config.json").write_text("{")
    with pytest.raises(WeightsError):
        relative_depth(picture(16), folder, CPU)


@pytest.mark.parametrize("name", ["image_mean", "image_std"])
@pytest.mark.parametrize("numbers", [None, 0.5, [0.5], [0.5, 0.5, "0.5"], [0.5, 0.5, float("nan")], [-1, 0.5, 0.5]])
def test_an_unusable_preparation_of_pictures_is_named(weights, name, numbers):
    folder = weights / "depth"
    dpt(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"size": 32, name: numbers}))
    with pytest.raises(WeightsError, match=f"unusable {name}"):
        relative_depth(picture(16), folder, CPU)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: (t * 9).to(torch.int8), "is quantised"),
        (lambda t: t * float("inf"), "values that are not numbers"),
    ],
)
@pytest.mark.parametrize("ending", ["model.safetensors", "pytorch_model.bin"])
def test_networks_of_quantised_or_infinite_numbers_are_refused(weights, change, words, ending):
    folder = weights / "depth"
    dpt(folder)
    tensors = {name: change(tensor) for name, tensor in load_file(folder / "model.safetensors").items()}
    (folder / "model.safetensors").unlink()
    save = torch.save if ending.endswith("bin") else lambda t, f: save_file(t, f, {"format": "pt"})
    save(tensors, folder / ending)
    with pytest.raises(WeightsError, match=words):
        relative_depth(picture(16), folder, CPU)


def test_a_config_that_names_a_quantisation_is_refused(weights):
    dpt(weights / "depth")
    config = json.loads((weights / "depth" / "config.json").read_text())
    (weights / "depth" / "config.json").write_text(json.dumps(config | {"quantization_config": {"load_in_8bit": True}}))
    with pytest.raises(WeightsError, match="holds quantised weights"):
        relative_depth(picture(16), weights / "depth", CPU)


def test_a_tokenizer_that_is_missing_is_named(weights):
    blip(weights / "blip")
    for file in (weights / "blip").glob("*token*"):
        file.unlink()
    (weights / "blip" / "vocab.txt").unlink(missing_ok=True)
    with pytest.raises(WeightsError, match="fewer tokens than its text_encoder"):
        caption(picture(16), weights / "blip", CPU)


def test_clip_similarity_has_no_trainable_parameters(weights):
    likeness, _ = load_clip_similarity(CPU)
    assert isinstance(likeness, ClipSimilarity) and not any(p.requires_grad for p in likeness.parameters())
