# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostile files whose code would leave a trace: checkpoints, configurations, tokenizers, templates."""

import ast
import io
import json
import pickle
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import CLIPVisionModelWithProjection

from backend.interface.catalog import WeightsError
from backend.preprocess.segment_anything import load_sam
from backend.weights.formats.checkpoint import read_file
from backend.weights.formats.transformers_folder import load_network
from backend.weights.loaders.lrm import check_lrm, read_yaml
from backend.weights.loaders.mvdream import check_multi_view
from backend.weights.loaders.sparse_neus import load_published_sparse_neus
from backend.weights.loaders.stable_diffusion import load_text_to_image
from backend.weights.loaders.zero123 import check_zero123
from tests.fuzzing.checkpoints import runs
from tests.support import ROOT
from tests.support.imports import files
from tests.support.small_networks import clip_vision
from tests.support.text_to_image_folders import write_stable_diffusion

CPU = torch.device("cpu")
CALLS = {  # functions that run a text, or import a file
    "os.system": "touch {trace}",
    "posix.system": "touch {trace}",
    "nt.system": "touch {trace}",
    "subprocess.getoutput": "touch {trace}",
    "builtins.exec": "open({trace!r}, 'w')",
    "builtins.eval": "open({trace!r}, 'w')",
    "__builtin__.eval": "open({trace!r}, 'w')",
    "runpy.run_path": "{code}",
    "torch.load": "{pickle}",
    "torch.hub.load_state_dict_from_url": "file://{pickle}",
    "numpy.load": "{pickle}",
    "pandas.read_pickle": "{pickle}",
    "timeit.timeit": "open({trace!r}, 'w')",
    "code.interact": "open({trace!r}, 'w')",
    "torch.serialization.load": "{pickle}",
    "torch._utils._rebuild_tensor_v2": "{trace}",
    "builtins.open": "{trace}",
    "os.mkdir": "{trace}",
    "pathlib.Path.touch": "{trace}",
}
READERS: dict[str, Callable[[Path], object]] = {
    "file": read_file,
    "zero123": check_zero123,
    "lrm": check_lrm,
    "mvdream": lambda path: check_multi_view(str(path)),
    "sparse neus": load_published_sparse_neus,
    "sam": load_sam,
}
TEMPLATE = (
    "{{% for x in ().__class__.__base__.__subclasses__() %}}"
    "{{{{ x.__init__.__globals__['os'].system('touch {trace}') }}}}{{% endfor %}}"
)


class Trace:
    """A file that must not come into being, and code that makes it."""

    def __init__(self, folder: Path) -> None:
        self.file, self.folder = folder / "trace", folder
        self.code, self.pickle = folder / "evil.py", folder / "evil.pkl"
        self.code.write_text(f"open({str(self.file)!r}, 'w')\n\nclass Evil: ...\n")
        self.pickle.write_bytes(runs("os.system", f"touch {self.file}"))

    def fill(self, text: str) -> str:
        return text.format(trace=str(self.file), code=self.code, pickle=self.pickle)


@pytest.fixture
def trace(tmp_path, monkeypatch) -> Trace:
    """In the current folder, from which Python would import."""
    monkeypatch.chdir(tmp_path)
    return Trace(tmp_path)


def zipped(pickled: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/version", "3")
    return stream.getvalue()


def test_the_pickles_here_would_leave_a_trace(trace):
    pickle.loads(trace.pickle.read_bytes())
    assert trace.file.exists()


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("reader", READERS)
def test_no_checkpoint_runs_code(reader, call, trace):
    pickled = runs(call, trace.fill(CALLS[call]))
    beside = b"}(S'state_dict'\n}S'a'\n" + pickled[:-1] + b"u."  # as a value in a dictionary
    for number, content in enumerate((zipped(pickled), zipped(beside), pickled)):
        for ending in ("ckpt", "pt", "pth", "bin", "safetensors"):
            path = trace.folder / f"{number}.{ending}"
            path.write_bytes(content)
            with pytest.raises(WeightsError):
                READERS[reader](path)
                raise WeightsError("it was read, with nothing run", "")
            path.unlink()
    assert not trace.file.exists() and not (trace.folder / "trace").is_dir()


RUNS = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "os.system",
    "pickle.load",
    "pickle.loads",
    "yaml.load",
    "marshal.loads",
}


