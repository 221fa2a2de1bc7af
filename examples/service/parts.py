"""The processes of the service: Redis, workers and the proxy. One that ends is started again."""

import contextlib
import ctypes
import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None

from examples.behind_a_proxy.__main__ import find_caddy
from examples.workers.__main__ import find_broker, free_port

HERE = Path(__file__).parent
STARTS = 60  # seconds that a program may take until it takes connections
ENDS = 5  # seconds that a worker has to end by itself
PATIENCE = 5  # seconds that a worker may take to say how it is

libc = ctypes.CDLL(None) if sys.platform == "linux" else None
PR_SET_PDEATHSIG = 1


class Missing(Exception):
    """A program is not here, or does not start: in one line, what to do about it."""


def end_with_us() -> None:
    """In a new process: be asked to end when the thread that has started it is gone, even by SIGKILL."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Part:
    """A program, and its process while it runs."""

    def __init__(self, command: list, port: int, env: dict[str, str] | None = None, log=None, cwd: Path | None = None):
        self.command, self.port = [str(word) for word in command], port
        self.env, self.log, self.cwd = env or {}, log, cwd
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start it, and return when it takes connections. Raises Missing if it does not."""
        env = {**os.environ, **self.env}
        options = {"cwd": self.cwd, "stdout": self.log, "stderr": self.log, "preexec_fn": libc and end_with_us}
        self.process = subprocess.Popen(self.command, env=env, start_new_session=True, **options)
        end = time.monotonic() + STARTS
        while self.process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.02)
        name = Path(self.command[0]).name
        raise Missing(f"{name} does not take connections on 127.0.0.1:{self.port}. It may have said why, above.")

    @property
    def has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def stop(self) -> None:
        """Ask it to end, and wait; kill it if it does not."""
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(2 * ENDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def claim(folder: Path):
    """For as long as what it returns is open: two Redis that write the same file destroy it."""
    lock = (folder / "lock").open("w")
    try:
        if fcntl:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise Missing(f"Another service has {folder}. Choose another with --data.") from None
    return lock


class Worker(Part):
    def __init__(self, port: int, env: dict[str, str], log=None, cwd: Path | None = None):
        command = [sys.executable, "-m", "uvicorn", "examples.service.app:app", "--port", port]
        command += ["--timeout-graceful-shutdown", ENDS, "--ws-per-message-deflate", "false", "--ws-max-size", 16384]
        super().__init__(command, port, {"SERVICE_WORKER": secrets.token_hex(4), **env}, log, cwd)

    def is_well(self) -> bool:
        """Whether it says so. If its loop stands still, it says nothing."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as connection:
            try:
                connection.request("GET", "/health")
                return connection.getresponse().status == 200
            except (OSError, http.client.HTTPException):
                return False


class Service:
    """All parts. What workers say goes to `log`, a file, or to the terminal. They are started in `cwd`."""

    def __init__(self, folder: Path, workers: int, port: int = 0, redis: str | None = None, log=None, cwd=None):
        self.redis, self.port, self._claim = None, free_port(port), claim(folder)
        if not redis:
            redis_port = free_port()
            redis = f"redis://127.0.0.1:{redis_port}"
            if not (binary := find_broker()):
                raise Missing("There is no valkey-server or redis-server here. Install one, or say with --redis where.")
            command = [binary, "--bind", "127.0.0.1", "--port", redis_port, "--dir", folder, "--save", ""]
            self.redis = Part([*command, "--appendonly", "yes", "--loglevel", "warning"], redis_port, log=log)
        self.url, self.origin = redis, f"https://localhost:{self.port}"
        env = {"REDIS_URL": redis, "SERVICE_ORIGIN": self.origin}
        self.workers = [Worker(free_port(port and port + 1 + n), env, log, cwd) for n in range(workers)]
        if not (caddy := find_caddy()):
            raise Missing("There is no caddy here. Install one; in the project's folder: make production")
        upstreams = " ".join(f"127.0.0.1:{worker.port}" for worker in self.workers)
        admin = f"127.0.0.1:{free_port()}"
        env = {"SITE": self.origin, "WORKERS": upstreams, "CADDY_ADMIN": admin}
        env |= dict.fromkeys(["XDG_DATA_HOME", "XDG_CONFIG_HOME", "APPDATA"], str(folder))
        self._reload = [caddy, "reload", "--force", "--config", str(HERE / "Caddyfile"), "--address", admin]
        self.proxy = Part([caddy, "run", "--config", HERE / "Caddyfile"], self.port, env, log)
        self.authority = folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"

    @property
    def parts(self) -> list[Part]:
        return [*filter(None, [self.redis]), *self.workers, self.proxy]

    def start(self) -> None:
        for part in self.parts:
            part.start()

    def look_after(self) -> list[Part]:
        """Start again what has ended, and workers that do not say that they are well. Returns which.

        Raises Missing if one does not start: the next call tries again.
        """
        again = [part for part in self.parts if part.has_ended]
        for worker in self.workers:
            if worker not in again and not worker.is_well():
                worker.process.kill()
                worker.process.wait()
                again.append(worker)
        for part in again:
            part.start()
        return again

    def restart_workers(self) -> None:
        """One after the other, so that somebody is there all the time, if there are several.

        Raises Missing if one does not start, as with a mistake in a new version: the others go on with the old one.
        """
        for worker in self.workers:
            worker.stop()
            worker.start()

    def reload_proxy(self) -> None:
        """Have the proxy read its configuration again."""
        subprocess.run(self._reload, env={**os.environ, **self.proxy.env}, check=True, capture_output=True, timeout=30)

    def stop(self) -> None:
        for part in reversed(self.parts):
            part.stop()
        self._claim.close()
