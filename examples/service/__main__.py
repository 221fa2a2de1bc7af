"""Start Redis, workers and the proxy, and look after them: `python -m examples.service`.

`kill -HUP` starts one worker after the other anew. End with Ctrl-C.
"""

import argparse
import importlib.util
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from examples.behind_a_proxy.__main__ import wait_for_a_certificate
from examples.service.parts import Missing, Service
from examples.workers.__main__ import check_broker


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m examples.service", description=__doc__)
    parser.add_argument("--redis", metavar="URL", help="use this Redis, instead of starting one")
    parser.add_argument("--workers", type=int, default=2, help="how many (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="of the proxy; workers have the next; 0: any free ones")
    parser.add_argument("--data", type=Path, help="folder for what is to outlive a start")
    options = parser.parse_args()
    if options.workers < 1:
        sys.exit("There must be one worker at least: --workers 1")
    for package in ("redis", "prometheus_client"):
        if importlib.util.find_spec(package) is None:
            sys.exit(f"This program needs {package}. In the project's folder: make production; . .venv/bin/activate")
    if options.redis:
        check_broker(options.redis)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    wanted = []
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, lambda *_: wanted.append("restart"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.data or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            service = Service(folder.resolve(), options.workers, options.port, options.redis)
        except Missing as problem:
            sys.exit(str(problem))
        try:
            service.start()
            wait_for_a_certificate(folder, service.origin)
            ports = ", ".join(str(worker.port) for worker in service.workers)
            print(f"{service.origin}   The proxy's authority: {service.authority}", flush=True)
            redis = service.url.rpartition("@")[2]  # without a password
            print(f"Workers at {ports}; Redis: {redis}", flush=True)
            print(f"kill -HUP {os.getpid()} restarts the workers. End with Ctrl-C.", flush=True)
            while True:
                time.sleep(1)
                try:
                    if wanted:
                        wanted.clear()
                        service.restart_workers()
                        print("All workers are new.", flush=True)
                    for part in service.look_after():
                        print(f"started again: {Path(part.command[0]).name}, at {part.port}", flush=True)
                except Missing as problem:
                    print(problem, flush=True)
        except Missing as problem:
            sys.exit(str(problem))
        except KeyboardInterrupt:
            pass
        finally:
            for once_is_enough in (signal.SIGINT, signal.SIGTERM):  # else the rest of the parts would stay
                signal.signal(once_is_enough, signal.SIG_IGN)
            service.stop()


if __name__ == "__main__":
    main()
