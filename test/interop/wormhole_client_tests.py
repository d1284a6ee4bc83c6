"""A pytest plugin that has magic-wormhole's own tests use the mailbox server at
the URL in MAILBOX, instead of one that they start in their own process.

Runs the tests that use a mailbox server, but for those of EXCLUDED, and writes
a JSON object a line to the file RESULTS: {"test": ..., "outcome": ...}, where
one that is excluded has a reason.
"""

import json
import os
import socket
from types import SimpleNamespace
from urllib.parse import urlsplit

from twisted.internet.defer import succeed
from wormhole.test import common

URL = os.environ["MAILBOX"]

EXCLUDED = {
    "test_override": "reads the usage database of the Python server by its tables",
    "test_welcome": "wants a server that recommends a version of magic-wormhole",
}


def list_nameplates(appid):
    """By a connection of its own, which blocks, as the tests expect an answer at once."""
    where = urlsplit(URL)
    with socket.create_connection((where.hostname, where.port), timeout=10) as connection:
        connection.sendall(
            f"GET {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        stream = connection.makefile("rb")
        while stream.readline() != b"\r\n":
            pass
        for message in ({"type": "bind", "appid": appid, "side": "0123456789"}, {"type": "list"}):
            payload = json.dumps(message).encode()
            # fin and text(1) | masked and length(1) | mask of zeros(4) | payload
            connection.sendall(bytes([0x81, 0x80 | len(payload)]) + bytes(4) + payload)
        while True:
            _, length = stream.read(2)
            if length == 126:
                length = int.from_bytes(stream.read(2), "big")
            message = json.loads(stream.read(length))
            if message["type"] == "nameplates":
                return {nameplate["id"] for nameplate in message["nameplates"]}


async def setup_mailbox(reactor, advertise_version=None, error=None):
    def stop():
        return succeed(None)

    nothing = SimpleNamespace(startService=lambda: None, stopService=stop, stopListening=stop, _realPortNumber=urlsplit(URL).port)
    rendezvous = SimpleNamespace(get_app=lambda appid: SimpleNamespace(get_nameplate_ids=lambda: list_nameplates(appid)))
    return SimpleNamespace(url=URL, service=nothing, port=nothing, rendezvous=rendezvous)


def write(**fields):
    with open(os.environ["RESULTS"], "a") as results:
        print(json.dumps(fields), file=results)


def pytest_configure(config):
    common.setup_mailbox = setup_mailbox


def pytest_collection_modifyitems(items):
    def is_chosen(item):
        reason = EXCLUDED.get(item.originalname)
        if reason is not None:
            write(test=item.originalname, outcome="excluded", reason=reason)
        return reason is None and "mailbox" in item.fixturenames

    items[:] = [item for item in items if is_chosen(item)]


def pytest_runtest_logreport(report):
    # The test itself, and what went wrong before or after it.
    if report.when == "call" or report.outcome != "passed":
        file, _, name = report.location
        write(test=f"{os.path.basename(file)} {name}", outcome=report.outcome, reason=str(report.longrepr or ""))
