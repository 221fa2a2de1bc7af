"""The README's picture of a lesson: `make picture`. A real JupyterLab in a real Chromium, light and dark."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parent.parent
PATIENCE = 60  # seconds

CHROMIUM_OPTIONS = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]


@contextlib.contextmanager
def jupyterlab(folder: Path = ROOT, dark: bool = False) -> Iterator[str]:
    """A JupyterLab on `folder`, with settings of its own; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as scratch:
        settings = Path(scratch) / "settings" / "@jupyterlab"
        (settings / "apputils-extension").mkdir(parents=True)
        (settings / "apputils-extension" / "themes.jupyterlab-settings").write_text(
            json.dumps({"theme": "JupyterLab Dark" if dark else "JupyterLab Light"})
        )
        (settings / "apputils-extension" / "notification.jupyterlab-settings").write_text(
            json.dumps({"fetchNews": "false", "checkForUpdates": False})
        )
        process = subprocess.Popen(
            [
                *[sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", f"--port={port}"],
                *["--ip=127.0.0.1", "--IdentityProvider.token=", f"--ServerApp.root_dir={folder}"],
                *[f"--LabApp.user_settings_dir={Path(scratch) / 'settings'}"],
                *[f"--LabApp.workspaces_dir={Path(scratch) / 'workspaces'}", "--log-level=ERROR"],
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + PATIENCE
            while True:
                try:
                    urllib.request.urlopen(f"{address}/api/status", timeout=5).close()
                    break
                except OSError:
                    if process.poll() is not None or time.monotonic() > deadline:
                        raise RuntimeError("JupyterLab did not start") from None
                    time.sleep(0.2)
            yield address
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium, or, where there is none, the one that `playwright install chromium` gets."""
    options = CHROMIUM_OPTIONS + (["--no-sandbox"] if hasattr(os, "getuid") and os.getuid() == 0 else [])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=options)
        try:
            yield browser
        finally:
            browser.close()


def open_lesson(page: Page, address: str, lesson: str) -> None:
    """Open a lesson and wait until its kernel is ready to run cells."""
    page.goto(f"{address}/lab/tree/notebooks/{lesson}?reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=PATIENCE * 1000)
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status='idle']", timeout=PATIENCE * 1000)


def run_cell(page: Page) -> None:
    """Run the selected cell, as a reader does, and wait until the kernel is idle again."""
    page.keyboard.press("Shift+Enter")
    page.wait_for_function(
        """() => ![...document.querySelectorAll('.jp-InputPrompt')].some(p => p.textContent.includes('[*]'))
              && document.querySelector('.jp-Notebook-ExecutionIndicator').dataset.status === 'idle'""",
        timeout=PATIENCE * 1000,
    )


def take(dark: bool, target: Path) -> None:
    """The first lesson's first cells, just run."""
    with jupyterlab(dark=dark) as address, chromium() as browser:
        page = browser.new_page(viewport={"width": 1100, "height": 1500}, device_scale_factor=1.5)
        open_lesson(page, address, "00-start-here.ipynb")
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
