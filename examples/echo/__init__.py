"""The echo of lesson 02 as a program, with a page for the browser and a client for the terminal."""
