"""Runs a program at a terminal of its own, as a person would sit at it.

Reads from standard input a JSON object:
  argv, cwd, env  what to run
  steps           [{"expect": text, "send": text, "pause": seconds}, ...]: wait
                  until the screen shows `expect` after what the step before
                  saw, then perhaps pause, then type `send`
  pipe            whether standard output is a pipe instead of the terminal

Writes a JSON object:
  screen   all that the terminal got
  stdout   what went into the pipe
  status   exit status, or 128 and the number of the signal that ended it
  echo     whether the terminal was left showing what is typed
  missed   the `expect` that never came, if one did not
"""
import json
import os
import pty
import select
import sys
import termios
import time

PATIENCE = 30

job = json.load(sys.stdin)
steps = job["steps"]
out_read, out_write = os.pipe() if job["pipe"] else (None, None)

pid, terminal = pty.fork()
if pid == 0:
    try:
        if out_write is not None:
            os.dup2(out_write, 1)
            os.close(out_write)
            os.close(out_read)
        os.chdir(job["cwd"])
        os.execve(job["argv"][0], job["argv"], job["env"])
    finally:
        os._exit(127)

if out_write is not None:
    os.close(out_write)
streams = {terminal: b""}
if out_read is not None:
    streams[out_read] = b""
still_open = set(streams)
seen = 0
deadline = time.monotonic() + PATIENCE
while still_open and time.monotonic() < deadline:
    ready, _, _ = select.select(still_open, [], [], 0.2)
    for fd in ready:
        try:
            data = os.read(fd, 65536)
        except OSError:  # Linux says EIO when the last one has left the terminal.
            data = b""
        if not data:
            still_open.discard(fd)
        streams[fd] += data
    if steps:
        expect = steps[0]["expect"].encode()
        found = streams[terminal].find(expect, seen)
        if found >= 0:
            seen = found + len(expect)
            time.sleep(steps[0].get("pause", 0))
            os.write(terminal, steps[0]["send"].encode())
            steps.pop(0)
            deadline = time.monotonic() + PATIENCE

if still_open:
    os.kill(pid, 9)
_, wait_status = os.waitpid(pid, 0)
code = os.waitstatus_to_exitcode(wait_status)
json.dump(
    {
        "screen": streams[terminal].decode(errors="backslashreplace"),
        "stdout": streams.get(out_read, b"").decode(errors="backslashreplace"),
        "status": code if code >= 0 else 128 - code,
        "echo": bool(termios.tcgetattr(terminal)[3] & termios.ECHO),
        "missed": steps[0]["expect"] if steps else None,
    },
    sys.stdout,
)