def calls(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(function, keyword arguments that are constants) of every call in a file."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            named = {k.arg: k.value.value for k in node.keywords if k.arg and isinstance(k.value, ast.Constant)}
            yield ast.unparse(node.func), named


@pytest.mark.parametrize("path", files(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_source_turns_data_into_code(path):
    """Interrupted jobs' checkpoints, for one, go through `torch.load` with weights_only."""
    for name, named in calls(path):
        assert name not in RUNS and named.get("shell", False) is False, name
        assert name != "torch.load" or named["weights_only"] is True
        assert name not in ("np.load", "numpy.load") or named.get("allow_pickle", False) is False
        assert not named.get("trust_remote_code", False)


def test_no_array_runs_code(trace):
    class Evil:
        def __reduce__(self):
            return open, (str(trace.file), "w")

    from backend.meshing.files import MeshFileError, unpack
    from backend.preprocess.image import ImageError, read_array

    stream = io.BytesIO()
    evil = np.array([Evil()], object)
    np.savez(stream, image=evil, vertices=evil, faces=evil, vertex_colors=evil)
    for read, error in ((read_array, ImageError), (unpack, MeshFileError)):
        with pytest.raises(error):
            read(stream.getvalue())
    assert not trace.file.exists()


def test_no_yaml_runs_code(trace):
    text = f'renderer:\n  radius: !!python/object/apply:os.system ["touch {trace.file}"]\n'
    (trace.folder / "config.yaml").write_text(text)
    assert read_yaml(trace.folder / "config.yaml")["renderer.radius"].startswith("!!python")
    assert not trace.file.exists()


POISON = {  # file of a folder in diffusers' layout -> what is added to it
    "model_index.json": {
        "_class_name": ["evil", "Evil"],
        "custom_pipeline": "evil",
        "unet": ["evil", "Evil"],
        "trust_remote_code": True,
    },
    "unet/config.json": {"_class_name": "evil.Evil", "auto_map": {"AutoModel": "evil.Evil"}, "trust_remote_code": True},
    "text_encoder/config.json": {
        "auto_map": {"AutoModel": "evil.Evil", "AutoConfig": "evil.Evil"},
        "architectures": ["evil.Evil"],
        "trust_remote_code": True,
    },
    "vae/config.json": {"_class_name": ["evil", "Evil"], "auto_map": {"AutoModel": "evil.Evil"}},
    "scheduler/scheduler_config.json": {"_class_name": ["evil", "Evil"], "trust_remote_code": True},
    "tokenizer/tokenizer_config.json": {
        "auto_map": {"AutoTokenizer": ["evil.Evil", "evil.Evil"]},
        "tokenizer_class": "evil.Evil",
        "chat_template": TEMPLATE,
        "trust_remote_code": True,
    },
}


@pytest.mark.parametrize("name", POISON)
def test_no_config_runs_code(name, trace):
    """Whether the folder is refused, or read without what it asks for."""
    model = trace.folder / "model"
    write_stable_diffusion(model)
    for part in (".", "unet", "text_encoder", "vae", "scheduler", "tokenizer"):
        for code in ("evil", "pipeline", "modeling", "configuration", "tokenizer", "__init__"):
            (model / part / f"{code}.py").write_text(trace.code.read_text())
    (model / "tokenizer" / "chat_template.jinja").write_text(trace.fill(TEMPLATE))
    added = json.loads(json.dumps(POISON[name]).replace(json.dumps(TEMPLATE), json.dumps(trace.fill(TEMPLATE))))
    (model / name).write_text(json.dumps(json.loads((model / name).read_text()) | added))
    try:
        painter = load_text_to_image(str(model), CPU, torch.float32)
    except WeightsError:
        pass
    else:
        assert painter.embed(["a, b"]).isfinite().all()
    assert not trace.file.exists()


@pytest.mark.parametrize("key", ["auto_map", "use_pretrained_backbone"])
def test_a_network_whose_code_lies_elsewhere_is_refused(key, trace):
    clip_vision().save_pretrained(trace.folder / "clip")
    config = trace.folder / "clip" / "config.json"
    (trace.folder / "clip" / "evil.py").write_text(trace.code.read_text())
    config.write_text(json.dumps(json.loads(config.read_text()) | {key: {"AutoModel": "evil.Evil"}}))
    with pytest.raises(WeightsError, match="lies elsewhere"):
        load_network(trace.folder / "clip", CLIPVisionModelWithProjection, "Do this.")
    assert not trace.file.exists()
