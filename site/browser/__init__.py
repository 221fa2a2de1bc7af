"""What stands in a page for an operating system and a Jupyter kernel, so that a lesson runs in the reader's browser."""
