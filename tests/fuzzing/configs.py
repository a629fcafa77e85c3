# SPDX-License-Identifier: GPL-3.0-or-later
"""Configurations beside weights: of diffusers' and transformers' folders, of tokenizers, schedules and LRMs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

from safetensors.torch import save_file

from backend.interface.catalog import WeightsError
from backend.weights.loaders.lrm import check_lrm
from backend.weights.loaders.stable_diffusion import check_text_weights, empty_networks, read_scheduler, read_tokenizer
from backend.weights.loaders.zero123 import check_zero123
from backend.weights.store.store import STARTER
from tests.fuzzing.format import Files, Format
from tests.fuzzing.mutations import dump, mutate_bytes, mutate_json, mutate_text
from tests.support.checkpoints import recorded_lrm
from tests.support.text_to_image_folders import write_deep_floyd, write_stable_diffusion

NETWORKS = ("unet/config.json", "text_encoder/config.json", "vae/config.json", "model_index.json")
TOKENIZER = ("tokenizer/tokenizer.json", "tokenizer/tokenizer_config.json")
SCHEDULER = ("scheduler/scheduler_config.json",)
PARTS = ("unet", "vae", "image_encoder")
CODE = {  # what makes libraries look for code or for parts elsewhere
    "auto_map": {"AutoModel": "host/repo--evil.Model", "AutoTokenizer": ["evil.Tokenizer", None]},
    "trust_remote_code": True,
    "_class_name": ["evil", "Model"],
    "custom_pipeline": "host/repo",
    "use_pretrained_backbone": True,
    "backbone": "host/repo",
    "_name_or_path": "//host/share/model",
    "chat_template": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "tokenizer_class": "evil.Tokenizer",
    "tokenizer_file": "//host/share/tokenizer.json",
    "vocab_file": "../../outside",
    "torch_dtype": "os.system",
    "quantization_config": {"quant_method": "gptq"},
    "name_or_path": "host/repo",
}
LENGTHS = {"num_hidden_layers": 10**6, "layers_per_block": 10**6, "block_out_channels": [8] * 10**4}


def make(names: Sequence[str], sound: dict[str, bytes], rng: Random) -> Files:
    """One of the files with changes, or with a name in it that asks for code, or with a size that no network has."""
    name = rng.choice(names)
    if not name.endswith(".json"):
        return {name: mutate_text(rng, sound[name])}
    if rng.random() < 0.1:
        return {name: mutate_bytes(rng, sound[name])}
    tree = json.loads(sound[name])
    kind = rng.randrange(10)
    if kind < 2:
        key = rng.choice(list(CODE))
        tree[key] = CODE[key]
    elif kind == 2:
        sizes = [key for key, value in tree.items() if type(value) is int]
        if sizes:
            tree[rng.choice(sizes)] = rng.choice((0, -1, 3, 10**5, 10**9, 2**40))
    elif kind == 3:
        key = rng.choice(list(LENGTHS))
        tree[key] = LENGTHS[key]
    else:
        tree = mutate_json(rng, tree)
    return {name: dump(rng, tree)}


class Folder:
    """A folder of weights, whose sound files are known once it is written."""

    def __init__(self, write, names: Sequence[str]) -> None:
        self.write, self.names, self.sound = write, names, {}

    def prepare(self, folder: Path) -> None:
        self.write(folder)
        self.names = [name for name in self.names if (folder / name).is_file()]
        self.sound.update({name: (folder / name).read_bytes() for name in self.names})

    def make(self, rng: Random) -> Files:
        return make(self.names, self.sound, rng)


def read_text_networks(folder: Path) -> None:
    check_text_weights(str(folder))


def read_words(folder: Path) -> None:
    encoder = empty_networks(folder)["text_encoder"]
    tokenizer = read_tokenizer(folder, encoder)
    tokens = tokenizer("a, b", truncation=True, max_length=5)["input_ids"]
    assert len(tokens) <= 5 and all(type(token) is int for token in tokens)


def read_schedule(folder: Path) -> None:
    scheduler = read_scheduler(folder)
    alphas = scheduler.alphas_cumprod
    assert alphas.isfinite().all() and 10 <= len(alphas) <= 10_000 and (alphas >= 0).all()


def write_lrm(folder: Path) -> None:
    state, _ = recorded_lrm("triposr")
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, folder / "model.safetensors")
    note = {"image_size": 16, "width": 64, "encoder": {"width": 64, "heads": 2}, "planes": ["xy", "xz", "yz"]}
    (folder / "lrm.json").write_text(json.dumps(note))
    lines = (
        "cond_image_size: 16\nbackbone:\n  num_attention_heads: 2\nrenderer:\n  radius: 0.87\n  density_bias: -1.0\n"
    )
    (folder / "config.yaml").write_text(lines)


def write_zero123(folder: Path) -> None:
    """The starter's configs, with links to its tensors."""
    for file in STARTER.rglob("*"):
        path = folder / file.relative_to(STARTER)
        if file.suffix in (".json", ".safetensors") and path.parent.name != "lrm":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.read_bytes()) if file.suffix == ".json" else path.symlink_to(file)


def zero123(folder: Path) -> None:
    check_zero123(folder)


STABLE_DIFFUSION = Folder(write_stable_diffusion, NETWORKS)
DEEP_FLOYD = Folder(write_deep_floyd, NETWORKS)
WORDS = Folder(write_stable_diffusion, TOKENIZER)
SCHEDULE = Folder(write_stable_diffusion, SCHEDULER)
LRM = Folder(write_lrm, ("lrm.json", "config.yaml"))
ZERO123 = Folder(write_zero123, (*(f"{part}/config.json" for part in PARTS), *SCHEDULER, "zero123.json"))
CONFIGS = tuple(
    Format(name, folder.make, read, (WeightsError,), folder.prepare)
    for name, folder, read in (
        ("stable diffusion", STABLE_DIFFUSION, read_text_networks),
        ("deep floyd", DEEP_FLOYD, read_text_networks),
        ("tokenizer", WORDS, read_words),
        ("schedule", SCHEDULE, read_schedule),
        ("lrm", LRM, check_lrm),
        ("zero123", ZERO123, zero123),
    )
)
