"""Start two workers and Caddy in front of them; Enter restarts one worker after the other."""

import argparse
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import sysconfig
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from examples.workers.__main__ import free_port, wait_until_it_listens

HERE = Path(__file__).parent
PATIENCE = 10  # seconds that a worker has to end by itself: the longest honest work, and some more


def find_caddy() -> str | None:
    """An installed Caddy, or that of a package in this environment."""
    return shutil.which("caddy") or shutil.which("caddy", path=sysconfig.get_path("scripts"))


def start_worker(port: int) -> subprocess.Popen:
    """Start one, and return when it takes connections."""
    command = [sys.executable, "-m", "uvicorn", "examples.behind_a_proxy.app:app", "--port", str(port)]
    process = subprocess.Popen([*command, "--timeout-graceful-shutdown", str(PATIENCE)])
    wait_until_it_listens(process, port)
    return process


def wait_for_a_certificate(folder: Path, origin: str) -> Path:
    """Return the certificate of Caddy's authority, when it has made one for `origin`, and shows it there.

    It listens before, and answers a handshake of TLS with an error until then.
    """
    authority = folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"
    site = urlsplit(origin)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with suppress(OSError):  # of which the errors of TLS are some
            context = ssl.create_default_context(cafile=authority)
            with (
                socket.create_connection((site.hostname, site.port), timeout=PATIENCE) as connection,
                context.wrap_socket(connection, server_hostname=site.hostname),
            ):
                break
        time.sleep(0.02)
    return authority


def restart(workers: dict[int, subprocess.Popen]) -> None:
    """A rolling restart: somebody is there all the time."""
    for port, process in workers.items():
        process.terminate()
        process.wait()
        workers[port] = start_worker(port)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m examples.behind_a_proxy", description=__doc__)
    parser.add_argument("--port", default=8000, type=int, help="of the proxy; the workers have the next two; 0: any")
    parser.add_argument("--tls", action="store_true", help="wss, with an authority of its own")
    parser.add_argument("--without-proxy", action="store_true", help="start the workers alone, for a proxy of yours")
    options = parser.parse_args()

    caddy = find_caddy()
    if not (caddy or options.without_proxy):
        sys.exit("There is no caddy here. Install one (in the project's folder: make production), or --without-proxy.")
    port, *ports = [options.port + n if options.port else 0 for n in range(3)]
    if not options.without_proxy:  # else it is yours, and may be there already
        port = free_port(port)
    ports = [free_port(worker_port) for worker_port in ports]
    site = f"https://localhost:{port}" if options.tls else f"http://127.0.0.1:{port}"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    workers: dict[int, subprocess.Popen] = {}
    proxy = None
    with tempfile.TemporaryDirectory() as data:
        try:
            for worker_port in ports:
                workers[worker_port] = start_worker(worker_port)
            a, b = (f"127.0.0.1:{worker_port}" for worker_port in ports)
            if not options.without_proxy:
                env = {"SITE": site, "A": a, "B": b, "CADDY_ADMIN": f"127.0.0.1:{free_port()}"}
                env |= dict.fromkeys(["XDG_DATA_HOME", "XDG_CONFIG_HOME", "APPDATA"], data)
                command = [caddy, "run", "--config", str(HERE / "Caddyfile")]
                proxy = subprocess.Popen(command, env={**os.environ, **env}, stderr=subprocess.DEVNULL)
                wait_until_it_listens(proxy, port)
            trust = f" Its authority: {wait_for_a_certificate(Path(data), site)}" if options.tls and proxy else ""
            where = f"behind {site.replace('http', 'ws')}{trust}" if proxy else "and no proxy"
            print(f"Two workers, {a} and {b}, {where}", flush=True)
            print("Enter restarts one worker after the other. End with Ctrl-C.", flush=True)
            while sys.stdin.readline():
                restart(workers)
                print("Both workers are new.", flush=True)
            workers[ports[0]].wait()  # nobody is at the keyboard
        except KeyboardInterrupt:
            pass
        finally:
            for process in [*([proxy] if proxy else []), *workers.values()]:
                process.terminate()
                process.wait()


if __name__ == "__main__":
    main()
