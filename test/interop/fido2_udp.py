"""A security key behind UDP, for python-fido2: one datagram is one report."""

import socket

from fido2.hid import CtapHidDevice
from fido2.hid.base import CtapHidConnection, HidDescriptor

REPORT_LENGTH = 64

# No answer of a key that is asked for nothing else takes longer.
TIMEOUT = 30

REBOOT = bytes.fromhex(
    "ac1052ca95e569de69e02ebff333485f13f9b2da34c5a8a340526697a9ab2e0b"
    "394d8d04973c134005be1a0140bff6045bb26eb77a73eaa47813f6b49a7250dc"
)


class UdpConnection(CtapHidConnection):
    """Moves reports; the key answers to where they come from."""

    def __init__(self, host, port):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(TIMEOUT)
        self._socket.connect((host, port))

    def read_packet(self):
        return self._socket.recv(REPORT_LENGTH)

    def write_packet(self, data):
        self._socket.send(data)

    def reboot(self):
        """Takes the key's power away and gives it back."""
        self._socket.send(REBOOT)

    def close(self):
        self._socket.close()


def open_device(host, port):
    """Returns the key with its channel, and the connection to it."""
    connection = UdpConnection(host, port)
    descriptor = HidDescriptor(f"udp:{host}:{port}", 0, 0, REPORT_LENGTH, REPORT_LENGTH, None, None)
    return CtapHidDevice(descriptor, connection), connection
