# SPDX-License-Identifier: GPL-3.0-or-later
"""A small index of wheels made here, so that environments can be made without a network."""

import base64
import hashlib
import zipfile
from pathlib import Path

TORCH = """
__version__ = "1.0"
class Matrix:
    def __matmul__(self, other): return self
    def __eq__(self, other): return self
    def all(self): return True
def ones(*shape, device): return Matrix()
class cuda: is_available = staticmethod(lambda: False)
class backends:
    class mps: is_available = staticmethod(lambda: False)
"""
CONTENT = {"torch": TORCH}
NAMES = {"PIL": "pillow"}


def make_wheel(folder: Path, name: str, version: str, module: str | None = None) -> None:
    """Write a wheel of one module, whose attribute `version` says which one is installed."""
    module = module or name.replace("-", "_")
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    files = {
        f"{module}.py": CONTENT.get(module, "") + f"\nversion = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={sha256(text)},{len(text)}\n" for path, text in files.items())
    with zipfile.ZipFile(folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in (files | {f"{info}/RECORD": record + f"{info}/RECORD,,\n"}).items():
            archive.writestr(path, text)


def sha256(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def write_source(folder: Path, **versions: str) -> Path:
    """An extension with a backend of one file, and these pins; torch comes first."""
    (folder / "backend").mkdir(parents=True, exist_ok=True)
    (folder / "backend" / "__init__.py").write_text("")
    (folder / "blender_manifest.toml").write_text('version = "1.0.0"\n')
    pins = [f'"{name.replace("_", "-")}=={version}"' for name, version in versions.items()]
    (folder / "pyproject.toml").write_text(
        f"[dependency-groups]\nbackend = [{', '.join(pins)}]\n[tool.uv]\nconstraint-dependencies = []\n"
    )
    return folder
