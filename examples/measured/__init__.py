"""A load generator that says when it is the bottleneck: the lesson measuring-it as a program."""
