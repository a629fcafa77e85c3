# SPDX-License-Identifier: GPL-3.0-or-later
import pytest

from backend.interface.network_paths import other_computer


@pytest.mark.parametrize(
    ("path", "computer"),
    [
        (r"\\host\share\a.png", "host"),
        ("//HOST/share/a.png", "host"),
        (r"\/host\share", "host"),
        (r"/\host/share", "host"),
        ("////host/share", "host"),
        (r"  \\host\share", "host"),
        (r"\\host@SSL@443\DavWWWRoot\a", "host@ssl@443"),
        (r"\\10.0.0.1\c$", "10.0.0.1"),
        (r"\\?\UNC\host\share\a", "host"),
        (r"\\.\unc\host\share\a", "host"),
        (r"\\?\GLOBALROOT\Device\Mup\host", "globalroot"),
        (r"\\.\pipe\a", "pipe"),
        ("smb://host/share", "smb:"),
        ("file:///etc/passwd", "file:"),
        ("FILE:\\\\host\\a", "file:"),
        ("https://host/a.png", "https:"),
        ("//", ""),
        (r"\\?\C:\a.png", ""),
        (r"\\.\d:\a.png", ""),
        (r"C:\pictures\a.png", ""),
        ("c:/pictures/a.png", ""),
        ("/home/a/b.png", ""),
        ("a.png", ""),
        ("../a.png", ""),
        ("Ren: hello.png", ""),
        ("", ""),
    ],
)
def test_the_computer_that_a_path_asks(path, computer):
    assert other_computer(path) == computer
