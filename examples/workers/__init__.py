"""One room in several workers, over a stream: the lesson more-than-one-worker as a program, with a client."""
