"""What programs see of threads and sockets. Run on an operating system, and on what stands for one in a lesson's page.

Each scenario is a function without arguments, which returns what was seen, as text, numbers, lists. It waits for
events, with an end to each wait, and says nothing of times and of numbers that the system gives. The file is a program
of its own, since it is also run as the text of a cell: see `test_in_a_page_emulation.py`.
"""

import asyncio
import concurrent.futures
import contextlib
import contextvars
import ctypes
import errno
import faulthandler
import queue
import selectors
import socket
import struct
import sys
import tempfile
import threading
import time

PATIENCE = 10  # seconds; only what fails waits this long
SCENARIOS = {}


def scenario(function):
    """Have it run on both."""
    SCENARIOS[function.__name__] = function
    return function


def seen(name: str) -> str:
    """What a scenario sees, run on a thread of its own: in a cell, the main thread has an event loop that runs."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return repr(pool.submit(SCENARIOS[name]).result(60))


def failure(call, *arguments, **named):
    """What an operation raises, by name: numbers differ between systems, and words between Pythons."""
    try:
        return repr(call(*arguments, **named))
    except OSError as error:
        name = errno.errorcode.get(error.errno, "")
        return f"{type(error).__name__} {'EAGAIN' if name == 'EWOULDBLOCK' else name}".strip()
    except BaseException as error:
        return type(error).__name__


@contextlib.contextmanager
def connection():
    """The two ends of a TCP connection, the client's first."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        with socket.socket() as client:
            client.settimeout(PATIENCE)
            client.connect(listening.getsockname())
            server, _ = listening.accept()
            server.settimeout(PATIENCE)
            with server:
                yield client, server


def readable(sock) -> bool:
    """Wait until there is something to read, or to learn: what one end does takes its time to reach the other."""
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        return bool(selector.select(PATIENCE))


# --- sockets ---


@scenario
def nobody_listens():
    with socket.socket() as bound, socket.socket() as client:
        bound.bind(("127.0.0.1", 0))
        refused = client.connect_ex(bound.getsockname())
        return failure(client.connect, bound.getsockname()), refused == errno.ECONNREFUSED


@scenario
def a_port_is_taken_and_free_again():
    with socket.socket() as first:
        first.bind(("127.0.0.1", 0))
        first.listen()
        address = first.getsockname()
        with socket.socket() as second:
            taken = failure(second.bind, address)
    with socket.socket() as third:
        third.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return taken, failure(third.bind, address), failure(third.bind, address)


@scenario
def names_of_both_ends():
    with connection() as (client, server):
        same = client.getsockname() == server.getpeername(), client.getpeername() == server.getsockname()
        return same, client.getsockname()[0], client.family.name, client.type.name


@scenario
def bytes_both_ways():
    with connection() as (client, server):
        sent = client.send(b"hello"), client.sendall(b" world")
        readable(server)
        time.sleep(0)
        first = server.recv(3)
        rest = b""
        while len(rest) < 8:
            rest += server.recv(100)
        server.sendall(memoryview(b"answer"))
        buffer = bytearray(4)
        count = client.recv_into(buffer)
        return sent, first, rest, count, bytes(buffer), client.recv(100)


@scenario
def peeking_leaves_it_there():
    with connection() as (client, server):
        client.sendall(b"hello")
        readable(server)
        return server.recv(2, socket.MSG_PEEK), server.recv(5)


@scenario
def one_side_has_finished():
    with connection() as (client, server):
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        seen = [failure(client.send, b"more")]
        while data := server.recv(100):
            seen.append(data)
        server.sendall(b"answer")
        server.close()
        seen += [client.recv(100), client.recv(100), client.recv(100)]
        return seen


@scenario
def closed_by_the_other_side():
    with connection() as (client, server):
        server.close()
        seen = [client.recv(10), client.recv(10), client.send(b"lost")]
        readable(client)  # the reset
        end = time.monotonic() + PATIENCE
        while (again := failure(client.send, b"lost")) == "4" and time.monotonic() < end:
            time.sleep(0)
        return [*seen, again, failure(client.send, b"lost"), failure(client.recv, 10), failure(client.getpeername)]


@scenario
def closed_with_bytes_unread():
    with connection() as (client, server):
        client.sendall(b"never read")
        readable(server)
        server.close()
        readable(client)
        return failure(client.recv, 10), failure(client.recv, 10), failure(client.send, b"x")


