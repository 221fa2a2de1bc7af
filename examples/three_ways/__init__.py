"""The same news by WebSocket, server-sent events and long polling: the lesson websocket-sse-or-polling as a program."""
