"""A model of examples/service, for the reader's part of it: no processes, no time, one step after the other.

Two workers, Redis, Ann and Ben. In each run but the first three, one thing goes wrong at one step: a worker is killed,
a connection is cut, Redis is away. Clients come back to the other worker, and say again what was not acknowledged.

Whoever can do that meets more, in `harder_runs()`: up to three things go wrong, so that a client comes back to a worker
where it was before; or it says a text again to the other worker while the first one still asks Redis.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from course.client import NotYet


@dataclass(frozen=True)
class Crowd:
    """Two clients, what they say, and how many texts at once."""

    says: dict[str, list[str]]
    burst: int


CROWD = Crowd({"Ann": ["one", "yes", "yes", "two"], "Ben": ["uno", "due", "tre", "yes"]}, burst=2)
# "Ann" and 12 look like "Ann1" and 2
LARGER = Crowd({"Ann": [f"text {n}" for n in range(1, 13)], "Ann1": ["uno", "due", "tre"]}, burst=4)
TURNS = 12  # after which a run is given up
STEPS = 5_000  # that the reader's code may take in a run: what it tells, acknowledges and has Redis run
KINDS = ("killed", "cut", "away")
LAGS = [(1, 1), (1, 3), (3, 1)]  # how often the followers of A and of B read: in each turn, or in each third one
OVERTAKES = "overtakes"  # a text that is said again overtakes itself
GAPS = (1, 2, 4)  # steps from one thing that goes wrong to the next


class Killed(BaseException):
    """The worker is killed here. (No `except Exception` stops that.)"""


class Endless(BaseException):
    """The reader's code goes on and on, in this run."""

    def __init__(self, run: "Run"):
        super().__init__()
        self.run = run


class Data:
    """What Redis keeps."""

    def __init__(self):
        self.lines: list[str] = []
        self.seen: dict = {}


class Redis:
    """Redis, as one worker sees it."""

    def __init__(self, run: "Run", worker: str):
        self._run, self._worker = run, worker

    def run(self, script: Callable, *arguments):
        """Run the script with Redis' data and these arguments, as one step, and return what it returns."""
        run, worker = self._run, self._worker
        run.overtakes(worker)
        if run.goes_wrong("killed", f"{worker} is killed before Redis has heard from it"):
            raise Killed
        if run.goes_wrong("outage", f"Redis is away for a while when {worker} asks"):
            run.outage = run.turns
        if run.outage == run.turns or run.goes_wrong("away", f"Redis is away when {worker} asks"):
            raise ConnectionError("Redis is away")
        answer = script(run.data, *arguments)
        if odd := [line for line in run.data.lines if not isinstance(line, str)]:
            raise NotYet(f"{odd[0]!r} is in `db.lines`, which is a list of texts.")
        if run.goes_wrong("killed", f"{worker} is killed when Redis has done it, and {worker} has not heard so"):
            raise Killed
        if run.goes_wrong("away", f"Redis has done it, and its answer to {worker} gets lost"):
            raise ConnectionError("Redis is away")
        return answer


class Member:
    """A client's connection to a worker."""

    def __init__(self, client: "Client", worker: str):
        self._client, self._worker, self._open = client, worker, True
        self.name = client.name

    def tell(self, number: int, text: str) -> None:
        """Tell it a line."""
        if not (isinstance(number, int) and isinstance(text, str)):
            raise TypeError(f"`tell` takes a number and a text, not {number!r} and {text!r}")
        if self._arrives(f"{self.name} is told {text!r}"):
            self._client.hear(number, text)

    def acknowledge(self, seq: int) -> None:
        """Tell it that what it has said with this `seq`, and before, is kept."""
        if self._arrives(f"{self.name} is told that {seq} is kept"):
            self._client.acknowledged = seq
            self._client.unsure = {n: text for n, text in self._client.unsure.items() if n > seq}

    def _arrives(self, what: str) -> bool:
        run = self._client.run
        if not self._open:
            return False
        if run.goes_wrong("killed", f"{self._worker} is killed before {what}"):
            raise Killed
        if run.goes_wrong("cut", f"{self.name}'s connection to {self._worker} is cut before {what}"):
            self._client.lose()
        return self._open