@scenario
def reset_after_a_farewell():
    with connection() as (client, server):
        client.sendall(b"never read")
        readable(server)
        server.sendall(b"farewell")
        server.close()
        with selectors.DefaultSelector() as selector:
            selector.register(client, selectors.EVENT_READ)
            selector.select(PATIENCE)
        return client.recv(100), failure(client.recv, 10), failure(client.recv, 10)


@scenario
def closed_at_once():
    with connection() as (client, server):
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        server.close()
        readable(client)
        return failure(client.recv, 10)


@scenario
def the_listener_has_gone():
    with socket.socket() as listening, socket.socket() as client:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        client.settimeout(PATIENCE)
        client.connect(listening.getsockname())
        listening.close()
        return failure(client.recv, 10)


@scenario
def what_cannot_be_done():
    with socket.socket() as sock, connection() as (client, _):
        seen = [failure(sock.send, b"x"), failure(sock.recv, 1), failure(sock.getpeername), failure(sock.accept)]
        seen.append(failure(sock.shutdown, socket.SHUT_WR))
        client.close()
        seen += [failure(client.recv, 1), failure(client.send, b"x"), client.fileno(), failure(client.close)]
        seen += [failure(sock.connect, ("127.0.0.1", 70_000))]
        return seen


@scenario
def without_waiting():
    with socket.socket() as listening, connection() as (client, _):
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.setblocking(False)
        client.setblocking(False)
        return failure(listening.accept), failure(client.recv, 1), client.gettimeout(), client.getblocking()


@scenario
def not_in_time():
    with socket.socket() as listening, connection() as (client, _):
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.settimeout(0.01)
        client.settimeout(0.01)
        return failure(listening.accept), failure(client.recv, 1), client.gettimeout()


@scenario
def full_buffers():
    with connection() as (client, server), selectors.DefaultSelector() as selector:
        client.setblocking(False)
        sent = 0
        while (count := failure(client.send, bytes(100_000))).isdigit():
            sent += int(count)
        selector.register(client, selectors.EVENT_WRITE)
        full = selector.select(0)
        received = 0
        while received < sent:
            received += len(server.recv(1_000_000))
        return count, full, received == sent, sent > 100_000, bool(selector.select(PATIENCE))


@scenario
def small_buffers():
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 5000)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 6000)
        return [sock.getsockopt(socket.SOL_SOCKET, option) for option in (socket.SO_RCVBUF, socket.SO_SNDBUF)]


@scenario
def options_are_kept():
    with socket.socket() as sock:
        before = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        return before, bool(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))


@scenario
def a_file_keeps_the_socket():
    with connection() as (client, server):
        file = server.makefile("rwb")
        server.close()
        client.sendall(b"a line\nanother\n")
        lines = [file.readline(), file.readline()]
        file.write(b"answer\n")
        file.close()
        return lines, client.recv(100), client.recv(100)


@scenario
def a_pair():
    one, other = socket.socketpair()
    with one, other:
        one.sendall(b"to and")
        other.sendall(b"fro")
        return other.recv(10), one.recv(10)


@scenario
def what_a_selector_says():
    names = {selectors.EVENT_READ: "read", selectors.EVENT_WRITE: "write", 3: "read and write"}
    with socket.socket() as listening, socket.socket() as client, selectors.DefaultSelector() as selector:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        selector.register(listening, selectors.EVENT_READ, "listening")
        seen = [selector.select(0)]
        client.connect(listening.getsockname())

        def look():
            return sorted((key.data, names[events]) for key, events in selector.select(PATIENCE))

        seen.append(look())
        server, _ = listening.accept()
        with server:
            selector.register(client, selectors.EVENT_READ | selectors.EVENT_WRITE, "client")
            seen.append(look())
            server.sendall(b"x")
            selector.modify(client, selectors.EVENT_READ, "client")
            seen.append(look())
            client.recv(1)
            seen.append(selector.select(0))
        seen.append(look())  # the end of the stream
        selector.unregister(client)
        seen += [selector.select(0), failure(selector.unregister, client)]
        return seen


@scenario
def a_selector_is_woken_by_another_thread():
    with connection() as (client, server):
        thread = threading.Thread(target=lambda: client.sendall(b"now"))
        with selectors.DefaultSelector() as selector:
            selector.register(server, selectors.EVENT_READ)
            thread.start()
            events = selector.select(PATIENCE)
        thread.join(PATIENCE)
        return len(events), server.recv(10)


# --- asyncio on top of them ---


