# SPDX-License-Identifier: GPL-3.0-or-later
"""A clone stands alone: meshes to measure on, and nothing outside the repository is needed."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from backend.meshing.files import MeshFileError
from backend.training.meshes import DEMO_MESHES, is_validation, list_meshes, load_mesh
from tests.support import ROOT
from tests.support.repository import texts

INDEX = json.loads((DEMO_MESHES / "index.json").read_text("utf-8"))
DEFAULTED = ("many_faces", "oracle_recovery", "make_it_3d", "prompts", "starter_refinement", "subject")


def test_there_are_ten_small_meshes_all_cc0_and_the_readme_names_each_with_its_author():
    readme = (DEMO_MESHES / "README.md").read_text("utf-8")
    assert len(INDEX) == 10 and {entry["licence"] for entry in INDEX} == {"CC0-1.0"}
    for entry in INDEX:
        [row] = [line for line in readme.splitlines() if f"`{entry['file']}`" in line]
        assert entry["author"].split(" (")[0] in row and entry["source_repo"] in row
        assert Path(entry["source_path"]).name in row
    assert {path.name for path in DEMO_MESHES.iterdir()} == {"README.md", "index.json", *(e["file"] for e in INDEX)}
    assert sum(path.stat().st_size for path in DEMO_MESHES.iterdir()) < 3_000_000


@pytest.mark.parametrize("entry", list_meshes(DEMO_MESHES, "all"), ids=lambda entry: entry[0])
def test_each_mesh_loads_and_has_the_format_that_the_readme_describes(entry):
    with np.load(entry[2], allow_pickle=False) as data:
        assert set(data) == {"vertices", "faces", "face_colors"}
        vertices, faces, colors = data["vertices"], data["faces"], data["face_colors"]
    assert (vertices.dtype, faces.dtype, colors.dtype) == (np.float32, np.int32, np.uint8)
    assert colors.shape == (len(faces), 3, 3) and faces.max() < len(vertices) and faces.min() == 0
    mesh = load_mesh(*entry)
    assert abs(np.linalg.norm(mesh.vertices, axis=1).max() - 0.5) < 1e-6


def test_evaluation_has_objects_that_the_starter_never_saw_and_the_oracle_has_the_others():
    held_out, seen = (list_meshes(DEMO_MESHES, split) for split in ("validation", "train"))
    assert len(held_out) == 8 and len(seen) == 2 and not {e[0] for e in held_out} & {e[0] for e in seen}


@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_folder_with_nothing_for_a_split_is_refused_with_a_sentence(split, tmp_path):
    names = (f"{i}.ply" for i in range(1000))
    (tmp_path / next(n for n in names if is_validation(Path(n).stem) == (split == "train"))).touch()
    with pytest.raises(MeshFileError, match=f"None of the 1 meshes in .* is for {split}"):
        list_meshes(tmp_path, split)
    assert len(list_meshes(tmp_path, "all")) == 1


@pytest.mark.parametrize("index", ["", "[1]", '{"id": "a"}', '[{"id": "a"}]', '[{"id": "a", "file": 3}]', "null"])
def test_a_wrong_index_is_refused_with_a_sentence(index, tmp_path):
    (tmp_path / "index.json").write_text(index)
    with pytest.raises(MeshFileError, match=r"index\.json is not an index of meshes") as caught:
        list_meshes(tmp_path, "all")
    assert caught.value.kind == "input" and "demo/meshes/README.md" in caught.value.remedy


def test_an_empty_folder_is_refused_with_a_sentence(tmp_path):
    with pytest.raises(MeshFileError, match="There are no meshes in"):
        list_meshes(tmp_path, "all")


def test_training_requires_meshes():
    for command in (["views"], ["lrm-data"], ["lrm"], ["reconstruction"], ["text-to-image", "x"], ["multi-view", "x"]):
        done = subprocess.run(
            [sys.executable, "-m", "backend", "train", *command], capture_output=True, text=True, cwd=ROOT
        )
        assert done.returncode == 2 and "--meshes" in done.stdout + done.stderr, command


@pytest.mark.parametrize("name", DEFAULTED)
def test_benchmarks_use_the_repositorys_meshes_by_default(name):
    assert "    meshes: Meshes = DEMO_MESHES," in (ROOT / "benchmarks" / f"{name}.py").read_text("utf-8")


def test_nothing_outside_the_repository_is_named():
    beside = re.compile(r"\.\./" + "shared|" + r"/ \"" + 'shared"')
    assert not [path for path in texts() if beside.search(path.read_text("utf-8", errors="replace"))]
