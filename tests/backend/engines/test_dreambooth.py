# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers and transformers annotate their models loosely.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
"""Multi-view DreamBooth on tiny random networks: what is learnt, what must not change, and the file that keeps it."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import CLIPTextModel

from backend.diffusion.mvdream import MultiView, camera_vectors
from backend.diffusion.sampling import make_scheduler
from backend.diffusion.subject import Subject, drift
from backend.engines import Request, dreambooth, dreamfusion, text_to_image
from backend.engines.dreambooth import STARTER, learn, prepare
from backend.interface.catalog import WeightsError
from backend.interface.parameters import ParameterError
from backend.interface.tasks import DREAMBOOTH, TEXT_TO_IMAGE, task
from backend.rendering.cameras import turntable
from backend.runtime.progress import Cancelled, Progress
from backend.weights.loaders.mvdream import load_multi_view
from backend.weights.loaders.stable_diffusion import load_text_to_image
from backend.weights.loaders.subjects import (
    check_new,
    find_subjects,
    give_subjects,
    keep_subject,
    read_subject,
    save_subject,
)
from backend.weights.store.store import DiskError
from tests.support.small_networks import clip_text_config, clip_tokenizer, unet

COURSE = replace(STARTER, steps=6, rate=1e-2, preservation=0.0)


def make_model(width=16):
    torch.manual_seed(0)
    encoder = CLIPTextModel(clip_text_config(layers=1, length=8))
    return (
        MultiView(unet(3, 3, width), None, encoder, clip_tokenizer(8), make_scheduler("epsilon"))
        .eval()
        .requires_grad_(False)
    )


PHOTOS = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def answer(model, prompt):
    """The model's prediction for four noisy views."""
    noisy = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    cameras = camera_vectors(turntable(4, 10, 1.2, 40, 8))[None]
    return model.predict(noisy, torch.full((4,), 400), model.embed([prompt]).expand(4, -1, -1), cameras)


def test_drift_is_the_mean_absolute_change_and_its_gradient_is_the_sign():
    generator = torch.Generator().manual_seed(0)
    changes = [
        torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_() for shape in ((3, 2), (5,))
    ]
    value = drift(changes)
    assert value.item() == pytest.approx(sum(abs(x) for c in changes for x in c.flatten().tolist()) / 11)
    gradients = torch.autograd.grad(value, changes)
    for change, gradient in zip(changes, gradients, strict=True):
        torch.testing.assert_close(gradient, change.sign() / 11)
    assert torch.autograd.gradcheck(lambda *c: drift(list(c)), changes)


@pytest.mark.parametrize("rank", [0, 2])
def test_a_subject_is_restored_from_its_file(rank, tmp_path):
    model, course = make_model(), replace(COURSE, rank=rank)
    others = answer(model, "a cat")
    subject = learn(model, PHOTOS, "<gnome>", "b c", course, Progress())
    changed = answer(model, "a cat")
    assert (changed - others).abs().max() > 1e-3  # in place
    save_subject(subject, tmp_path / "gnome.safetensors", "starter-text")
    again = make_model()
    give_subjects(again, [tmp_path / "gnome.safetensors"])
    for prompt in ("a cat", "a <gnome>"):
        torch.testing.assert_close(answer(again, prompt), answer(model, prompt), atol=5e-3, rtol=5e-3)
    if rank:
        assert set(subject.changes) == {n + e for n in changed_weights(model) for e in (".down", ".up")}
    known, table = make_model(), model.text_encoder.get_input_embeddings().weight
    torch.testing.assert_close(table[:-1], known.text_encoder.get_input_embeddings().weight)


def changed_weights(model):
    start = dict(make_model().unet.named_parameters())
    return [n for n, p in model.unet.named_parameters() if not torch.equal(p, start[n])]