@scenario
def streams():
    async def serve(reader, writer):
        while line := await reader.readline():
            writer.write(line.upper())
        writer.write(b"bye")
        writer.close()

    async def talk():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"one\ntwo\n")
            writer.write_eof()
            data = await reader.read()
            writer.close()
            await writer.wait_closed()
            return data

    return asyncio.run(asyncio.wait_for(talk(), PATIENCE))


@scenario
def who_sends_too_much_waits():
    async def talk():
        arrived = asyncio.Queue()
        server = await asyncio.start_server(lambda *both: arrived.put_nowait(both), "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            _, other = await arrived.get()
            reader._transport.pause_reading()
            other.write(bytes(30_000_000))
            drain = asyncio.create_task(other.drain())
            await asyncio.sleep(0.05)
            waits = not drain.done()
            reader._transport.resume_reading()
            size = 0
            while size < 30_000_000:
                size += len(await reader.read(1_000_000))
            await drain
            other.close()
            end = await reader.read()
            writer.close()
            return waits, size, end

    return asyncio.run(asyncio.wait_for(talk(), PATIENCE))


@scenario
def aborted():
    async def talk():
        arrived = asyncio.Queue()
        server = await asyncio.start_server(lambda *both: arrived.put_nowait(both), "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            other_reader, other = await arrived.get()
            writer.write(b"x")
            await other_reader.read(1)
            other.transport.abort()
            end = await reader.read()
            writer.close()
            return end

    return asyncio.run(asyncio.wait_for(talk(), PATIENCE))


@scenario
def loops_of_two_threads():
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def where():
        return threading.current_thread() is thread, asyncio.get_running_loop() is loop

    async def ask():
        mine = asyncio.get_running_loop()
        answers = [await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(where(), loop))]
        answers.append(await mine.run_in_executor(None, lambda: failure(asyncio.get_running_loop)))
        answers.append(asyncio.get_running_loop() is mine)
        return answers

    seen = asyncio.run(ask())
    loop.call_soon_threadsafe(loop.stop)
    thread.join(PATIENCE)
    loop.close()
    return seen, failure(asyncio.get_running_loop), thread.is_alive()


@scenario
def tasks_of_two_threads_interleave():
    """Each thread knows its own current task, also after others have run."""

    async def names(prefix, barrier):
        seen = []
        for _ in range(3):
            await asyncio.to_thread(barrier.wait, PATIENCE)
            seen.append(asyncio.current_task().get_name())
        return seen == [prefix] * 3

    def run(prefix, barrier):
        async def main():
            return await asyncio.create_task(names(prefix, barrier), name=prefix)

        return asyncio.run(main())

    barrier = threading.Barrier(2)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return [future.result(PATIENCE) for future in [pool.submit(run, name, barrier) for name in "ab"]]


# --- threads ---


@scenario
def a_thread_and_its_end():
    began, end = threading.Event(), threading.Event()

    def work():
        began.set()
        end.wait(PATIENCE)

    thread = threading.Thread(target=work, name="worker")
    seen = [thread.is_alive(), thread.ident is None]
    thread.start()
    began.wait(PATIENCE)
    seen += [thread.is_alive(), thread in threading.enumerate(), thread.ident != threading.get_ident()]
    thread.join(0.01)
    seen.append(thread.is_alive())
    end.set()
    thread.join(PATIENCE)
    seen += [thread.is_alive(), thread in threading.enumerate(), failure(thread.start), failure(thread.join)]
    return seen


@scenario
def a_thread_knows_itself():
    seen = []

    def work():
        current = threading.current_thread()
        seen.append((current.name, current.ident == threading.get_ident(), current is thread, current.daemon))
        seen.append(failure(current.join))

    thread = threading.Thread(target=work, name="worker", daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return seen, threading.current_thread() is threading.main_thread()


@scenario
def a_lock():
    lock = threading.Lock()
    seen = [lock.acquire(), lock.locked(), lock.acquire(False), lock.acquire(timeout=0.01), lock.acquire(timeout=0)]
    lock.release()
    seen += [lock.locked(), failure(lock.release), failure(lock.acquire, False, 1), failure(lock.acquire, True, -2)]
    with lock:
        seen.append(lock.locked())
    return [*seen, lock.locked()]


@scenario
def a_lock_passes_on():
    lock, order, waiting = threading.Lock(), [], threading.Semaphore(0)

    def work(name):
        waiting.release()
        with lock:
            order.append(name)

    lock.acquire()
    threads = [threading.Thread(target=work, args=[name]) for name in range(5)]
    for thread in threads:
        thread.start()
        waiting.acquire(timeout=PATIENCE)
    order.append("me")
    lock.release()
    for thread in threads:
        thread.join(PATIENCE)
    return order[0], sorted(order[1:])


@scenario
def a_lock_of_another_thread():
    lock, again = threading.Lock(), threading.RLock()
    lock.acquire()
    again.acquire()
    seen = [bool(again.acquire()), failure(again.release)]

    def work():
        lock.release()  # a plain lock belongs to nobody
        seen.append(failure(again.release))
        seen.append(bool(again.acquire(timeout=0.01)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(PATIENCE)
    again.release()
    return seen, lock.locked(), failure(again.release)


@scenario
def a_condition():
    condition, ready, seen = threading.Condition(), threading.Semaphore(0), []

    def work(name):
        with condition:
            ready.release()
            seen.append((name, condition.wait(PATIENCE)))

    threads = [threading.Thread(target=work, args=[name]) for name in "abc"]
    for thread in threads:
        thread.start()
        ready.acquire(timeout=PATIENCE)
    with condition:
        condition.notify()
    threads[0].join(PATIENCE)
    with condition:
        condition.notify_all()
    for thread in threads:
        thread.join(PATIENCE)
    with condition:
        timeout = condition.wait(0.01), condition.wait_for(lambda: True)
    return seen[0], sorted(seen), timeout, failure(condition.notify)


@scenario
def events_semaphores_and_barriers():
    event, semaphore = threading.Event(), threading.BoundedSemaphore(1)
    seen = [event.wait(0.01), semaphore.acquire(), semaphore.acquire(timeout=0.01)]
    threading.Timer(0.01, event.set).start()
    seen += [event.wait(PATIENCE), semaphore.release(), failure(semaphore.release)]
    barrier = threading.Barrier(3)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        seen.append(sorted(pool.map(lambda _: barrier.wait(PATIENCE), range(3))))
    return [*seen, failure(threading.Barrier(2).wait, 0.01)]


@scenario
def queues():
    seen = []
    for kind in (queue.Queue, queue.SimpleQueue, queue.LifoQueue):
        line = kind()
        thread = threading.Thread(target=lambda line=line: [line.put(number) for number in range(3)])
        seen += [failure(line.get, timeout=0.01), failure(line.get_nowait)]
        thread.start()
        thread.join(PATIENCE)
        seen.append([line.get(timeout=PATIENCE) for _ in range(3)])
    full = queue.Queue(1)
    full.put("x")
    return [*seen, failure(full.put, "y", timeout=0.01), full.qsize()]


@scenario
def what_belongs_to_a_thread():
    mine, variable, seen = threading.local(), contextvars.ContextVar("variable", default="nothing"), []
    mine.value = "main"
    token = variable.set("main")

    def work():
        seen.append((getattr(mine, "value", "nothing"), variable.get()))
        mine.value = "worker"
        variable.set("worker")
        barrier.wait(PATIENCE)
        barrier.wait(PATIENCE)
        seen.append((mine.value, variable.get()))

    barrier = threading.Barrier(2)
    thread = threading.Thread(target=work, name="worker")
    thread.start()
    barrier.wait(PATIENCE)
    seen.append((mine.value, variable.get()))
    barrier.wait(PATIENCE)
    thread.join(PATIENCE)
    variable.reset(token)
    return seen, variable.get()


@scenario
def errors_that_are_handled_meanwhile():
    """Each thread has its own error that it is about to handle."""
    barrier, seen = threading.Barrier(2), {}

    def work(kind):
        try:
            raise kind
        except Exception:
            barrier.wait(PATIENCE)
            seen[kind.__name__] = [type(sys.exception()).__name__]
            barrier.wait(PATIENCE)
            seen[kind.__name__].append(failure(exec, "raise"))
        seen[kind.__name__].append(sys.exception())

    threads = [threading.Thread(target=work, args=[kind]) for kind in (KeyError, ValueError)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return sorted(seen.items())


@scenario
def contexts_that_are_entered_meanwhile():
    """Two threads are in a context at the same time, and leave in the order in which they came."""
    variable, barrier, seen = contextvars.ContextVar("variable"), threading.Barrier(2), {}
    first_left = threading.Event()

    def work(name):
        def inside():
            variable.set(name)
            barrier.wait(PATIENCE)
            if name == "b":
                first_left.wait(PATIENCE)
            return variable.get()

        context = contextvars.Context()
        seen[name] = context.run(inside), context[variable], variable.get("nothing")
        first_left.set()

    threads = [threading.Thread(target=work, args=[name]) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return sorted(seen.items())


@scenario
def an_error_ends_a_thread():
    seen, hook = [], threading.excepthook
    threading.excepthook = lambda arguments: seen.append((arguments.exc_type.__name__, arguments.thread.name))
    try:
        for error in (ValueError("no"), SystemExit(3)):

            def work(error=error):
                raise error

            thread = threading.Thread(target=work, name="worker")
            thread.start()
            thread.join(PATIENCE)
            seen.append(thread.is_alive())
    finally:
        threading.excepthook = hook
    return seen


@scenario
def a_pool():
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda number: number * number, range(6)))
        future = pool.submit(lambda: 1 / 0)
        error = failure(future.result, PATIENCE)
        waits = threading.Event()
        slow = pool.submit(waits.wait, PATIENCE)
        late = failure(slow.result, 0.01)
        waits.set()
    return results, error, late, slow.result(PATIENCE), failure(pool.submit, print)


@scenario
def a_loop_lets_others_go_on():
    """It runs for as long as another thread has not spoken."""
    stop = threading.Event()
    thread = threading.Thread(target=stop.set)
    end = time.monotonic() + PATIENCE
    thread.start()
    turns = 0
    while not stop.is_set() and time.monotonic() < end:
        turns += 1
    thread.join(PATIENCE)
    started, stop = threading.Event(), threading.Event()

    def spin():
        started.set()
        return sum(1 for _ in iter(stop.is_set, True)) >= 0

    with concurrent.futures.ThreadPoolExecutor() as pool:
        spinning = pool.submit(spin)
        started.wait(PATIENCE)
        stop.set()
        return turns >= 0, spinning.result(PATIENCE)


@scenario
def where_another_thread_is():
    text = ""
    began, end = threading.Event(), threading.Event()

    def deep_down():
        began.set()
        end.wait(PATIENCE)

    def work():
        deep_down()

    thread = threading.Thread(target=work)
    thread.start()
    began.wait(PATIENCE)
    frame, names = sys._current_frames()[thread.ident], []
    while frame:
        names.append(frame.f_code.co_name)
        frame = frame.f_back
    with tempfile.TemporaryFile("w+") as file:
        faulthandler.dump_traceback_later(0.01, file=file)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and "deep_down" not in text:
            time.sleep(0.01)
            file.seek(0)
            text = file.read()
        faulthandler.cancel_dump_traceback_later()
    end.set()
    thread.join(PATIENCE)
    here = sys._current_frames()[threading.get_ident()].f_code.co_name
    return [name for name in names if name in ("deep_down", "work")], thread.ident in sys._current_frames(), here


@scenario
def broken_off_from_outside():
    class Stop(Exception):
        pass

    began, end, seen = threading.Event(), threading.Event(), []

    def work():
        try:
            began.set()
            end.wait(PATIENCE)
            while True:
                time.sleep(0.001)
        except Stop:
            seen.append("broken off")

    def raise_in(ident):
        return ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(Stop))

    thread = threading.Thread(target=work)
    thread.start()
    began.wait(PATIENCE)
    seen.append(raise_in(thread.ident))
    seen.append(thread.is_alive())  # it waits, and hears of it when the wait is over
    end.set()
    thread.join(PATIENCE)
    return seen, thread.is_alive(), raise_in(thread.ident)


@scenario
def time_that_a_thread_takes():
    before = time.thread_time()
    time.sleep(0.05)
    slept = time.thread_time() - before < 0.04
    while time.thread_time() - before < 0.02:
        sum(range(100))
    return slept, failure(time.sleep, -1), time.sleep(0)


@scenario
def as_deep_as_it_goes():
    """Whoever calls itself for ever gets an error, in a thread, too, and all goes on."""

    def deeper(number):
        return deeper(number + 1)

    def work():
        try:
            deeper(0)
        except RecursionError:
            return "RecursionError"

    with concurrent.futures.ThreadPoolExecutor() as pool:
        return work(), pool.submit(work).result(PATIENCE), pool.submit(work).result(PATIENCE)


@scenario
def many_threads():
    total, lock = [], threading.Lock()

    def work(number):
        time.sleep(0.001 * (number % 3))
        with lock:
            total.append(number)

    threads = [threading.Thread(target=work, args=[number]) for number in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return len(total), sum(total)
