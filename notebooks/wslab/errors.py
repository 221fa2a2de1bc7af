"""The error that `wslab` raises, in a module of its own since all others may have to raise it."""


class ServeError(RuntimeError):
    """Something keeps `serve` from doing its work. The message says what, and what to do."""

    def _render_traceback_(self):  # IPython shows this instead of the frames of wslab
        return [f"ServeError: {self}"]
