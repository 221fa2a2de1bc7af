"""The README's picture of a lesson: `make picture`. A real JupyterLab in a real Chromium, light and dark."""

from pathlib import Path

from course.lessons import PATHS
from tools.lab import ROOT, chromium, jupyterlab, open_lesson, run_cell


def take(dark: bool, target: Path) -> None:
    """The first lesson's first cells, just run."""
    with jupyterlab(dark=dark) as address, chromium() as browser:
        page = browser.new_page(viewport={"width": 1100, "height": 1500}, device_scale_factor=1.5)
        open_lesson(page, address, PATHS[0].name)
        page.keyboard.press("Control+b")  # the file browser, out of the way
        page.locator(".jp-Notebook .jp-Cell").first.click()
        page.keyboard.press("Escape")
        for _ in range(7):
            run_cell(page)
        page.evaluate("document.activeElement.blur()")
        first = page.locator(".jp-Cell", has_text="Three cells").first
        first.scroll_into_view_if_needed()
        top = page.locator(".jp-CodeCell").first.bounding_box()
        bottom = page.locator(".jp-RenderedHTMLCommon img[alt^='Conversation']").first.bounding_box()
        page.screenshot(
            path=target,
            clip={
                "x": top["x"],
                "y": top["y"],
                "width": top["width"],
                "height": bottom["y"] + bottom["height"] - top["y"] + 12,
            },
        )


def main() -> None:
    for theme in ("light", "dark"):
        target = ROOT / "docs" / f"lesson-{theme}.png"
        take(theme == "dark", target)
        print(target.relative_to(ROOT))


if __name__ == "__main__":
    main()
