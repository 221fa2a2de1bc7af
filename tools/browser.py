"""Make what a lesson's page loads when its reader presses *Run this lesson here*: `python -m tools.browser`.

Pyodide, which is Python for browsers, and CodeMirror, the editor, come from npm; the packages that lessons import come
from PyPI, each as a wheel for Pyodide's platform. Their versions are locked, in `site/browser`. Python's code is
compiled, so that the page need not do that, and all is packed. It is kept in `build/browser` until a lock changes.

This needs npm and a network. The pages without the button need neither: `make pages`.
"""

import gzip
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "site" / "browser"
LOADS = ROOT / "build" / "browser"

DECIDES = ["package-lock.json", "requirements.txt", "editor.js", "compile.mjs"]  # of SOURCES: what all of it depends on

# Of the packages: what lessons do without, since it would be a third of what a reader waits for.
LEFT_OUT = [
    r"(jedi|parso)/",  # for completion while one types
    r"pygments/lexers/(?!__init__|_mapping|diff|python|special)",  # 250 languages; tracebacks are in Python
    r".*\.pyi$",
    r".*/RECORD$",  # pip's list of the files
]
# Of the packages: what a page loads only if one of its cells imports it. `site/browser/later.py` has their names.
LATER = r"(_pytest|pytest|pluggy|iniconfig|packaging)[-/.]"
KEEPS_ITS_SOURCES = "anyio"  # it reads them, to import its parts only when they are used

LIMIT = 16_000_000  # bytes that a reader waits for, at the most


class Missing(Exception):
    """Something that is needed is not there; says what, in one line."""


def run(command: list, cwd: Path, what: str) -> None:
    """Run a command. Raises Missing with the last line that it says, if it fails."""
    if not (program := shutil.which(command[0])):
        raise Missing(
            f"{command[0]} is not installed. `make site` needs Node.js 18 or newer, with npm. "
            "`make pages` makes the pages without it, and without the button that runs a lesson."
        )
    result = subprocess.run([program, *command[1:]], cwd=cwd, capture_output=True, text=True, timeout=500)
    if result.returncode:
        lines = (result.stderr or result.stdout).strip().splitlines() or ["no reason given"]
        raise Missing(f"{what}: {lines[-1]}")


def key() -> str:
    """What tells whether that which was made before is still right."""
    files = [*(SOURCES / name for name in DECIDES), Path(__file__)]
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def packages(info: dict, requirements: Path, folder: Path) -> None:
    """Unpack the packages of a lock into `folder`. Raises Missing, with its name, if one has no wheel for Pyodide.

    info: what pyodide-lock.json says of its Python.
    """
    python = ".".join(info["python"].split(".")[:2])
    platform = f"pyemscripten_{info['abi_version']}_{info['arch']}"
    wheels = folder.parent / "wheels"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--retries", "1"]
    command += [
        "--no-deps",
        "--only-binary=:all:",
        "--platform",
        platform,
        "--python-version",
        python,
        "--implementation",
        "cp",
    ]
    command += ["--ignore-requires-python"]  # pip compares with the Python that it runs on
    command += ["--dest", wheels, "-r", requirements]
    result = subprocess.run(command, capture_output=True, text=True, timeout=500)
    if result.returncode:
        if re.search("connection|resolve|network|dns|timed out|unreachable", result.stderr, re.IGNORECASE):
            raise Missing("The packages for the page could not be downloaded. Is there a network?")
        if found := re.search(r"No matching distribution found for (\S+)", result.stderr):
            raise Missing(f"{found[1]} has no wheel for Pyodide: none for {platform}, Python {python}, or for all.")
        raise Missing(f"pip: {result.stderr.strip().splitlines()[-1]}")
    left_out = re.compile("|".join(LEFT_OUT))
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder, [name for name in archive.namelist() if not left_out.match(name)])


