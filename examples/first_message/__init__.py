"""The smallest WebSocket server, and a client that sends it one message."""
