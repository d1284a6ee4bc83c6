"""Prints how many getInfo round trips a second python-fido2 makes: fido2_getinfo.py HOST PORT COUNT."""

import os
import sys
import time

sys.dont_write_bytecode = True  # nothing is to be left among the sources
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "test", "interop"))

from fido2.ctap2 import Ctap2  # noqa: E402

from fido2_udp import open_device  # noqa: E402

host, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
device, connection = open_device(host, port)
ctap2 = Ctap2(device)

# Not counted: what is done once.
for _ in range(min(count, 100)):
    ctap2.get_info()

begin = time.perf_counter()
for _ in range(count):
    ctap2.get_info()
print(count / (time.perf_counter() - begin))
connection.close()
