"""A room whose clients come back and have missed nothing: the lesson nothing-lost as a program, with a client."""
