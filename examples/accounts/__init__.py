"""Accounts: log in by HTTP, and come with a ticket: the lesson who-is-calling as a program, with a page."""
