"""Build the course as static pages, from the stored outputs: `make pages`, or `python -m tools.site [TARGET]`.

The pages are made of what is in the repository: README.md is the landing page, each notebook a page, and so is every
file that one of these links to. They are laid out in a scratch folder, with what a page needs that does not run
(folded answers, a note, solutions to look at), and built by Sphinx with the settings in `site/`. Nothing runs, nothing
is downloaded, and a warning is an error.

With `--run`, which is `make site`, a lesson's page has a button that runs the lesson there. What it loads then comes
from `tools/browser.py`, which needs npm and a network the first time.
"""

import argparse
import posixpath
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat

from course.lessons import PATHS, is_reference, title
from tools import browser
from tools.published import PLACEHOLDER, binder, here

ROOT = Path(__file__).parent.parent
TARGET = Path("build") / "site"

LEXERS = {".py": "python", ".html": "html", ".js": "javascript", ".css": "css", ".toml": "toml", ".conf": "nginx"}
CODE_ONLY = "div.highlight pre:not(.cell_output pre)"  # what gets a copy button: code, but not what it printed

LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)
BADGE = re.compile(r" · \[!\[[^\]]*\]\([^)]*\)\]\(https://[^)]*" + PLACEHOLDER + r"[^)]*\)")
NOTEBOOK = re.compile(r'((?:\]\(|href=")[\w./-]+)\.ipynb(?=[)"#])')
PICTURE = re.compile(
    r'<picture>\s*<source media="\(prefers-color-scheme: dark\)" srcset="(?P<dark>[^"]+)">\s*'
    r'<img src="(?P<light>[^"]+)"(?P<rest>[^>]*)>\s*</picture>'
)
PICTURES = r'<img class="only-light" src="\g<light>"\g<rest>>' "\n" r'<img class="only-dark" src="\g<dark>"\g<rest>>'


def repository() -> str | None:
    """Where the course is published, as `owner/name` on GitHub; None while that is not known."""
    return here() if here() != PLACEHOLDER else None


def anchor(heading: str) -> str:
    """A heading's anchor as JupyterLab has it, so that the lessons' links lead to the same place in both."""
    return heading.replace(" ", "-")


def page_of(path: str) -> str:
    """The page, with its anchor, that shows a file or folder of the repository: `examples/echo.md#app.py`."""
    if (ROOT / path).is_dir():
        return f"{path}.md"
    folder, name = posixpath.split(path)
    if name == "README.md":
        return posixpath.join(folder, "index.md")
    if name.endswith((".md", ".ipynb")):
        return path
    example = re.match(r"(examples/\w+)/(.+)", path)
    return f"{example[1]}.md#{anchor(example[2])}" if example else f"{path}.md"


class DeadLink(Exception):
    """A link to a file that the repository does not have."""


