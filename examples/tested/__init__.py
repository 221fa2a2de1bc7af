"""Seats that are held as long as a connection lasts, and their tests: the lesson testing as files."""
