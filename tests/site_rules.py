"""What must be true of the course's pages, page by page, without a browser: links, pictures, ids.

Each rule takes a page and the folder that it is in, and yields its problems, each a line for the author.
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

FETCHED = {"img": "src", "source": "srcset", "script": "src", "link": "href", "iframe": "src"}  # when a page opens
OWN_MACHINE = re.compile(r"http://(127\.0\.0\.1|localhost)(:8000)?/?$")  # where a reader's own server answers


@dataclass
class Page(HTMLParser):
    """A page, and the tags in it."""

    html: str
    path: str = "index.html"  # in the site's folder
    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def __post_init__(self):
        super().__init__()
        self.feed(self.html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, {name: value or "" for name, value in attributes}))

    @cached_property
    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.tags if "id" in attributes]


@dataclass
class Site:
    """All pages of a folder."""

    folder: Path

    @cached_property
    def pages(self) -> dict[str, Page]:
        files = sorted(self.folder.rglob("*.html"))
        names = [file.relative_to(self.folder).as_posix() for file in files]
        return {name: Page(file.read_text(encoding="utf-8"), name) for name, file in zip(names, files, strict=True)}

    def has(self, path: str) -> bool:
        return (self.folder / path).is_file()


def links_lead_somewhere(page: Page, site: Site) -> Iterator[str]:
    for tag, attributes in page.tags:
        for name in {"href", "src", "srcset"} & set(attributes):
            target = attributes[name]
            if target.startswith(("https://", "data:")) or OWN_MACHINE.match(target):
                continue
            if tag == "use":  # a symbol in the page
                continue
            address, _, fragment = target.partition("#")
            address = address.partition("?")[0]
            path = posixpath.normpath(posixpath.join(posixpath.dirname(page.path), unquote(address)))
            if re.match(r"[a-z]+:|//", target) or (address and not site.has(path)):
                yield f"dead link: {target}"
            elif path.endswith(".ipynb") and "download" not in attributes:
                yield f"leads to a notebook's file instead of its page: {target}"
            elif fragment:
                other = site.pages.get(path) if address else page
                if other is None or unquote(fragment) not in other.ids:
                    yield f"dead anchor: {target}"


def pictures_have_a_text(page: Page, site: Site) -> Iterator[str]:
    for tag, attributes in page.tags:
        if tag == "img" and not attributes.get("alt", "").strip():
            yield f"picture without alt: {attributes.get('src', '')[:60]}"


def nothing_comes_from_elsewhere(page: Page, site: Site) -> Iterator[str]:
    for tag, attributes in page.tags:
        if re.match(r"(https?:)?//", target := attributes.get(FETCHED.get(tag), "")):
            yield f"fetches from another host: {target}"


def ids_are_unique(page: Page, site: Site) -> Iterator[str]:
    for name in sorted({name for name in page.ids if page.ids.count(name) > 1}):
        yield f"id used twice: {name}"


RULES = [links_lead_somewhere, pictures_have_a_text, nothing_comes_from_elsewhere, ids_are_unique]


def problems(page: Page, site: Site) -> list[str]:
    """All that is wrong with a page, a line each."""
    return [f"{page.path}: {problem}" for rule in RULES for problem in rule(page, site)]
