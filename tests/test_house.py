"""The house around the lessons: its commands, its requirements, Binder, the workflow."""

import os
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from itertools import combinations

import pytest
import yaml

from tests import lessons
from tests.lessons import ROOT

PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", re.MULTILINE)
posix = pytest.mark.skipif(sys.platform == "win32", reason="for make, which Windows does without")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def names(text: str) -> list[str]:
    return re.findall(r"^([a-z0-9][a-z0-9-]*)", text, re.MULTILINE)


LOCKS = ["requirements", "notebooks/production", "site/requirements", "tests/requirements"]
FOR_PAGES = "site/browser/requirements"


@pytest.mark.parametrize("lock", [*LOCKS, FOR_PAGES])
def test_every_direct_dependency_has_a_reason_and_is_locked(lock):
    direct = read(f"{lock}.in")
    for line in direct.splitlines():
        assert line.startswith(("#", "-c ", "-r ")) or re.match(r"\S+( ; [^#]+)? +# \S+", line), (
            f"{line!r} has no reason"
        )
    assert set(names(direct)) <= set(dict(PIN.findall(read(f"{lock}.txt"))))


def test_what_was_asked_for_is_there():
    assert {"fastapi", "uvicorn", "jupyter", "nest-asyncio", "websockets", "nbval"} <= set(
        names(read("requirements.in"))
    )


@pytest.mark.parametrize(("one", "other"), [*combinations(LOCKS, 2), ("requirements", FOR_PAGES)])
def test_the_locks_agree(one, other):
    """Whatever two of them name, they name in the same versions: four go into one .venv, and the last into pages."""
    locks = {one, other}
    one, other = (PIN.findall(read(f"{lock}.txt")) for lock in (one, other))
    shared = {name for name, _ in one} & {name for name, _ in other}
    assert shared or "notebooks/production" in locks  # which says what the others do not
    assert {pin for pin in one if pin[0] in shared} == {pin for pin in other if pin[0] in shared}


@pytest.mark.skipif("NEWEST" in os.environ, reason="the newest releases are tried, which no notebook has seen yet")
def test_the_rows_of_who_sees_what_are_of_the_locked_versions():
    page = lessons.path("who-sees-what").read_text(encoding="utf-8")
    (said,) = re.findall(r"Those that you see are of ([^\"]+)\.", page)
    versions = re.findall(r"([a-z]+) (\d+\.\d+)", said)
    assert len(versions) == 5
    locked = dict(PIN.findall(read("requirements.txt")))
    assert versions == [(name, ".".join(locked[name].split(".")[:2])) for name, _ in versions]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_place(lock):
    assert "://" not in read(f"{lock}.txt")


def test_what_only_the_lessons_on_production_need_does_not_slow_down_the_start():
    ours = set(names(read("notebooks/production.in"))) - {"prometheus-client"}  # Jupyter has that one anyway
    assert not ours & set(names(read("requirements.txt")))
    assert "-r ../notebooks/production.txt" in read("binder/requirements.txt")
    assert "-r ../notebooks/production.in" in read("tests/requirements.in")


def test_the_checks_can_be_imported_without_it():
    code = (
        "import importlib, pkgutil, sys; from course import exercises\n"
        "for one in pkgutil.iter_modules(exercises.__path__): importlib.import_module(f'course.exercises.{one.name}')\n"
        "assert not {'course.parts', 'redis'} & set(sys.modules)"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=lessons.NOTEBOOKS, capture_output=True, text=True, timeout=100)
    assert (result.returncode, result.stderr) == (0, "")


