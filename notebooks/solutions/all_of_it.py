def append(db, client: str, seq: int, text: str):  # as APPEND: Redis does it in one step
    if seq <= db.seen.get(client, 0):
        return  # it has come before
    db.lines.append(text)
    db.seen[client] = seq


class Worker:
    def __init__(self, redis):
        self.redis = redis
        self.lines = []  # what it has read of the log: each line's number and text
        self.members = {}  # and up to which number each had heard when it came

    def enter(self, member, number: int):
        self.members[member] = number
        for n, text in self.lines:
            if n > number:
                member.tell(n, text)

    def say(self, member, seq: int, text: str):
        self.redis.run(append, member.name, seq, text)
        member.acknowledge(seq)

    def take(self, number: int, text: str):
        self.lines.append((number, text))
        for member, heard in self.members.items():
            if heard < number:
                member.tell(number, text)
