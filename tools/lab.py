"""A real JupyterLab in a real Chromium, as tests and `make picture` use them."""

import contextlib
import json
import os
import re
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
LONG_RUN = 150  # seconds for a lesson; one that starts many processes needs 35 where nothing else runs
LOOK = 100  # milliseconds from look to look at a page that has yet to load; a look at each frame would slow it down

REMOTE = "hub.example"  # a name for this machine that does not say so, as the name of a JupyterHub does not
CHROMIUM_OPTIONS = [
    *["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"],
    f"--host-resolver-rules=MAP {REMOTE} 127.0.0.1",
]


@contextlib.contextmanager
def jupyterlab(
    folder: Path = ROOT,
    *,
    dark: bool = False,
    host: str = "127.0.0.1",
    base_url: str = "/",
    python: str = sys.executable,
) -> Iterator[str]:
    """A JupyterLab on `folder`, with settings of its own; gives its address, without a slash at the end.

    host: the name by which the browser calls it, such as `REMOTE`.
    base_url: the path under which it answers, such as `/user/ann/`, as on a JupyterHub.
    python: the interpreter that has JupyterLab, and that its kernels run in.
    """
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
                *[python, "-m", "jupyter", "lab", "--no-browser", "--allow-root", f"--port={port}"],
                *["--ip=127.0.0.1", "--IdentityProvider.token=", f"--ServerApp.root_dir={folder}"],
                *[f"--ServerApp.base_url={base_url}", f"--ServerApp.local_hostnames={host}"],
                # Should it outlive whoever started it (tests that are broken off), it ends by itself.
                *["--MappingKernelManager.cull_idle_timeout=120", "--MappingKernelManager.cull_interval=30"],
                "--ServerApp.shutdown_no_activity_timeout=120",
                "--NotebookNotary.db_file=:memory:",  # which notebooks are trusted: those that were saved from here
                "--LabApp.expose_app_in_browser=True",  # as `jupyterapp`, for `open_lesson`
                *(["--KernelManager.transport=ipc"] if sys.platform != "win32" else []),  # why: see conftest.py
                *[f"--LabApp.user_settings_dir={Path(scratch) / 'settings'}"],
                *[f"--LabApp.workspaces_dir={Path(scratch) / 'workspaces'}", "--log-level=ERROR"],
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            path = f"{port}{base_url.rstrip('/')}"
            deadline = time.monotonic() + 2 * PATIENCE  # several may start at once
            while True:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{path}/api/status", timeout=5).close()
                    break
                except OSError:
                    if process.poll() is not None or time.monotonic() > deadline:
                        raise RuntimeError("JupyterLab did not start") from None
                    time.sleep(0.2)
            yield f"http://{host}:{path}"
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def which_chromium() -> dict:
    """Where it is, and with which options it starts, as playwright's `launch()` takes them."""
    options = CHROMIUM_OPTIONS + (["--no-sandbox"] if hasattr(os, "getuid") and os.getuid() == 0 else [])
    return {"executable_path": shutil.which("chromium"), "args": options}


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium, or, where there is none, the one that `playwright install chromium` gets."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**which_chromium())
        try:
            yield browser
        finally:
            browser.close()