class Site:
    """The folder that Sphinx builds, and what is still to be laid out in it."""

    def __init__(self, folder: Path, megabytes: float = 0):
        self.folder = folder
        self.megabytes = megabytes  # that a page loads to run its lesson; 0 if it cannot
        self.todo = ["README.md", *(f"notebooks/{path.name}" for path in PATHS)]
        self.pages: set[str] = set()

    def lay_out(self) -> None:
        """Write all pages: the landing page, the lessons, and whatever these link to."""
        for source in self.todo:  # grows meanwhile
            page = self.folder / page_of(source).partition("#")[0]
            name = page.relative_to(self.folder).with_suffix("").as_posix()
            if name in self.pages:
                continue
            self.pages.add(name)
            page.parent.mkdir(parents=True, exist_ok=True)
            if source.endswith(".ipynb"):
                page.write_text(self.lesson(source), encoding="utf-8")
            elif source.endswith(".md"):
                page.write_text(self.document(source), encoding="utf-8")
            else:
                page.write_text(listing(source), encoding="utf-8")
        landing = self.folder / "index.md"
        landing.write_text(landing.read_text(encoding="utf-8") + self.contents(), encoding="utf-8")

    def contents(self) -> str:
        """What the pages' navigation shows, in reading order."""
        titles = {f"notebooks/{path.stem}": title(path) for path in PATHS}
        course = [f"notebooks/{path.stem}" for path in PATHS if not is_reference(path)]
        reference = [name for name in titles if name not in course]
        examples = sorted(name for name in self.pages if name.startswith("examples/"))
        rest = sorted(self.pages - {"index", *titles, *examples})
        examples.sort(key=lambda name: name != "examples/index")
        titles |= {name: name.removeprefix("examples/") for name in examples} | {"examples/index": "All programs"}
        trees = [("Lessons", course), ("Reference", reference), ("Examples", examples), ("Repository", rest)]
        return "".join(
            f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n"
            + "".join(f"{titles[name]} <{name}>\n" if name in titles else f"{name}\n" for name in names)
            + "```\n"
            for caption, names in trees
        )

    def document(self, source: str) -> str:
        """A Markdown file of the repository, as a page."""
        text = self.prose((ROOT / source).read_text(encoding="utf-8"), source)
        if source == "README.md":
            first = f"notebooks/{PATHS[0].name}"
            text = re.sub(r"(?<=\d) min\b", "\N{NO-BREAK SPACE}min", text)
            note = f"You can read the whole course here, as it was last run. [Begin with the first lesson]({first}), or"
            before, heading, after = text.partition("\n## ")
            text = f"{before}\n{boxed(f'{note} [run it yourself](#Start).')}{heading}{after}"
            if self.megabytes:
                text = text.replace("\n\n", f"\n\n{self.offer('front.html', first.removesuffix('.ipynb'))}", 1)
        return text

    def offer(self, name: str, lesson: str = "") -> str:
        """What offers to run a lesson, of `site/browser`, as HTML in Markdown."""
        html = (ROOT / "site" / "browser" / name).read_text(encoding="utf-8")
        html = html.format(megabytes=round(self.megabytes), bytes=round(self.megabytes * 1e6), lesson=lesson)
        return f"```{{raw}} html\n{html}```\n\n"

    def prose(self, text: str, source: str) -> str:
        """Markdown of `source` with links that lead to pages, and without what leads nowhere yet."""
        text = PICTURE.sub(PICTURES, text)
        for picture in re.findall(r'<img [^>]*src="([^":]+)"', text):
            self.target(picture, source)
        if not repository():
            text = BADGE.sub("", text)
            text = "\n\n".join(part for part in text.split("\n\n") if PLACEHOLDER not in part)
        parts = CODE.split(text)
        parts[::2] = [LINK.sub(lambda link: f"]({self.target(link[1], source)})", part) for part in parts[::2]]
        return "".join(parts)

    def target(self, link: str, source: str) -> str:
        """Where a link of `source` leads on the pages."""
        address, _, fragment = link.partition("#")
        if not address or re.match(r"[a-z]+:", address):
            return link
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), address))
        if not (ROOT / path).exists():
            raise DeadLink(f"{source} links to {link}, which is not there")
        if Path(path).suffix in (".png", ".svg"):
            picture = self.folder / path
            picture.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, picture)
            return link
        self.todo.append(path if not path.startswith("examples/") else example(path))
        page = page_of(path) + (f"#{fragment}" if fragment else "")
        return posixpath.relpath(page, posixpath.dirname(page_of(source)) or ".")

    def lesson(self, source: str) -> str:
        """A notebook as a page shows it: nothing in it can be run, so that some things are told or shown instead."""
        notebook = nbformat.read(ROOT / source, as_version=4)
        runs = bool(self.megabytes) and runs_on_a_page(notebook)
        cells = []
        for cell in notebook.cells:
            tags = cell.metadata.get("tags", [])
            if cell.cell_type == "markdown":
                cell.source = self.prose(cell.source, source)
            else:
                cell.outputs = [linked(output) for output in cell.outputs if output.get("data") != {}]
            if "guess" in tags:
                cell.metadata.tags = [*tags, "hide-output"]
            if "exercise-stub" in tags:
                cells.append(nbformat.v4.new_markdown_cell(boxed(EXERCISE_HERE if runs else EXERCISE)))
            cells.append(cell)
            if "exercise-solution" in tags:
                cells.append(nbformat.v4.new_markdown_cell(solution(cell.source)))
        offer = self.offer("box.html") if runs else ""
        cells.insert(1, nbformat.v4.new_markdown_cell(offer + boxed(note(source, notebook, runs=runs))))
        notebook.cells = cells
        notebook.metadata.language_info.pygments_lexer = "ipython3"  # which knows magics
        return nbformat.writes(notebook)


EXERCISE = (
    "Write your answer in the notebook. On this page the stub is as it comes, and what the check says below is "
    "what it says about the stub."
)

EXERCISE_HERE = (
    "Write your answer here, once the lesson runs, or in the notebook. Until then the stub is as it comes, and what "
    "the check says below is what it says about the stub."
)


def runs_on_a_page(notebook: nbformat.NotebookNode) -> bool:
    """Whether there is a cell that a page can run. A lesson on processes has none."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return any("not-in-the-page" not in cell.metadata.get("tags", []) for cell in code)


def linked(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A stored output, whose links lead to pages."""
    for form in {"text/markdown", "text/html"} & set(output.get("data", {})):
        output.data[form] = NOTEBOOK.sub(r"\1.html", output.data[form])  # Sphinx does not look into outputs
    return output


