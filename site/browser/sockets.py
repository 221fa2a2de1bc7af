"""TCP within the page, for a Python that has no network: `socket.socket`, and the selector that waits for sockets.

A page may open no port, and connect to none. But the server and the client of a lesson are both in the page, so a
connection is two objects here: what one sends is put into the other's buffer. Everything above is Python's own:
asyncio's event loop and transports, uvicorn, websockets.

What these can tell from real TCP on Linux, over the loopback interface, is kept: buffers that are full, connections
that are closed on one side, the reset where something was left unread or is sent to who has gone, the first error of a
reset connection, and the ones after it. `tests/test_in_a_page_emulation.py` compares the two.
"""

import collections
import errno
import itertools
import os
import selectors
import socket as real
import time

from browser.threads import Waiter

BUFFER = 256 * 1024  # bytes that a socket holds of what its program has not read, and as many of what it has sent

# Linux's numbers, for options that this Python's `socket` does not name.
OPTIONS = {"SO_REUSEADDR": 2, "SO_KEEPALIVE": 9, "SO_LINGER": 13, "TCP_NODELAY": 1}

_bound: dict[int, "Socket"] = {}  # by port
_open: dict[int, "Socket"] = {}  # by file descriptor
_ports = itertools.count(49152)  # those that are given to who asks for port 0, as RFC 6335 has it
_descriptors = itertools.count(1000)  # none that a file has


def error(number: int) -> OSError:
    """The OSError with this number, of the right class, such as ConnectionResetError."""
    return OSError(number, os.strerror(number))


class Socket:
    """socket.socket, for TCP on 127.0.0.1"""

    def __init__(self, family=real.AF_INET, type=real.SOCK_STREAM, proto=0, fileno=None):
        if family not in (-1, real.AF_INET) or type not in (-1, real.SOCK_STREAM):
            raise error(errno.EAFNOSUPPORT)
        self.family, self.type, self.proto = real.AF_INET, real.SOCK_STREAM, max(proto, 0)
        self._fd = next(_descriptors)
        _open[self._fd] = self
        self._timeout: float | None = None
        self._options = {real.SO_RCVBUF: BUFFER, real.SO_SNDBUF: BUFFER}
        self._name = ("0.0.0.0", 0)
        self._peername: tuple[str, int] | None = None
        self._peer: Socket | None = None
        self._inbox = bytearray()
        self._queue: collections.deque[Socket] | None = None  # of a listening one: who wants in
        self._eof = False  # the peer will send nothing more
        self._shut = False  # nor will this one
        self._reset = False
        self._error = 0  # of a reset that nobody has heard of yet
        self.watchers: set[Selector] = set()

    # --- its life ---

    def bind(self, address):
        host, port = address[:2]
        if self._name[1]:
            raise error(errno.EINVAL)
        port = port or next(p for p in _ports if p not in _bound)
        if port in _bound:
            raise error(errno.EADDRINUSE)
        self._name = (host or "0.0.0.0", port)
        _bound[port] = self

    def listen(self, backlog=128):
        if not self._name[1]:
            self.bind(("", 0))
        self._queue = collections.deque()

    def connect(self, address):
        host, port = address[:2]
        if self._peername:
            raise error(errno.EISCONN)
        if not 0 <= port <= 65535:
            raise OverflowError("connect(): port must be 0-65535.")
        ((*_, (host, port)),) = getaddrinfo(host, port)
        if not host.startswith("127."):
            raise error(errno.ENETUNREACH)
        listening = _bound.get(port)
        if listening is None or listening._queue is None:
            raise error(errno.ECONNREFUSED)
        if not self._name[1]:
            self._name = ("127.0.0.1", next(_ports))
        self._peername = (host, port)
        other = Socket()
        other._options = dict(listening._options)
        other._name, other._peername = self._peername, self._name
        self._peer, other._peer = other, self
        listening._queue.append(other)
        listening._changed()

    def connect_ex(self, address):
        try:
            self.connect(address)
        except OSError as problem:
            return problem.errno
        return 0

    def accept(self):
        if self._queue is None:
            raise error(errno.EINVAL)
        self._wait(selectors.EVENT_READ)
        if not self._queue:
            raise error(errno.EAGAIN)
        other = self._queue.popleft()
        return other, other._peername

    def shutdown(self, how):
        if self._peer is None or self._reset:
            raise error(errno.ENOTCONN)
        if how != real.SHUT_RD and not self._shut:
            self._shut = True
            self._peer._eof = True
            self._peer._changed()

    # As in Lib/socket.py: a file made of a socket keeps it open.
    close, makefile, _decref_socketios = real.socket.close, real.socket.makefile, real.socket._decref_socketios
    _closed, _io_refs = False, 0

    def _real_close(self):
        if self._fd < 0:
            return
        del _open[self._fd]
        self._fd = -1
        if _bound.get(self._name[1]) is self:
            del _bound[self._name[1]]
        for waiting in self._queue or ():
            waiting._inbox += b"nobody has read this"
            waiting.close()
        if (peer := self._peer) and peer._fd >= 0:
            if self._inbox or self._options.get(real.SO_LINGER) == RESET:
                peer._is_reset()
            else:
                peer._eof = True
            peer._changed()

    def detach(self):
        raise NotImplementedError("detach(): no file descriptor stands behind a socket in this page")

    # --- data ---

    def send(self, data, flags=0):
        self._wait(selectors.EVENT_WRITE)
        if self._error:
            raise error(self._take_error())
        if self._shut or self._reset:
            raise error(errno.EPIPE)
        if self._peer is None:
            raise error(errno.EPIPE)
        if self._peer._fd < 0:  # what was sent is lost, and the answer is a reset
            self._is_reset()
            self._changed()
            return len(data)
        data = memoryview(data).cast("B")
        if (room := self._room()) <= 0:
            raise error(errno.EAGAIN)
        self._peer._inbox += data[:room]
        self._peer._changed()
        return min(room, len(data))

    def sendall(self, data, flags=0):
        data = memoryview(data).cast("B")
        while data:
            data = data[self.send(data) :]

    def sendmsg(self, buffers, *_):
        return self.send(b"".join(buffers))

    def recv(self, size, flags=0):
        self._wait(selectors.EVENT_READ)
        if self._inbox:
            data = bytes(self._inbox[:size])
            if not flags & real.MSG_PEEK:
                del self._inbox[:size]
                if self._peer:
                    self._peer._changed()  # there is room again
            return data
        if self._error:
            raise error(self._take_error())
        if self._eof or self._reset:
            return b""
        raise error(errno.ENOTCONN if self._peer is None else errno.EAGAIN)

    def recv_into(self, buffer, nbytes=0, flags=0):
        data = self.recv(nbytes or len(buffer), flags)
        memoryview(buffer).cast("B")[: len(data)] = data
        return len(data)

    def _room(self):
        return self._options[real.SO_SNDBUF] + self._peer._options[real.SO_RCVBUF] - len(self._peer._inbox)

    def _is_reset(self):
        self._reset = True
        self._error = errno.EPIPE if self._eof else errno.ECONNRESET
        del self._inbox[self._options[real.SO_RCVBUF] :]  # was still on its way

    def _take_error(self):
        number, self._error = self._error, 0
        return number

    # --- waiting ---

    def ready(self) -> int:
        """What could be done without waiting, as a mask of `selectors`."""
        ended = self._error or self._reset or (self._peer is None and self._queue is None)
        readable = self._queue or self._inbox or self._eof or ended
        writable = ended or self._shut or (self._peer and (self._peer._fd < 0 or self._room() > 0))
        return (selectors.EVENT_READ if readable else 0) | (selectors.EVENT_WRITE if writable else 0)

    def _changed(self):
        for selector in self.watchers:
            selector.wake()

    def _wait(self, event):
        if self._fd < 0:
            raise error(errno.EBADF)
        if self._timeout == 0 or self.ready() & event:
            return
        with Selector() as selector:
            selector.register(self, event)
            if not selector.select(self._timeout):
                raise TimeoutError("timed out")

    # --- the rest ---

    def setblocking(self, flag):
        self._timeout = None if flag else 0.0

    def settimeout(self, seconds):
        self._timeout = seconds

    def gettimeout(self):
        return self._timeout

    def getblocking(self):
        return self._timeout != 0

    def setsockopt(self, level, option, value):
        self._options[option] = 2 * value if option in (real.SO_RCVBUF, real.SO_SNDBUF) else value  # as Linux does

    def getsockopt(self, level, option):
        return self._take_error() if option == real.SO_ERROR else self._options.get(option, 0)

    def set_inheritable(self, flag):
        pass

    def fileno(self):
        return self._fd

    def getsockname(self):
        return self._name

    def getpeername(self):
        if self._peer is None or self._reset:
            raise error(errno.ENOTCONN)
        return self._peername

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def __repr__(self):
        return f"<socket in this page, fd={self._fd}, laddr={self._name}, raddr={self._peername}>"