@pytest.mark.parametrize("rank", [0, 2])
def test_preservation_reduces_parameter_drift(rank):
    """Mean absolute change with and without the term, for equal photos, seeds and steps."""
    found = {}
    for preservation in (0.0, 1e3):
        model, start = make_model(), dict(make_model().unet.named_parameters())
        learn(model, PHOTOS, "<gnome>", "", replace(COURSE, rank=rank, preservation=preservation, steps=12), Progress())
        found[preservation] = drift([p - start[n] for n, p in model.unet.named_parameters()]).item()
    assert found[1e3] < 0.7 * found[0.0]


def test_the_loss_on_the_photos_falls():
    torch.manual_seed(0)
    noise, t = torch.randn(3, 3, 8, 8), torch.tensor([100, 400, 800])
    model = make_model()

    def loss(prompt):
        noisy = model.scheduler.add_noise(model.encode(PHOTOS), noise, t)
        return (model.predict(noisy, t, model.embed([prompt]).expand(3, -1, -1)) - noise).square().mean()

    before = loss("a b")
    learn(model, PHOTOS, "<gnome>", "b", replace(COURSE, steps=40, rate=3e-3), Progress())
    assert loss("a <gnome>") < 0.8 * before


def test_cancelling_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setenv("IMAGE_TO_MESH_WEIGHTS", str(tmp_path))
    with pytest.raises(Cancelled):
        learn(make_model(), PHOTOS, "<gnome>", "", COURSE, Progress(is_cancelled=lambda: True))
    assert not list(tmp_path.rglob("*.safetensors"))


