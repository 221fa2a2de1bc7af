"""Rooms in which people talk, and nobody waits for anybody: the lesson many-clients as a program, with a page."""