RESET = b"\1\0\0\0\0\0\0\0"  # SO_LINGER's value for who wants a reset in any case: on, and zero seconds


def socketpair(*_):
    """socket.socketpair()"""
    with Socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        one = Socket()
        one.connect(listening.getsockname())
        return one, listening.accept()[0]


class Selector(selectors._BaseSelectorImpl):
    """selectors.DefaultSelector, for sockets of this module"""

    def __init__(self):
        super().__init__()
        self._waiter: Waiter | None = None

    @property
    def waits(self) -> bool:
        """Whether a thread is in `select()` now, and waits."""
        return self._waiter is not None

    def register(self, fileobj, events, data=None):
        key = super().register(fileobj, events, data)
        _open[key.fd].watchers.add(self)
        return key

    def unregister(self, fileobj):
        key = super().unregister(fileobj)
        if key.fd in _open:
            _open[key.fd].watchers.discard(self)
        return key

    def close(self):
        for key in list(self._fd_to_key.values()):
            self.unregister(key.fileobj)
        super().close()

    def select(self, timeout=None):
        end = None if timeout is None else time.monotonic() + timeout
        while not (found := self._found()):
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                break
            self._waiter = Waiter()
            try:
                self._waiter.wait(left)
            finally:
                self._waiter = None
        return found

    def _found(self):
        ready = ((key, key.events & _open[fd].ready()) for fd, key in self._fd_to_key.items() if fd in _open)
        return [(key, events) for key, events in ready if events]

    def wake(self) -> None:
        """Look again: something has changed."""
        if self._waiter:
            self._waiter.wake()


def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):
    """socket.getaddrinfo(): this page knows itself alone"""
    if host in (None, "", "localhost"):
        host = "127.0.0.1"
    elif not host.replace(".", "").isdigit():
        raise real.gaierror(real.EAI_NONAME, "Name or service not known")
    return [(real.AF_INET, real.SOCK_STREAM, real.IPPROTO_TCP, "", (host, int(port or 0)))]


def install() -> None:
    """Put these in the place of Python's own."""
    for name, number in OPTIONS.items():
        if not hasattr(real, name):
            setattr(real, name, number)
    real.socket, real.socketpair, real.getaddrinfo = Socket, socketpair, getaddrinfo
    selectors.DefaultSelector = Selector
