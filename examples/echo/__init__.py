"""The echo of the lesson keep-talking as a program, with a page for the browser and a client for the terminal."""
