"""Answers to the exercise of all-of-it."""

from dataclasses import replace

from tests.answers import after, before, changed, whole

KEEPS = "db.lines.append(text)\ndb.seen[client] = seq"
KNOWS = "if seq <= db.seen.get(client, 0):\n    return  # it has come before\n"
SAYS = "self.redis.run(append, member.name, seq, text)\nmember.acknowledge(seq)"
IN_THE_WORKER = """
if seq > self.seen.get(member.name, 0):
    self.redis.run(append, member.name, seq, text)
    self.seen[member.name] = seq
member.acknowledge(seq)
"""
IGNORED = """
try:
    self.redis.run(append, member.name, seq, text)
except ConnectionError:
    pass
member.acknowledge(seq)
"""
TWO_STEPS = """
self.redis.run(append, member.name, seq, text)
self.redis.run(lambda db: db.seen.update({member.name: seq}))
member.acknowledge(seq)
"""
TELLS = "if heard < number:\n    member.tell(number, text)"
ENTERS = """
self.members[member] = number
for n, text in self.lines:
    if n > number:
        member.tell(n, text)
"""
TAKES = """
for member, heard in self.members.items():
    if heard < number:
        member.tell(number, text)
"""
LINES = "self.lines = []  # what it has read of the log: each line's number and text"
MEMBERS = "self.members = {}  # and up to which number each had heard when it came"
TRIES = """
for attempt in range(3):
    try:
        self.redis.run(append, member.name, seq, text)
        break
    except ConnectionError:
        pass
member.acknowledge(seq)
"""

CONNECTIONS = """
def append(db, client, seq, text):
    known = db.seen.setdefault(client, {})
    if seq not in known:
        db.lines.append(text)
        known[seq] = len(db.lines)
    return known[seq]


class Connection:
    def __init__(self, member, number):
        self.member, self.number = member, number

    def tell(self, lines):
        for text in lines[self.number :]:
            self.number += 1
            self.member.tell(self.number, text)


class Worker:
    def __init__(self, redis):
        self.redis, self.lines, self.connections = redis, [], []

    def enter(self, member, number):
        self.connections.append(Connection(member, number))
        self.connections[-1].tell(self.lines)

    def say(self, member, seq, text):
        self.redis.run(append, member.name, seq, text)
        member.acknowledge(seq)

    def take(self, number, text):
        self.lines.append(text)
        for connection in self.connections:
            connection.tell(self.lines)
"""

