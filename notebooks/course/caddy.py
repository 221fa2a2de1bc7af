"""The proxy of restarts-and-proxies: a real Caddy, as one of the `parts`.

It is the `caddy` on the PATH, if that is new enough, else the one that a package of `production.txt` brings. It keeps
what it writes in the folder of the parts.
"""

import contextlib
import re
import shutil
import socket
import ssl
import subprocess
import sysconfig
import tempfile
from pathlib import Path

from course.parts import INSTALL, STARTS, Part, PartError, Worker, folder, free_port
from course.wire import Wire
from wslab.kernel import let_interrupt_work, spare_the_proxy

OLDEST = (2, 8)


class Caddy(Part):
    """A Caddy that runs a Caddyfile."""

    def __init__(self, name: str, caddy: str, caddyfile: str, workers: dict[str, Worker | Wire]):
        self.caddy = caddy
        self.data = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=folder()))
        self.caddyfile = self.data / "Caddyfile"
        self.caddyfile.write_text(caddyfile, encoding="utf-8")
        # Those for which it makes a certificate: all but `http://...`
        self.names = re.findall(r"^(?:https://)?([\w.-]+):\{\$PORT\}", caddyfile, re.MULTILINE)
        (port, held), (admin, held_too) = free_port(), free_port()
        self.admin = f"127.0.0.1:{admin}"
        env = {"PORT": str(port), "CADDY_ADMIN": self.admin}
        env |= dict.fromkeys(["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "APPDATA"], str(self.data))
        env |= {name: f"127.0.0.1:{worker.port}" for name, worker in workers.items()}
        super().__init__(name, [caddy, "run", *self._config], self.data, env, port, held + held_too)

    @property
    def _config(self) -> list[str]:
        return ["--config", str(self.caddyfile), "--adapter", "caddyfile"]

    def _listens(self) -> bool:
        return super()._listens() and all(self._has_a_certificate(name) for name in self.names)

    def _has_a_certificate(self, name: str) -> bool:
        """Whether it already answers a handshake.

        It listens before, and even its log says a little too early that it has obtained one (2.11).
        """
        whoever = ssl.create_default_context()
        whoever.check_hostname, whoever.verify_mode = False, ssl.CERT_NONE
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection,
            whoever.wrap_socket(connection, server_hostname=name),
        ):
            return True
        return False

    def url(self, path: str = "/") -> str:
        """Its address for a WebSocket client. Raises PartError if it does not run."""
        if not self.running:
            raise PartError("The proxy does not run. Run the cell again that starts it.")
        return f"ws://127.0.0.1:{self.port}{path}"

    @property
    def root(self) -> Path:
        """The certificate of the authority that it has made for itself, with `tls internal`."""
        return next(self.data.glob("**/pki/authorities/local/root.crt"))

    def reload(self, caddyfile: str) -> None:
        """Let it go on with another Caddyfile, as an operator would: `caddy reload`."""
        self.caddyfile.write_text(caddyfile, encoding="utf-8")
        self._do("reload", "--address", self.admin, "--force")

    def start(self) -> None:
        """Start it, if its Caddyfile has no mistake: of that, `caddy run` says nothing (2.11)."""
        self._do("adapt")
        super().start()

    def _do(self, command: str, *options: str) -> None:
        """Run another of Caddy's commands on the Caddyfile. Raises PartError with what it has to object."""
        done = subprocess.run(
            [self.caddy, command, *self._config, *options],
            cwd=self.data,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=STARTS,
        )
        if done.returncode:
            said = re.findall(r'"msg":"((?:[^"\\]|\\.)*)"|^Error: (.+)$', done.stderr, re.MULTILINE)
            raise PartError(f"Caddy refuses this Caddyfile: {''.join(said[-1]) if said else done.stderr[-200:]!r}")


def start(caddyfile: str, name: str = "proxy", **workers: Worker | Wire) -> Caddy:
    """Start Caddy with this Caddyfile; return when it listens.

    In the Caddyfile, `{$PORT}` is the port that it is to listen on, and `{$A}` host and port of the worker, or of
    the wire to it, given as A.
    """
    spare_the_proxy()
    let_interrupt_work()
    binary = find_caddy()
    for attempt in range(5):  # somebody else may take a port meanwhile
        part = Caddy(name, binary, caddyfile, workers)
        part.start()
        try:
            part.ready()
            return part
        except PartError:
            if attempt == 4 or "in use" not in part.log:
                raise
    raise AssertionError


def find_caddy() -> str:
    """Where a Caddy is that is new enough."""
    found = []
    for caddy in (shutil.which("caddy"), shutil.which("caddy", path=sysconfig.get_path("scripts"))):
        if caddy:
            said = subprocess.run([caddy, "version"], capture_output=True, text=True, timeout=STARTS).stdout
            version = re.match(r"v(\d+)\.(\d+)\.", said)
            if version and (int(version[1]), int(version[2])) >= OLDEST:
                return caddy
            found.append(f"{caddy} says {said.strip()[:40]!r}")
    why = f"Caddy {'.'.join(map(str, OLDEST))} or newer is needed, and {'; '.join(found) or 'none is here'}."
    raise PartError(f"{why} {INSTALL}")