def test_no_lesson_takes_the_name_of_anothers_check(tmp_path):
    folder = tmp_path / "exercises"
    folder.mkdir()
    shutil.copy(lessons.NOTEBOOKS / "course/exercises/__init__.py", folder)
    for lesson in ("greeting", "copied_from_greeting"):
        (folder / f"{lesson}.py").write_text("__all__ = ['greeter']\ngreeter = print\n")
    command = [sys.executable, "-c", "import exercises"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert "greeter is a check of two lessons: copied_from_greeting and greeting." in result.stderr


def test_readers_need_nothing_of_what_builds_the_pages():
    assert not {"sphinx", "furo", "myst-nb"} & set(names(read("requirements.txt")))
    assert "-r ../site/requirements.in" in read("tests/requirements.in")  # the tests build the pages


# --- tools/venv.sh: what it says when something is missing ---


@pytest.fixture
def newcomer(tmp_path):
    """An empty folder with the script, and a PATH without uv and Python; `run` says what came out."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ["sh", "rm", "head", "tail", "grep", "printf"]:
        (tools / name).symlink_to(shutil.which(name))
    shutil.copy(ROOT / "tools/venv.sh", tmp_path)
    (tmp_path / "requirements.txt").write_text("wsproto==1.3.2\n")

    def run(python: str = "", **environment):
        if python:
            (tools / "python3").write_text(f"#!{shutil.which('sh')}\n{python}\n")
            (tools / "python3").chmod(0o755)
        return subprocess.run(
            ["sh", "venv.sh", "requirements.txt"],
            cwd=tmp_path,
            env={"PATH": str(tools), "HOME": str(tmp_path), **environment},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def says(result, message: str) -> None:
    assert result.returncode == 1
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


@posix
def test_no_python(newcomer):
    says(newcomer(), "The course needs Python 3.11 or newer. Found: ")


@posix
def test_too_old_a_python(newcomer):
    old = 'if [ "$1" = --version ]; then echo "Python 3.9.2"; else exit 1; fi'
    says(newcomer(old), "The course needs Python 3.11 or newer. Found: Python 3.9.2")


@posix
def test_a_python_that_was_asked_for_and_is_not_there(newcomer, tmp_path):
    another = f'exec {sys._base_executable} "$@"'  # whoever wants to try a new Python must not be given this one
    says(newcomer(another, PYTHON="python3.99"), "PYTHON is python3.99: there is none of that name, or it is too old")
    assert not (tmp_path / ".venv").exists()


@posix
def test_an_older_python_has_a_newer_one_beside_it(newcomer, tmp_path):
    without = f'case "$*" in *ensurepip*) exit 1;; esac; exec {sys._base_executable} "$@"'
    (tmp_path / "bin" / "python3.12").write_text(f"#!{shutil.which('sh')}\n{without}\n")
    (tmp_path / "bin" / "python3.12").chmod(0o755)
    says(newcomer("exit 1"), "This Python lacks its venv module.")  # so it was taken


@posix
def test_no_venv_module(newcomer):
    without = f'case "$*" in *ensurepip*) exit 1;; esac; exec {sys._base_executable} "$@"'
    says(newcomer(without), "This Python lacks its venv module. On Debian and Ubuntu: apt install python3-venv")


@posix
@pytest.mark.thorough  # it makes an environment first
def test_no_network(newcomer):
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_CONFIG_FILE": os.devnull, "PIP_DEFAULT_TIMEOUT": "1"}
    result = newcomer(f'exec {sys._base_executable} "$@"', **nowhere)
    says(result, "The packages could not be downloaded. Is there a network?")


# --- Binder and the workflow ---


def what_binder_would_build() -> str:
    """The Dockerfile, and what repo2docker says of it: `--no-build` shows it without Docker."""
    options = ["--no-build", "--debug", "--user-id=1000", "--user-name=reader"]
    command = [sys.executable, "-m", "repo2docker", *options, "."]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert result.returncode == 0, result.stderr
    return result.stdout + result.stderr


def test_binder_would_accept_the_repository():
    docker_file = what_binder_would_build()
    assert "Building conda environment for python=3.12" in docker_file
    # The lock lies outside binder/, so the whole repository must be there before pip runs.
    copied, installed = docker_file.index(" src/ ${REPO_DIR}/"), docker_file.index('-r "binder/requirements.txt"')
    assert copied < installed
    assert "-r ../requirements.txt" in read("binder/requirements.txt")


def test_the_workflow_runs_the_same_tests_everywhere():
    workflow = yaml.safe_load(read(".github/workflows/test.yml"))
    matrix = workflow["jobs"]["test"]["strategy"]["matrix"]
    assert matrix["os"] == ["ubuntu-latest", "macos-latest", "windows-latest"]
    oldest, newest = matrix["python"][0], matrix["python"][-1]  # the one list of Pythons
    assert f'requires-python = ">={oldest}"' in read("pyproject.toml")
    assert f"Python {oldest} to {newest}" in read("README.md")
    (said,) = re.findall(r"on Python ([\d.]+ to [\d.]+)\.", lessons.path("who-sees-what").read_text(encoding="utf-8"))
    assert said == f"{oldest} to {newest}"
    assert "py" + oldest.replace(".", "") in read("pyproject.toml")
    for file in ("Makefile", ".github/workflows/test.yml"):  # where versions are locked
        assert f"--python-version {oldest} " in read(file)
    for file in ("tools/venv.sh", "README.md"):
        assert set(re.findall(r"Python ([\d.]+\d) or newer", read(file))) == {oldest}
    assert {"make test", "make thorough", "make chaos", "make binder"} <= set(read(".ci/run").splitlines())
    assert "schedule" in workflow[True]  # YAML reads the key `on` as true


@pytest.mark.parametrize("marks", [(), ("browser",), ("thorough",), ("thorough", "browser"), ("binder",)])
def test_each_kind_of_test_is_run_by_one_command(marks):
    commands = [one or other for one, other in re.findall(r'pytest .*-m (?:"([^"]+)"|(\w+))', read("Makefile"))]
    names = {name: name in marks for name in ("browser", "thorough", "binder")}
    assert [eval(command, names.copy()) for command in commands].count(True) == 1


def test_the_pages_are_published_as_make_site_builds_them():
    workflow = yaml.safe_load(read(".github/workflows/site.yml"))
    assert workflow[True]["push"] == {"branches": ["main"]}
    assert workflow["permissions"] == {"contents": "read"}
    build, publish = workflow["jobs"]["build"], workflow["jobs"]["publish"]
    assert "make site" in [step.get("run") for step in build["steps"]]
    (upload,) = [step for step in build["steps"] if "upload-pages-artifact" in step.get("uses", "")]
    assert upload["with"]["path"] == "build/site"
    assert "permissions" not in build
    assert publish["permissions"] == {"pages": "write", "id-token": "write"}
    assert publish["needs"] == "build"
    for job in (build, publish):
        assert job["timeout-minutes"] <= 10
        assert all(step["uses"].startswith("actions/") for step in job["steps"] if "uses" in step)


def test_the_readme_gives_the_commands_that_there_are():
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    for document in ("README.md", "CONTRIBUTING.md"):
        named = set(re.findall(r"(?:`|^)make ([a-z]+)", read(document), re.MULTILINE))
        assert named <= targets
    assert "make lab" in read("README.md")
    assert "make test" in read("README.md")


def test_contributors_are_told_of_each_module():
    told = read("CONTRIBUTING.md")
    names = re.findall(r"[\w*]+\.(?:py|sh)\b", told)
    names += [f"{command}.py" for command in re.findall(r"make ([a-z]+)", told)]  # in tools/
    folders = ("notebooks/course", "notebooks/wslab", "notebooks/wslab/examination", "site/browser", "tests", "tools")
    for folder in folders:
        for file in sorted((ROOT / folder).glob("*.*")):
            if file.suffix in (".py", ".sh") and file.name != "__init__.py":
                assert any(fnmatch(file.name, name) for name in names), f"{folder}/{file.name}"
