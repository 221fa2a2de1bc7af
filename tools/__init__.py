"""The maintainers' commands. `make` calls each as `python -m tools.NAME`, from the repository's folder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "notebooks"))  # where `wslab` and `course` lie
