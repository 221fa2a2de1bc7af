"""An answer that comes word by word, and hears *stop* meanwhile: the lesson both-directions-at-once as a program."""
