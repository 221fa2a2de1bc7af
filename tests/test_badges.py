"""The badges that open the course on Binder. That each lesson has its own is a rule: `badge_opens_this_lesson`."""

from xml.etree import ElementTree

import pytest

from tests.lessons import PATHS, ROOT, read
from tools import badges, published

SETTINGS = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
LESSON = PATHS[1]


def test_every_badge_is_the_one_that_the_setting_gives():
    there = list(badges.files())
    assert [path for path, _ in there] == [ROOT / "README.md", *PATHS]
    for path, text in there:
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: use `make badges`"


def test_the_readme_opens_the_first_lesson_and_warns_as_long_as_it_cannot():
    repository = published.repository(SETTINGS)
    assert README.count("mybinder.org") == 1
    assert f"](https://mybinder.org/v2/gh/{repository}/HEAD?urlpath=lab/tree/notebooks/{PATHS[0].name})" in README
    assert ("works once the course is published" in README) == (repository == "OWNER/REPOSITORY")


def test_a_new_setting_changes_every_badge_and_nothing_else():
    first = read(LESSON).cells[0].source
    elsewhere = badges.with_badge(first, "ann/course", LESSON.name)
    assert elsewhere == first.replace("OWNER/REPOSITORY", "ann/course") != first
    assert badges.with_badge(elsewhere, published.PLACEHOLDER, LESSON.name) == first
    readme = badges.with_paragraph(README, "ann/course", PATHS[0].name)
    assert "works once" not in readme
    assert badges.with_paragraph(readme, published.PLACEHOLDER, PATHS[0].name) == README


def test_a_new_lesson_gets_its_badge():
    first = "# 11. Both at once\n\nYou see.\n\nPrevious: [a](b.ipynb)"
    assert badges.with_badge(first, "ann/course", "11-both-at-once.ipynb") == (
        f"{first} · [![Open this lesson on Binder](../docs/binder.svg)]"
        "(https://mybinder.org/v2/gh/ann/course/HEAD?urlpath=lab/tree/notebooks/11-both-at-once.ipynb)"
    )
    with pytest.raises(badges.BadgeError, match=r"11-x.ipynb: its first cell needs one line with the previous"):
        badges.with_badge("# 11. X", "ann/course", "11-x.ipynb")
    with pytest.raises(badges.BadgeError, match=r"README.md: needs one paragraph"):
        badges.with_paragraph("# A course", "ann/course", LESSON.name)


def setting(address: str) -> str:
    return f'[project.urls]\nRepository = "{address}"'


@pytest.mark.parametrize("ending", ["", "/", ".git"])
def test_the_setting_is_an_address_on_github(ending):
    assert published.repository(setting(f"https://github.com/ann/a.course{ending}")) == "ann/a.course"


@pytest.mark.parametrize("address", ["ann/course", "https://example.org/ann/course", "https://github.com/ann"])
def test_another_setting_is_refused(address):
    with pytest.raises(published.SettingError, match=f"must be https://github.com/owner/name, and is {address}"):
        published.repository(setting(address))


def test_the_picture_says_what_it_is():
    picture = ElementTree.parse(ROOT / "docs" / "binder.svg").getroot()
    assert picture.get("role") == "img"
    assert picture.get("aria-label") == "open on Binder"
    assert "://" not in ElementTree.tostring(picture, encoding="unicode").replace("http://www.w3.org/2000/svg", "")
