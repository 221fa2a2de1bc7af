"""A page that comes back by itself: the lesson a-browser-client as a program. Its module for your own page: connection.js."""
