"""A service behind a proxy, whose restarts its clients survive: the lesson restarts-and-proxies as a program."""
