"""Run every lesson again and again while the CPU is busy: `make stress`, or `python -m tools.stress [NOTEBOOK ...]`.

A lesson whose outputs depend on timing fails here, sooner or later. Each run is nbval's, as in `make test`.
"""

import argparse
import subprocess
import sys
import time

from course.lessons import NOTEBOOKS, PATHS

BUSY = "while True: pass"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", help="default: all lessons")
    parser.add_argument("--rounds", type=int, default=20, help="how often each lesson runs (default: %(default)s)")
    parser.add_argument("--busy", type=int, default=4, help="busy loops beside it (default: %(default)s)")
    options = parser.parse_args()
    notebooks = options.notebooks or list(map(str, PATHS))

    loops = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(options.busy)]
    failed = 0
    try:
        for round_number in range(1, options.rounds + 1):
            start = time.monotonic()
            result = subprocess.run(
                [sys.executable, "-m", "pytest", "--quiet", "--tb=short", "-p", "no:cacheprovider", *notebooks],
                cwd=NOTEBOOKS.parent,
                capture_output=True,
                text=True,
            )
            failed += result.returncode != 0
            summary = (result.stdout.strip().splitlines() or ["no output"])[-1]
            print(f"round {round_number}: {summary} ({time.monotonic() - start:.0f} s)", flush=True)
            if result.returncode:
                print(result.stdout + result.stderr)
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
    print(f"{options.rounds} rounds of {len(notebooks)} lessons beside {options.busy} busy loops: {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