WRONG = {
    "no ids": changed((KNOWS, ""), says="is in the log once too often. What has come before is known"),
    "ids in the worker": changed(
        ("self.redis = redis", "self.redis, self.seen = redis, {}"),
        (SAYS, IN_THE_WORKER),
        (KNOWS, ""),
        says="is in the log once too often. What has come before is known",
    ),
    "ids in the worker, and a repetition is not acknowledged": changed(
        ("self.redis = redis", "self.redis, self.seen = redis, {}"),
        (SAYS, IN_THE_WORKER.replace("\nmember.ack", "\n    member.ack")),
        (KNOWS, ""),
        says="is in the log once too often. What has come before is known",
    ),
    "the last seq alone": changed(("seq <= db", "seq == db"), says="is in the log once too often."),
    "the text instead of a seq": changed(
        ("seq <= db.seen.get(client, 0)", "text in db.lines"), says="'yes' was acknowledged, and is not in the log. So"
    ),
    "one seq for all": changed(
        ("db.seen.get(client, 0)", 'db.seen.get("last", 0)'),
        ("db.seen[client]", 'db.seen["last"]'),
        says="was acknowledged, and is not in the log. So it was taken for known",
    ),
    "remembered before, in a step of its own": changed(
        ("db.seen[client] = seq", ""),
        (KNOWS, ""),
        (
            SAYS,
            """
            if self.redis.run(lambda db: db.seen.get(member.name, 0)) < seq:
                self.redis.run(lambda db: db.seen.update({member.name: seq}))
                self.redis.run(append, member.name, seq, text)
            member.acknowledge(seq)
            """,
        ),
        says="was acknowledged, and is not in the log. First it is kept, then it is acknowledged.",
    ),
    "remembered afterwards, in a step of its own": changed(
        ("db.seen[client] = seq", ""),
        (SAYS, TWO_STEPS),
        says="is in the log once too often. What has come before is known",
    ),
    "acknowledged before it is kept": changed(
        (SAYS, "member.acknowledge(seq)\nself.redis.run(append, member.name, seq, text)"),
        says="was acknowledged, and is not in the log. First it is kept, then it is acknowledged.",
    ),
    "acknowledged though Redis was away": changed(
        (SAYS, IGNORED),
        says="was acknowledged, and is not in the log. First it is kept, then it is acknowledged.",
    ),
    "a repetition is not acknowledged": changed(
        ("return  # it has come before", "return False"),
        after("db.seen[client] = seq", "return True"),
        (SAYS, "if self.redis.run(append, member.name, seq, text):\n    member.acknowledge(seq)"),
        says="was never told that all it has said is kept. What is said again is acknowledged again",
    ),
    "never acknowledged": changed(("\n        member.acknowledge(seq)", ""), says="is acknowledged again"),
    "told before it is kept": changed(
        (SAYS, "for other in self.members:\n    other.tell(len(self.lines) + 1, text)\n" + SAYS),
        says="A line is told when it is read from the log",
    ),
    "told when it is kept, and not as the log has it": changed(
        (SAYS, "self.take(len(self.lines) + 1, text)\n" + SAYS), says="A line is told when it is read from the log"
    ),
    "its own line is told at once, as Redis has numbered it": changed(
        ("return  # it has come before", "return 0"),
        after("db.seen[client] = seq", "return len(db.lines)"),
        (SAYS, "if number := " + SAYS.replace("\n", ":\n    member.tell(number, text)\n")),
        says="Ann was told 'one' in `say`. A line is told when it is read from the log",
    ),
    "given up where Redis is away": changed(
        (
            SAYS,
            """
            try:
                self.redis.run(append, member.name, seq, text)
            except ConnectionError:
                return
            member.acknowledge(seq)
            """,
        ),
        says="let the ConnectionError out, and the client comes again.",
    ),
    "remembered beside Redis": changed(
        before("def append", "SEEN = {}"),
        ("db.seen.get(client, 0)", "SEEN.get(client, 0)"),
        ("db.seen[client]", "SEEN[client]"),
        says="is remembered in `db.seen`, in the step that appends.",
    ),
    "the log has more than texts": changed(
        ("db.lines.append(text)", "db.lines.append([client, seq, text])"),
        says="['Ann', 1, 'one'] is in `db.lines`, which is a list of texts.",
    ),
    "counted anew from 0": changed(
        ("for n, text in self.lines:", "for n, (_, text) in enumerate(self.lines):"),
        says="was told 'due' in `enter` as line 1; line 1 is 'uno'. A line is told with the number with which `take`",
    ),
    "a number too high": changed(
        ("member.tell(number, text)", "member.tell(number + 1, text)"),
        says="was told 'one' in `take` as line 2; line 2 is 'yes'. A line is told with the number with which `take`",
    ),
    "whose it is stands before the text": changed(
        ("db.lines.append(text)", 'db.lines.append(f"{client}: {text}")'),
        says="is in the log, and nobody has said that. What is appended is the text, as it was said",
    ),
    "the text before its number": changed(
        ("member.tell(n, text)", "member.tell(text, n)"),
        says="`enter` raised TypeError: `tell` takes a number and a text, not 'uno' and 1.",
    ),
    "resumes one too late": changed(("n > number", "n > number + 1"), says="was never told line 1. Who has heard up"),
    "resumes one too early": changed(("n > number", "n >= number"), says="twice. Who has heard up to `number`"),
    "tells all that there is": changed(("if n > number:", "if True:"), says="twice. Who has heard up to `number`"),
    "tells nothing of what was missed": changed(("if n > number:", "if False:"), says="was never told line 1. Who"),
    "takes it for level with this worker": changed(
        ("self.members[member] = number", "self.members[member] = len(self.lines)"),
        says="`take` leaves out whoever has heard that line",
    ),
    "tells all members": changed((TELLS, "member.tell(number, text)"), says="`take` leaves out whoever has heard"),
    "leaves out one too many": changed(("heard < number", "heard < number - 1"), says="was never told line 1."),
    "who comes is no member": changed(("self.members[member] = number\n", ""), says="was never told line 1."),
    "what is read is not kept at hand": changed(("self.lines.append((number, text))", ""), says="was never told line"),
    "a line without its number": changed(
        ("self.lines.append((number, text))", "self.lines.append(text)"), says="raised"
    ),
    "it tries again and again": changed(
        (
            "self.redis.run(append, member.name, seq, text)",
            "for _ in iter(int, 1):\n    self.redis.run(append, member.name, seq, text)",
        ),
        says="its code goes on and on",
    ),
    "it tries again until Redis is back": changed(
        (SAYS, TRIES.replace("for attempt in range(3)", "while True")),
        says="Redis is away for a while when A asks. If Redis does not answer, let the ConnectionError out",
    ),
    "it tries three times, and acknowledges": changed(
        (SAYS, TRIES), says="was acknowledged, and is not in the log. First it is kept, then it is acknowledged."
    ),
    "a worker that has lost Redis once gives up": changed(
        (
            SAYS,
            """
            if self.lost:
                raise ConnectionError("Redis is away")
            try:
                self.redis.run(append, member.name, seq, text)
            except ConnectionError:
                self.lost = True
                raise
            member.acknowledge(seq)
            """,
        ),
        after(MEMBERS, "self.lost = False"),
        says="Ann was never told that all it has said is kept. Nor is it in the log: what is said again asks Redis",
    ),
    "the worker remembers what is not kept yet": changed(
        (
            SAYS,
            """
            if (member.name, seq) not in self.said:
                self.said.add((member.name, seq))
                self.redis.run(append, member.name, seq, text)
            member.acknowledge(seq)
            """,
        ),
        after(MEMBERS, "self.said = set()"),
        says="is not in the log. First it is kept, then it is acknowledged.",
    ),
    "the worker remembers what it has told each name": changed(
        (
            ENTERS,
            """
            self.members[member.name] = member
            self.heard[member.name] = max(self.heard.get(member.name, 0), number)
            for n, text in self.lines:
                self.tell(member.name, n, text)
            """,
        ),
        (TAKES, "for name in self.members:\n    self.tell(name, number, text)"),
        after(MEMBERS, "self.heard = {}"),
        before(
            "def say",
            """
            def tell(self, name, number, text):
                if self.heard[name] < number:
                    self.heard[name] = number
                    self.members[name].tell(number, text)

            """,
        ),
        says="of what this worker told it before, something was lost on its way.",
    ),
    "who has been here is told nothing at enter": changed(
        ("for n, text in self.lines:", "for n, text in [] if member.name in self.names else self.lines:"),
        after("member.tell(n, text)", "\nself.names.add(member.name)"),
        after(MEMBERS, "self.names = set()"),
        says="of what this worker told it before, something was lost on its way.",
    ),
    "the last two of each client": changed(
        (KNOWS, "last = db.seen.setdefault(client, [])\nif seq in last:\n    return\n"),
        ("db.seen[client] = seq", "last.append(seq)\ndel last[:-2]"),
        says="say 4 texts at once; Ann's connection to A is cut before Ann is told that 1 is kept; Ann comes to B",
    ),
    "a key of the name and the seq in one text": changed(
        ("seq <= db.seen.get(client, 0)", "client + str(seq) in db.seen"),
        ("db.seen[client] = seq", "db.seen[client + str(seq)] = True"),
        says="Ann and Ann1 say 4 texts at once; nothing goes wrong. 'text 11' was acknowledged, and is not in the log.",
    ),
    "lines of the class": changed(
        ("class Worker:", "class Worker:\n    lines = []\n"), (LINES, ""), says="make it in `__init__`, and not as"
    ),
    "members of the class": changed(
        ("class Worker:", "class Worker:\n    members = {}\n"), (MEMBERS, ""), says="make it in `__init__`, and not"
    ),
    "lines as a default argument": changed(
        ("def __init__(self, redis):", "def __init__(self, redis, lines=[]):"),
        (LINES, "self.lines = lines"),
        says="a member of one worker was told a line that only the other had read.",
    ),
    "no methods": whole("class Worker:\n    pass", says="`Worker` needs a method `enter`"),
    "a coroutine": changed(("def say", "async def say"), says="`Worker` needs a method `say`, which is a plain `def`."),
    "too few arguments": changed(
        ("def take(self, number: int, text: str)", "def take(self, line)"), says="`take` takes 2"
    ),
    "a mistake": changed(("member.tell(n, text)", "member.tell(n)"), says="`enter` raised TypeError"),
    "it keeps the last ten lines": changed(
        before("def append", "from collections import deque\n\n"),
        ("self.lines = []", "self.lines = deque(maxlen=10)"),
        says="a worker had read 200 lines; a member came that had heard up to 0, and was told 10 lines, from 191 on.",
    ),
    "it asks whether it is known, and appends in a second step": changed(
        (KNOWS, ""),
        (
            SAYS,
            """
            if seq > self.redis.run(lambda db: db.seen.get(member.name, 0)):
                self.redis.run(append, member.name, seq, text)
            member.acknowledge(seq)
            """,
        ),
        says="Ann is cut off when A asks Redis; Ann comes to B, and has heard up to 0. 'one' is in the log once",
    ),
    "a text that was there is not told again": changed(
        before("self.lines.append(", "if any(text == known for _, known in self.lines):\n    return"),
        says="Ann was never told line 5, 'yes'. A line before it says the same, and is another one",
    ),
    "the newest line first": changed(
        ("for n, text in self.lines:", "for n, text in reversed(self.lines):"),
        says="told lines in another order, in `enter`. Who comes is told what it has missed in the order of the log",
    ),
    "what is acknowledged is what came before": changed(
        ("member.acknowledge(seq)", "member.acknowledge(seq - 1)"),
        says="nothing goes wrong. Ann was never told that all it has said is kept: it has said 2, and was told that 1",
    ),
    "who comes again is no member": changed(
        (
            "self.members[member] = number",
            "if member.name not in [other.name for other in self.members]:\n    self.members[member] = number",
        ),
        says="was never told line 5. It was there when `take` read that. `take` tells a line to all who are there",
    ),
}