class Client:
    """It has heard up to `number`, and says what is in `unsure` until that is acknowledged."""

    def __init__(self, run: "Run", name: str, worker: str):
        self.run, self.name, self.worker = run, name, worker
        self.says = deque(enumerate(run.crowd.says[name], 1))
        self.unsure: dict[int, str] = {}
        self.number, self.heard = 0, []
        self.told_in: list[str] = []  # in which method of the worker's it was told each line
        self.been_at: list[str] = []  # the workers to which it has come, one after the other
        self.acknowledged: int | None = None  # what it was last told is kept
        self.was_there: set[int] = set()  # when its worker read these lines, before and afterwards
        self.member: Member | None = None

    def hear(self, number: int, text: str) -> None:
        """It is told a line."""
        self.heard.append((number, text))
        self.told_in.append(self.run.method)
        self.number = number

    def lose(self) -> None:
        """Its connection is gone. It will come to the other worker."""
        if self.member:
            self.member._open, self.member = False, None
            self.worker = "B" if self.worker == "A" else "A"

    def act(self) -> None:
        """Come, if it is away; then say something."""
        saying = dict(self.unsure)
        if not self.member:
            self.member = Member(self, self.worker)
            if self.been_at:
                self.run.story.append(f"{self.name} comes to {self.worker}, and has heard up to {self.number}")
            self.been_at.append(self.worker)
            self.run.call(self.worker, "enter", self.member, self.number)
        if not self.unsure:
            saying = dict(self.says.popleft() for _ in range(min(self.run.crowd.burst, len(self.says))))
            self.unsure = dict(saying)
        member, worker = self.member, self.worker
        for seq, text in saying.items():  # what is on its way arrives, though the connection may be cut meanwhile
            if member and self.run.call(worker, "say", member, seq, text) is Killed:
                return