def note(source: str, notebook: nbformat.NotebookNode, runs: bool = False) -> str:
    """What a page has to say about itself: that it was run, and how to run it elsewhere, or at all (`runs`: here)."""
    name = posixpath.basename(source)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    says = []
    if any(cell.outputs for cell in code):
        says.append("This page shows a stored run.")
    if any("guess" in cell.metadata.get("tags", []) for cell in code):
        says.append("What happens after a guess is folded until you ask for it.")
    if code:
        what = "To run the lessons in JupyterLab" if runs else "To run the cells and change them"
        run = f"{what}, [start the course](../index.md#Start) on your machine"
        if place := repository():
            run += (
                f" (`git clone https://github.com/{place}`, and in the new folder `make lab`), "
                f"or [on Binder]({binder(place, name)})"
            )
        says.append(f"{run}.")
    download = f'<a href="{name}" download>Download the notebook</a>'
    says.append(f"{download}; it needs `wslab`, which is in the repository." if code else f"{download}.")
    return " ".join(says)


def boxed(text: str) -> str:
    """A paragraph that is the page's own, and looks so."""
    return f"```{{container}} of-this-page\n{text}\n```\n"


def solution(cell: str) -> str:
    """The solution that a cell would load, folded."""
    name = re.search(r"solutions/\S+", cell)[0]
    code = (ROOT / "notebooks" / name).read_text(encoding="utf-8")
    return f"<details>\n<summary>Show a solution</summary>\n\n{fenced(code, 'ipython3')}\n</details>"


def fenced(code: str, language: str) -> str:
    """A block of code, whatever it holds."""
    fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", code)), default=0))
    return f"{fence}{language}\n{code.rstrip()}\n{fence}\n"


def example(path: str) -> str:
    """The folder of an example that a file of it belongs to."""
    return path if path.endswith(".md") else "/".join(path.split("/")[:2])


def listing(source: str) -> str:
    """A page that shows a file of the repository, or the files of an example's folder."""
    path = ROOT / source
    if path.is_file():
        return f"# {source}\n\n{fenced(path.read_text(encoding='utf-8'), LEXERS.get(path.suffix, 'text'))}"
    page = f"# {source}\n\nHow to start it is in [the table of all programs](index.md).\n"
    for file in sorted(path.rglob("*")):
        lexer = "text" if file.name == "Caddyfile" else LEXERS.get(file.suffix)
        if lexer and (code := file.read_text(encoding="utf-8")).strip():
            page += f"\n## `{file.relative_to(path).as_posix()}`\n\n{fenced(code, lexer)}"
    return page


def sphinx(pages: Path, target: Path, scratch: str, *more: str) -> int:
    """Let Sphinx build what was laid out; gives its exit status."""
    options = ["--quiet", "--fail-on-warning", "--keep-going", "--nitpicky", f"--conf-dir={ROOT / 'site'}"]
    command = [sys.executable, "-m", "sphinx", *options, *more, f"--doctree-dir={scratch}/doctrees", pages, target]
    return subprocess.run(command, cwd=ROOT).returncode


def build(target: Path, run: bool = False) -> int:
    """Build the pages into `target`; gives Sphinx's exit status. run: with what a page needs to run its lesson."""
    with tempfile.TemporaryDirectory() as scratch:
        loaded = Path(scratch) / "loaded"
        site = Site(Path(scratch) / "pages", browser.complete(loaded) / 1e6 if run else 0)
        site.lay_out()
        status = sphinx(site.folder, target, scratch, *(["--tag=run"] if run else []))
        if status == 0 and run:
            shutil.copytree(loaded, target / "_static", dirs_exist_ok=True)
    for path in PATHS if status == 0 else []:
        shutil.copy(path, target / "notebooks")  # to download, and to know the cells by
    return status


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", nargs="?", type=Path, help=f"a new folder; default: {TARGET}, made anew")
    parser.add_argument("--run", action="store_true", help="with a button that runs the lesson (npm, network)")
    arguments = parser.parse_args()
    target = arguments.target
    if target is None:
        target = TARGET
        shutil.rmtree(ROOT / TARGET, ignore_errors=True)
    elif target.exists():
        parser.error(f"{target} exists")
    try:
        status = build(ROOT / target, arguments.run)
    except (DeadLink, browser.Missing) as problem:
        parser.exit(1, f"{problem}\n")
    if status:
        return status
    print(target / "index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
