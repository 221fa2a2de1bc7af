"""For each client it starts a process, with a pipe to it, and leaves both to the end of the app."""

import asyncio
import os
import subprocess
import sys
from contextlib import asynccontextmanager

from fastapi import FastAPI, WebSocket

started: list[subprocess.Popen] = []


@asynccontextmanager
async def lifespan(app: FastAPI):
    yield
    for process in started:
        process.communicate()
    started.clear()


app = FastAPI(lifespan=lifespan)


@app.websocket("/ws")
async def run(websocket: WebSocket):
    await websocket.accept()
    program = [sys.executable, "-S", "-c", ""]
    process = await asyncio.to_thread(subprocess.Popen, program, stdin=subprocess.PIPE)
    started.append(process)
    # It has ended, and nobody has asked how. (The test need not wait for that.)
    await asyncio.to_thread(os.waitid, os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    async for text in websocket.iter_text():
        await websocket.send_text(text)
