"""Make the stored outputs of lessons: `make outputs`, or `python -m tools.outputs [NOTEBOOK ...]`.

Runs each notebook from top to bottom in a fresh kernel and writes it in one canonical form, so that a diff shows
only what changed. A notebook in which a cell fails that should not is left as it was.
"""

import argparse
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError

from course.lessons import NOTEBOOKS, PATHS
from wslab.live_page import without_port

CELL_TIMEOUT = 30  # seconds

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
CELL_METADATA = {"tags", "jupyter"}  # what a cell may keep; the rest is an editor's

# In place of folded outputs JupyterLab shows the first line of the first of them (`getOutputPlaceholderText` in
# its CodeCell), which would give the answer away. So an output without any content goes first: Lab then shows three
# dots, nbval has nothing to compare in it, and the first run of the cell replaces it.
CURTAIN = nbformat.from_dict({"output_type": "display_data", "data": {}, "metadata": {}})


def canonical(notebook: nbformat.NotebookNode) -> str:
    """The notebook as text, without anything that depends on who ran it, when, and in which editor."""
    notebook = nbformat.from_dict(notebook)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = {"kernelspec": KERNELSPEC, "language_info": {"name": "python"}}
    for cell in notebook.cells:
        cell.metadata = {key: cell.metadata[key] for key in sorted(CELL_METADATA & set(cell.metadata))}
        cell.source = "\n".join(line.rstrip() for line in cell.source.strip("\n").splitlines())
        # An editor may have folded or unfolded outputs: folded is what stands below a guess, and nothing else.
        cell.metadata.pop("jupyter", None)
        if "guess" in cell.metadata.get("tags", []):
            cell.metadata["jupyter"] = {"outputs_hidden": True}
        cell.pop("attachments", None)
        if cell.cell_type == "code":
            cell.outputs = [canonical_output(output) for output in join_streams(cell.outputs) if not is_curtain(output)]
            if "guess" in cell.metadata.get("tags", []) and cell.outputs:
                cell.outputs.insert(0, CURTAIN)
    return nbformat.writes(notebook, indent=1) + "\n"


def is_curtain(output: nbformat.NotebookNode) -> bool:
    """Whether this is the empty output that `canonical` puts before the outputs of a guess."""
    return output.output_type == "display_data" and not output.data


def join_streams(outputs: list) -> list:
    """Streams arrive in pieces of any size. One output for a stream, where it first appears."""
    joined, streams = [], {}
    for output in outputs:
        if output.output_type != "stream":
            joined.append(output)
        elif output.name in streams:
            streams[output.name]["text"] += output.text
        else:
            streams[output.name] = nbformat.from_dict(output)
            joined.append(streams[output.name])
    return joined


def canonical_output(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Without metadata and port; for an error, its one line instead of a traceback with colours."""
    if "metadata" in output:
        output.metadata = {}
    if "text/html" in output.get("data", {}):
        output.data["text/html"] = without_port(output.data["text/html"])
    if output.output_type == "error":
        output.traceback = [f"{output.ename}: {output.evalue}"]
    return output


def run(notebook: nbformat.NotebookNode) -> None:
    """Run all cells in a fresh kernel and keep their outputs. Raises if one fails that has no `raises-exception`."""
    resources = {"metadata": {"path": str(NOTEBOOKS)}}
    NotebookClient(notebook, timeout=CELL_TIMEOUT, record_timing=False, resources=resources).execute()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all lessons")
    paths = parser.parse_args().notebooks or PATHS
    failed = False
    for path in paths:
        try:
            notebook = nbformat.read(path, as_version=4)
            run(notebook)
        except FileNotFoundError:
            print(f"{path}: no such notebook", file=sys.stderr)
            failed = True
        except (CellExecutionError, CellTimeoutError) as error:
            print(f"{path}: left as it was, since a cell failed:\n{error}", file=sys.stderr)
            failed = True
        else:
            new = canonical(notebook)
            changed = path.read_text(encoding="utf-8") != new
            path.write_text(new, encoding="utf-8")
            print(f"{path.name}: {'changed' if changed else 'as before'}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