def pack(folder: Path, target: Path, belongs=lambda name: True) -> None:
    """Pack a folder as `target`, a zip in a gz. What is in the zip is not compressed once more.

    belongs: whether the file with this name, relative to the folder, is to be in it.
    """
    plain = target.with_suffix("")
    with zipfile.ZipFile(plain, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(folder.rglob("*")):
            name = file.relative_to(folder).as_posix()
            if file.is_file() and belongs(name):
                archive.writestr(zipfile.ZipInfo(name), file.read_bytes())
    compress(plain, target)
    plain.unlink()


def compress(file: Path, target: Path) -> None:
    """Compress a file as `target`, the same each time."""
    target.write_bytes(gzip.compress(file.read_bytes(), compresslevel=9, mtime=0))


def lay_out(folder: Path, scratch: Path) -> None:
    """Make all that a page loads but the course's own code, in `folder`."""
    for name in ("package.json", "package-lock.json", "editor.js", "compile.mjs"):
        shutil.copy(SOURCES / name, scratch)
    run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], scratch, "npm")
    pyodide = scratch / "node_modules" / "pyodide"
    esbuild = ["node", "node_modules/esbuild/bin/esbuild", "editor.js", "--bundle", "--minify", "--format=esm"]
    run([*esbuild, f"--outfile={folder / 'editor.js'}", "--log-level=error"], scratch, "esbuild")

    python = folder / "python"
    python.mkdir()
    shutil.copy(pyodide / "pyodide.mjs", python)
    shutil.copy(pyodide / "pyodide.asm.mjs", python)
    compress(pyodide / "pyodide.asm.wasm", python / "pyodide.asm.wasm.gz")
    lock = json.loads((pyodide / "pyodide-lock.json").read_text(encoding="utf-8"))
    no_more = scratch / "no-more-packages.json"  # those that Pyodide's makers would offer
    no_more.write_text(json.dumps({"info": lock["info"], "packages": {}}), encoding="utf-8")
    compress(no_more, python / "pyodide-lock.json.gz")

    library = scratch / "library"
    shutil.unpack_archive(pyodide / "python_stdlib.zip", library)
    run(["node", "compile.mjs", library, "/lib/python314.zip"], scratch, "compiling Python's library")
    pack(library, python / "python_stdlib.zip.gz")

    installed = scratch / "installed"
    packages(lock["info"], SOURCES / "requirements.txt", installed)
    place = "/lib/python3.14/site-packages"
    run(["node", "compile.mjs", installed, place, KEEPS_ITS_SOURCES], scratch, "compiling the packages")
    pack(installed, python / "later.zip.gz", lambda name: re.match(LATER, name))
    pack(installed, python / "packages.zip.gz", lambda name: not re.match(LATER, name))


def loads() -> Path:
    """The folder with what a page loads; makes it, if there is none for the locks as they are."""
    stamp = LOADS / "key"
    if stamp.exists() and stamp.read_text() == key():
        return LOADS
    LOADS.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=LOADS.parent) as scratch:
        folder = Path(scratch) / "loads"
        folder.mkdir()
        lay_out(folder, Path(scratch))
        (folder / "key").write_text(key())
        shutil.rmtree(LOADS, ignore_errors=True)
        folder.rename(LOADS)
    return LOADS


def course(target: Path) -> None:
    """Pack the course's own code as `target`: what lessons import, load and start, and what runs them."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        code = shutil.ignore_patterns("__pycache__", "*.ipynb", "*.egg-info", ".ipynb_checkpoints")
        for name in ("notebooks", "examples"):
            shutil.copytree(ROOT / name, folder / name, ignore=code)
        (folder / "site-packages" / "browser").mkdir(parents=True)
        for file in sorted(SOURCES.glob("*.py")):
            shutil.copy(file, folder / "site-packages" / "browser")
        for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):  # reports link to lessons by their titles
            cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"][:1]
            (folder / "notebooks" / notebook.name).write_text(json.dumps({"cells": cells}), encoding="utf-8")
        pack(folder, target)


def complete(folder: Path) -> int:
    """Copy all that a page loads into `folder`; gives its size in bytes, as a server sends it that compresses scripts.

    What is loaded later, by few lessons, does not count.

    Raises Missing if something is not to be had, or if it is more than LIMIT.
    """
    shutil.copytree(loads(), folder, ignore=shutil.ignore_patterns("key"))
    course(folder / "python" / "course.zip.gz")
    files = [file for file in folder.rglob("*") if file.is_file() and file.name != "later.zip.gz"]
    size = sum(len(file.read_bytes() if file.suffix == ".gz" else gzip.compress(file.read_bytes())) for file in files)
    if size > LIMIT:
        raise Missing(f"A page would load {size:,} bytes; {LIMIT:,} is the limit. What is left out: tools/browser.py.")
    return size


def main() -> int:
    try:
        print(loads())
    except Missing as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
