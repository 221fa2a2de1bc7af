"""Two chores in the process that runs the cells: Interrupt, and proxies."""

import asyncio
import contextlib
import os
import sys
import urllib.request

_waker: asyncio.Task | None = None


def let_interrupt_work() -> None:
    """Make the kernel's Interrupt button work while a cell awaits.

    ipykernel's signal handler asks the loop to cancel the cell, but does not wake the loop, which may sleep for as
    long as nothing happens (https://github.com/ipython/ipykernel/issues/1239). A loop that wakes up now and then
    sees the request. Outside a kernel this does nothing.
    """
    global _waker
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None or not hasattr(shell, "kernel") or (_waker and not _waker.done()):
        return

    async def wake_now_and_then():
        while True:
            await asyncio.sleep(0.2)

    with contextlib.suppress(RuntimeError):  # no running loop
        _waker = asyncio.get_running_loop().create_task(wake_now_and_then(), name="wslab: lets Interrupt work")


def spare_the_proxy() -> None:
    """Where a proxy is set up, keep this process's clients from sending what is for 127.0.0.1 to it.

    `websockets.connect()` uses the system's proxy unless it is told not to
    (https://websockets.readthedocs.io/en/stable/topics/proxies.html).
    """
    proxies = urllib.request.getproxies()
    if proxies and not urllib.request.proxy_bypass("127.0.0.1"):
        # Python asks either the environment or, on Windows and macOS, the system. So all goes into the environment.
        for scheme, proxy in proxies.items():
            os.environ.setdefault(f"{scheme}_proxy", proxy)
        hosts = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
        os.environ["no_proxy"] = f"{hosts},127.0.0.1".lstrip(",")