TELLS_OF = {  # the lesson has this as a list
    "resumes one too late": "lost 160, doubled 0, out of order 0, given up 0",
    "resumes one too early": "lost 0, doubled 80, out of order 0, given up 0",
    "no ids": "lost 0, doubled 216, out of order 0, given up 0",
    "acknowledged before it is kept": "lost 96, doubled 0, out of order 0, given up 0",
    "told before it is kept": "lost 74, doubled 3026, out of order 645, given up 0",
    "tells all members": "lost 0, doubled 208, out of order 44, given up 0",
    "a repetition is not acknowledged": "lost 120, doubled 0, out of order 0, given up 60",
}
WRONG |= {f"{name}: which count tells": replace(WRONG[name], says=report) for name, report in TELLS_OF.items()}

RIGHT = {
    "each connection knows how far it is": whole(CONNECTIONS),
    "it tries three times": changed(
        (SAYS, TRIES.replace("pass", "if attempt == 2:\n            raise")),
    ),
    "with an argument that need not be given": changed(
        ("def say(self, member, seq: int, text: str):", "def say(self, member, seq: int, text: str, tries: int = 3):")
    ),
    "what is kept is remembered in the worker, too": changed(
        ("self.redis = redis", "self.redis, self.seen = redis, {}"), (SAYS, IN_THE_WORKER)
    ),
    "who comes hears what Redis has": changed(
        (
            "self.members[member] = number\nfor n, text in self.lines:",
            "lines = self.redis.run(lambda db: list(db.lines))\n"
            "self.members[member] = max(number, len(lines))\n"
            "for n, text in enumerate(lines, 1):",
        ),
    ),
    "all that was said, by client and seq": changed(
        ("seq <= db.seen.get(client, 0)", "(client, seq) in db.seen"),
        ("db.seen[client] = seq", "db.seen[client, seq] = 1"),
    ),
    "how far each has heard is kept up to date": changed((TELLS, TELLS + "\n    self.members[member] = number")),
    "the slice above the number": changed(
        (
            "for n, text in self.lines:\n    if n > number:\n        member.tell(n, text)",
            "for n, text in self.lines[number:]:\n    member.tell(n, text)",
        ),
    ),
}
