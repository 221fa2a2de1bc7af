"""A page that comes back by itself: the lesson a-browser-client as a program, with a module to copy."""
