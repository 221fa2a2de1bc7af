"""All of it: a chat with accounts and rooms, on several workers behind a proxy, in which nothing is lost."""