def test_a_folder_for_subjects_that_cannot_be_written_is_told_before_the_work(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("IMAGE_TO_MESH_WEIGHTS", str(tmp_path / "file"))
    with pytest.raises(DiskError, match="subjects cannot be written"):
        check_new("<gnome>")


def test_a_subject_that_finds_no_place_in_the_end_is_kept_in_its_jobs_folder(tmp_path):
    """Something has taken the place of the folder while it was learnt."""
    (tmp_path / "subjects").touch()
    subject = Subject("<gnome>", "", torch.arange(12.0))
    file, kept = tmp_path / "subjects" / "gnome.safetensors", tmp_path / "gnome.safetensors"
    found, warning = keep_subject(subject, file, "", tmp_path)
    assert found == kept and str(file) in warning and str(kept) in warning
    assert torch.equal(read_subject(kept).word, torch.arange(12.0))
    with pytest.raises(OSError):
        keep_subject(subject, file, "", None)


def test_subject_names_in_prompts_are_found(tmp_path, monkeypatch):
    monkeypatch.setenv("IMAGE_TO_MESH_WEIGHTS", str(tmp_path))
    assert find_subjects("a red car") == []
    with pytest.raises(ParameterError, match="None has been learnt"):
        find_subjects("a <gnome>")
    save_subject(Subject("<gnome>", "", torch.zeros(12)), check_new("<gnome>"), "starter-text")
    assert find_subjects("a <gnome> on a <gnome>") == [tmp_path / "subjects/gnome.safetensors"]
    with pytest.raises(ParameterError, match="did you mean '<gnome>'"):
        find_subjects("a <gnom>")
    with pytest.raises(ParameterError, match="already"):
        check_new("<gnome>")
    with pytest.raises(ParameterError, match="not a subject's name"):
        check_new("<../gnome>")


def test_subjects_of_other_models_and_broken_files_are_refused(tmp_path):
    word, file = torch.zeros(12), tmp_path / "gnome.safetensors"
    faults = {
        "not 12": Subject("<gnome>", "", torch.zeros(5)),
        "unknown": Subject("<gnome>", "", word, {"strange.weight": torch.zeros(2)}),
        "does not fit": Subject("<gnome>", "", word, {"conv_in.weight": torch.zeros(16, 3, 3, 2)}),
        "fit": Subject("<gnome>", "", word, {"conv_in.weight.down": torch.zeros(2, 27)}),
        "not numbers": Subject("<gnome>", "", word, {"conv_in.weight": torch.full((16, 3, 3, 3), torch.nan)}),
    }
    for words, subject in faults.items():
        save_subject(subject, file, "")
        with pytest.raises(WeightsError, match=words) as caught:
            give_subjects(make_model(), [file])
        assert caught.value.remedy
    file.write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(WeightsError, match="cannot be read"):
        read_subject(file)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_request_writes_a_subject_that_prompts_can_use(method, tmp_path, monkeypatch):
    """The starter learns in two steps; a second subject of that name is refused before anything is loaded."""
    monkeypatch.setenv("IMAGE_TO_MESH_WEIGHTS", str(tmp_path))
    told = {"subject": "gnome", "kind": "red car", "method": method, "steps": 2, "device": "cpu"}
    photo = np.zeros((40, 60, 4), np.float32)
    photo[10:30, 20:30] = (1, 0, 0, 1)
    request = Request("dreambooth", {"photos": [photo] * 3}, DREAMBOOTH.check(told), 0)
    result = dreambooth.run(request, Progress())
    assert result.images.shape == (4, 64, 64, 4) and result.facts["subject"] == "<gnome>"
    file = tmp_path / "subjects/gnome.safetensors"
    assert result.facts["file"] == str(file) and find_subjects("a <gnome>, side view") == [file]
    give_subjects(load_multi_view("starter-text", torch.device("cpu"), torch.float32), [file])
    pictures = [
        text_to_image.generate(prompt, TEXT_TO_IMAGE.check({"steps": 2}), Progress(), 0)[0].permute(1, 2, 0).numpy()
        for prompt in ("a <gnome>", "a gnome")
    ]
    assert np.abs(pictures[0] - pictures[1]).max() > 0.02  # Make Image knows the word, and without it is as before
    plain = load_text_to_image("starter-text", torch.device("cpu"), torch.float32)
    expected = plain.sample("a gnome", "", 2, text_to_image.STARTER_GUIDANCE, torch.Generator().manual_seed(0))[0]
    np.testing.assert_allclose(pictures[1], expected.permute(1, 2, 0), atol=1e-6)
    unknown = plain.sample("a <gnome>", "", 2, text_to_image.STARTER_GUIDANCE, torch.Generator().manual_seed(0))[0]
    assert np.abs(pictures[0] - unknown.permute(1, 2, 0).numpy()).max() > 1e-3  # whose <gnome> is mere letters
    with pytest.raises(ParameterError, match="did you mean '<gnome>'"):
        dreamfusion.run(Request("dreamfusion", {"prompt": "a <gnom>"}, task("dreamfusion").check({}), 0), Progress())
    assert file.stat().st_size < {"lora": 1e6, "full": 7e6}[method]
    with pytest.raises(ParameterError, match="already"):
        dreambooth.run(request, Progress())


def test_photos_are_framed_or_cropped_to_squares():
    """A cut-out is framed on white for a small model; of a photograph the middle is taken for a large one."""
    photo = np.zeros((40, 60, 4), np.float32)
    photo[10:30, 20:30] = (1, 0, 0, 1)
    square = prepare([photo], SimpleNamespace(image_size=64, is_starter=True), "never")[0]
    assert square.shape == (3, 64, 64) and torch.allclose(square[:, 0, 0], torch.ones(3))
    assert square[:, 32, 32].tolist() == pytest.approx([1, 0, 0], abs=0.01)
    photo = np.concatenate([np.tile(np.linspace(0, 1, 400)[None, :, None], (200, 1, 3)), np.ones((200, 400, 1))], -1)
    large = SimpleNamespace(image_size=256, is_starter=False)
    square = prepare([photo.astype(np.float32)], large, "never")[0]
    assert square.shape == (3, 256, 256)
    assert square[0, 100, [0, -1]].tolist() == pytest.approx([0.25, 0.75], abs=0.02)
