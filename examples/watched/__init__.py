"""A service that can be watched: the lesson watching-it as a program, with what is to be copied in `watch.py`."""