class Run:
    """One run, in which `kind` happens, if it ever comes so far, at each of the steps `at`.

    The first is counted from the start, the others from the one before.
    """

    def __init__(self, worker_class: Callable, kind: str, at: tuple[int, ...], lags: tuple[int, int], crowd: Crowd):
        self.make, self.kind, self.lags = worker_class, kind, dict(zip("AB", lags, strict=True))
        self.left, self.did, self.story, self.steps = list(at), False, [], 0
        self.turns, self.outage = 0, -1  # the turn in which Redis is away
        self.data, self.crowd = Data(), crowd
        self.clients = [Client(self, name, worker) for name, worker in zip(crowd.says, "AB", strict=True)]
        self.workers = {name: self.new(name) for name in "AB"}
        self.read = dict.fromkeys("AB", 0)  # of the log
        self.method = ""  # of a worker, which runs, or ran last
        self.serves: Client | None = None  # whose text a worker has just now

    def new(self, name: str):
        """A worker that has just started."""
        return self.make(Redis(self, name))

    def goes_wrong(self, kind: str, words: str) -> bool:
        """One step more. Whether this is one at which `kind` happens."""
        self.steps += 1
        if self.steps > STEPS:
            raise Endless(self)
        if kind != self.kind or not self.left:
            return False
        self.left[0] -= 1
        if self.left[0]:
            return False
        del self.left[0]
        self.did = True
        self.story.append(words)
        return True

    def overtakes(self, worker: str) -> None:
        """Whoever has said a text may be cut off here, come to the other worker, and say it again there, first."""
        client = self.serves
        if not client or not client.member:
            return
        if self.goes_wrong(OVERTAKES, f"{client.name} is cut off when {worker} asks Redis"):
            client.lose()
            client.act()
            self.method = "say"

    def call(self, name: str, method: str, *arguments) -> object:
        """Call a method of the reader's worker. If it is killed there, all its clients are cut off."""
        self.method = method
        self.serves = arguments[0]._client if method == "say" else None
        try:
            return getattr(self.workers[name], method)(*arguments)
        except Killed:
            for client in self.clients:
                if client.worker == name:
                    client.lose()
            self.workers[name], self.read[name] = self.new(name), 0
            return Killed
        except ConnectionError:  # as the service does: close with 1013
            if method in ("enter", "say"):
                arguments[0]._client.lose()
                return Killed
            raise

    def follow(self, name: str) -> None:
        """The worker reads the log to its end."""
        while self.read[name] < len(self.data.lines):
            self.read[name] += 1
            number = self.read[name]
            there = {client: client.member for client in self.clients if client.member and client.worker == name}
            if self.call(name, "take", number, self.data.lines[number - 1]) is Killed:
                return
            for client, member in there.items():
                if client.member is member:
                    client.was_there.add(number)

    @property
    def is_over(self) -> bool:
        return all(client.member and not client.unsure and not client.says for client in self.clients)

    def play(self) -> "Run":
        """Until all has been said, and read."""
        while not self.is_over and self.turns < TURNS:
            self.turns += 1
            for client in self.clients:
                client.act()
            for name, every in self.lags.items():
                if self.turns % every == 0:
                    self.follow(name)
        for _ in range(5):  # a worker may be killed in the last turns, too
            self.turns += 1
            for client in self.clients:
                if not client.member:
                    client.act()
            for name in self.lags:
                self.follow(name)
        return self

    def said(self) -> Counter:
        """What all clients say."""
        return Counter(text for says in self.crowd.says.values() for text in says)

    def report(self) -> Counter:
        """What the crowd of `make chaos` counts."""
        said, counts = self.said(), Counter()
        for client in self.clients:
            heard = Counter(text for _, text in client.heard)
            counts["lost"] += (said - heard).total()
            counts["doubled"] += (heard - said).total()
            counts["given up"] += len(client.unsure) + len(client.says) > 0
            places = [place for place in map(self.place, client.heard) if place]
            counts["out of order"] += sum(a > b for a, b in pairwise(places))
        return counts

    def place(self, line: tuple[int, str]) -> int:
        """Where in the log a line stands that a client was told; 0 if nowhere, or if there are several like it."""
        _, text = line
        return self.data.lines.index(text) + 1 if self.data.lines.count(text) == 1 else 0


def runs(worker_class: Callable) -> Iterator[Run]:
    """All of them: first three in which nothing goes wrong; then each kind, at each step."""
    for lags in LAGS:
        yield Run(worker_class, "nothing", (), lags, CROWD).play()
    for kind in KINDS:
        for lags in LAGS:
            yield from at_each_step(worker_class, kind, lags)


def harder_runs(worker_class: Callable) -> Iterator[Run]:
    """The same with more texts; then what does not come before; then each kind comes three times."""
    yield Run(worker_class, "nothing", (), LAGS[0], LARGER).play()
    for kind in KINDS:
        yield from at_each_step(worker_class, kind, LAGS[0], crowd=LARGER)
    for lags in LAGS:
        yield from at_each_step(worker_class, OVERTAKES, lags)
        yield from at_each_step(worker_class, "outage", lags)
        for kind in KINDS:
            for gap in GAPS:
                yield from at_each_step(worker_class, kind, lags, gap, gap)


def at_each_step(
    worker_class: Callable, kind: str, lags: tuple[int, int], *gaps: int, crowd: Crowd = CROWD
) -> Iterator[Run]:
    """A run for each step at which `kind` can happen; and again, so many steps later."""
    at = 1
    while (run := Run(worker_class, kind, (at, *gaps), lags, crowd).play()).did:
        yield run
        at += 1
