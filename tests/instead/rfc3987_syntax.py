"""Stands before the package of this name on the path of `make test`, and says that there is none.

`nbformat` imports `jsonschema`, and that, if it is there, this package, which takes two seconds of CPU to make a
grammar for international addresses. No notebook has one to check; but pytest in each of its workers, each JupyterLab,
nbval and Sphinx import `nbformat`.
"""

raise ImportError(__doc__)
