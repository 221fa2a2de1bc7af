"""Text, bytes and JSON, and three ways to deal with the wrong kind of message: the lesson text-bytes-and-json."""
