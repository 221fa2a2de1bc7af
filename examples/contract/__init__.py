"""Messages that are checked against models, and a contract that can be read: the lesson messages-with-a-contract."""