def open_lesson(page: Page, address: str, lesson: str) -> None:
    """Open a lesson and wait until its kernel is ready to run cells."""
    page.goto(f"{address}/lab/tree/notebooks/{lesson}?reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=PATIENCE * 1000)
    wait_for_kernel(page)


def wait_for_kernel(page: Page) -> None:
    """Wait until the kernel is ready to run cells. What the page shows is not enough: it calls one idle too early."""
    page.wait_for_function(
        "() => jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'",
        timeout=PATIENCE * 1000,
        polling=LOOK,
    )


def select_cell(page: Page, number: int) -> None:
    """Select a cell by its number in the notebook, from 0."""
    page.locator(f".jp-Notebook .jp-Cell[data-windowed-list-index='{number}'] .jp-InputArea-prompt").click()


def run_cell(page: Page) -> None:
    """Run the selected cell, as a reader does, and wait until the kernel is idle again."""
    page.keyboard.press("Shift+Enter")
    page.wait_for_function(
        """() => ![...document.querySelectorAll('.jp-InputPrompt')].some(p => p.textContent.includes('[*]'))
              && document.querySelector('.jp-Notebook-ExecutionIndicator').dataset.status === 'idle'""",
        timeout=PATIENCE * 1000,
    )


# --- a whole notebook ---

FRONT = ".jp-NotebookPanel:not(.lm-mod-hidden)"  # the notebook that is in front


# It is opened before the others are closed, since JupyterLab fills an empty place with a launcher.
OPEN_ALONE = """async path => {
    const before = [...jupyterapp.shell.widgets('main')];
    before.filter(widget => widget.context?.path === path).forEach(widget => widget.dispose());
    await jupyterapp.commands.execute('docmanager:open', {path});
    before.forEach(widget => widget.dispose());
}"""


def open_notebook(page: Page, address: str, path: str, cells: int) -> None:
    """Open a notebook, alone, and wait until all of its cells are there, and its kernel is ready.

    A page that has this JupyterLab keeps it, since to load it anew takes longer than all the rest.
    """
    if page.url.startswith(f"{address}/lab"):
        page.evaluate(OPEN_ALONE, path)
    else:
        page.goto(f"{address}/lab/tree/{path}?reset")
    wait_for_cells(page, cells)


def wait_for_cells(page: Page, cells: int) -> None:
    """Wait until the notebook in front has this many cells (JupyterLab adds them one by one), and a kernel for them."""
    page.wait_for_function(
        "([front, count]) => document.querySelectorAll(front + ' .jp-Cell').length === count",
        arg=[FRONT, cells],
        timeout=PATIENCE * 1000,
        polling=LOOK,
    )
    wait_for_kernel(page)


def choose(page: Page, menu: str, command: str) -> None:
    """Choose the item with this command from a menu of JupyterLab."""
    page.locator(".lm-MenuBar-item", has_text=re.compile(f"^{menu}$")).click()
    page.locator(f".lm-Menu-item[data-command='{command}']").click()


# What a prompt says before counts for nothing: each must turn into a star, and then into something else.
WATCH_RUN = """([front, cells, patience]) => {
    const panel = document.querySelector(front), all = [...panel.querySelectorAll('.jp-CodeCell')];
    const prompts = (cells ?? [...all.keys()]).map(n => all[n].querySelector('.jp-InputPrompt'));
    const indicator = panel.querySelector('.jp-Notebook-ExecutionIndicator');
    const begun = new Set();
    window.haveRun = new Promise((resolve, reject) => {
        const look = () => {
            const running = prompts.filter(prompt => prompt.textContent.includes('*'));
            running.forEach(prompt => begun.add(prompt));
            if (running.length || begun.size < prompts.length || indicator.dataset.status !== 'idle') return;
            watcher.disconnect();
            resolve();
        };
        const watcher = new MutationObserver(look);
        for (const prompt of prompts) watcher.observe(prompt, {childList: true, characterData: true, subtree: true});
        watcher.observe(indicator, {attributes: true});
        setTimeout(() => {
            watcher.disconnect();
            const began = `${begun.size} of ${prompts.length} began`;
            reject(new Error(`cells ${cells ?? 'all'}: ${began}; ${indicator.dataset.status}`));
        }, patience);
    });
    window.haveRun.catch(() => null);  // it is awaited later
}"""


@contextlib.contextmanager
def until_run(page: Page, cells: list[int] | None = None) -> Iterator[None]:
    """Wait, after the block, until these code cells (numbers from 0; all of them, if none are named) have run."""
    page.evaluate(WATCH_RUN, [FRONT, cells, LONG_RUN * 1000])
    yield
    page.evaluate("() => window.haveRun")


def run_all(page: Page) -> None:
    """Run > Run All Cells."""
    with until_run(page):
        choose(page, "Run", "runmenu:run-all")


def restart_and_run_all(page: Page) -> None:
    """Kernel > Restart Kernel and Run All Cells."""
    with until_run(page):
        choose(page, "Kernel", "runmenu:restart-and-run-all")
        page.locator(".jp-Dialog .jp-mod-accept").click()


def run_again(page: Page, cell: int, times: int = 1) -> None:
    """Run one code cell (its number, from 0), as a reader does who clicks beside it."""
    page.locator(f"{FRONT} .jp-CodeCell").nth(cell).locator(".jp-InputPrompt").click()
    for _ in range(times):
        with until_run(page, [cell]):
            page.keyboard.press("Control+Enter")


def save(page: Page) -> None:
    """File > Save Notebook."""
    choose(page, "File", "docmanager:save")
    page.locator(".lm-TabBar-tab.lm-mod-current:not(.jp-mod-dirty)", has_text=".ipynb").wait_for(
        timeout=PATIENCE * 1000
    )
