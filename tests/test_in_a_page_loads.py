"""What a page loads to run its lesson: how `tools/browser.py` makes it, and what it refuses, in one line."""

import json
import re
import sys
import zipfile

import pytest

from tests.lessons import ROOT
from tools import browser as tool

SOURCES = ROOT / "site" / "browser"
INFO = {"python": "3.14.2", "abi_version": "2026_0", "arch": "wasm32"}


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """pip has no index to ask; gives the folder that it looks into instead."""
    wheels = tmp_path / "some wheels"
    wheels.mkdir()
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels.as_uri(), "PIP_CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(name, value)
    return wheels


def wheel(folder, platform: str) -> None:
    """Put a package for this platform there."""
    with zipfile.ZipFile(folder / f"swift-1.0-{platform}.whl", "w") as archive:
        archive.writestr("swift/__init__.py", "")
        archive.writestr("swift-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: swift\nVersion: 1.0\n")
        archive.writestr("swift-1.0.dist-info/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {platform}\n")
        archive.writestr("swift-1.0.dist-info/RECORD", "")


def test_a_package_without_a_wheel_is_named(nowhere, tmp_path):
    lock = tmp_path / "requirements.txt"
    lock.write_text("swift==1.0\n")
    wheel(nowhere, "cp314-cp314-manylinux_2_17_x86_64")
    with pytest.raises(
        tool.Missing, match=r"^swift==1\.0 has no wheel for Pyodide: none for pyemscripten_2026_0_wasm32"
    ):
        tool.packages(INFO, lock, tmp_path / "installed")
    wheel(nowhere, "cp314-cp314-pyemscripten_2026_0_wasm32")
    tool.packages(INFO, lock, tmp_path / "installed")
    assert sorted(path.name for path in (tmp_path / "installed").rglob("*.*")) == [
        "__init__.py",
        "swift-1.0.dist-info",
    ]


def test_no_network(monkeypatch, tmp_path):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    lock = tmp_path / "requirements.txt"
    lock.write_text("swift==1.0\n")
    with pytest.raises(
        tool.Missing, match=r"^The packages for the page could not be downloaded\. Is there a network\?$"
    ):
        tool.packages(INFO, lock, tmp_path / "installed")


def test_no_npm(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        tool.Missing, match=r"^npm is not installed\. `make site` needs Node\.js 18 or newer, with npm\. "
    ):
        tool.lay_out(tmp_path / "loads", tmp_path)


def test_what_fails_says_its_last_line(tmp_path):
    with pytest.raises(tool.Missing, match=r"^npm: no such version$"):
        tool.run([sys.executable, "-c", "raise SystemExit('all is well\\nno such version')"], tmp_path, "npm")


def test_a_page_loads_little(monkeypatch, tmp_path):
    loads = tmp_path / "loads"
    (loads / "python").mkdir(parents=True)
    (loads / "python" / "large.gz").write_bytes(bytes(1000))
    (loads / "text.js").write_text("x" * 100_000)  # hardly anything, once a server has compressed it
    monkeypatch.setattr(tool, "loads", lambda: loads)
    size = tool.complete(tmp_path / "here")
    assert 1000 < size < 400_000  # the rest is the course itself
    monkeypatch.setattr(tool, "LIMIT", size - 1)
    with pytest.raises(tool.Missing, match=rf"^A page would load {size:,} bytes; {size - 1:,} is the limit\."):
        tool.complete(tmp_path / "there")


def test_it_is_made_anew_if_a_lock_changes(monkeypatch, tmp_path):
    made = []
    monkeypatch.setattr(tool, "LOADS", tmp_path / "build" / "browser")
    monkeypatch.setattr(tool, "lay_out", lambda folder, _: made.append(folder) or (folder / "python").touch())
    assert (tool.loads() / "python").exists()
    tool.loads()
    assert len(made) == 1
    monkeypatch.setattr(tool, "key", lambda: "another lock")
    tool.loads()
    assert len(made) == 2


def test_locks_are_exact_and_name_no_place():
    versions = json.loads((SOURCES / "package.json").read_text(encoding="utf-8"))["devDependencies"].values()
    assert [version for version in versions if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []
    for name in ("package-lock.json", "requirements.txt"):
        assert "://" not in (SOURCES / name).read_text(encoding="utf-8")
