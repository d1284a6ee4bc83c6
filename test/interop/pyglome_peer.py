"""Lets the tests talk to pyglome: one JSON request a line in, one JSON answer a line out.

Bytes are hexadecimal. A refusal is {"error": …}.
"""

import json
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import x25519
import pyglome


def private_key(request):
    return x25519.X25519PrivateKey.from_private_bytes(bytes.fromhex(request["private"]))


def party(request, **options):
    peer = x25519.X25519PublicKey.from_public_bytes(bytes.fromhex(request["peer"]))
    return pyglome.Glome(peer, private_key(request), **options)


def public(request):
    key = private_key(request).public_key()
    return {"public": key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw).hex()}


def tag(request):
    return {"tag": party(request).tag(bytes.fromhex(request["message"]), request["counter"]).hex()}


def check(request):
    try:
        party(request, min_peer_tag_len=request["minLength"]).check(
            bytes.fromhex(request["tag"]), bytes.fromhex(request["message"]), request["counter"]
        )
    except pyglome.IncorrectTagError:
        return {"accepted": "no"}
    return {"accepted": "yes"}


OPERATIONS = {"public": public, "tag": tag, "check": check}


def answer(request):
    try:
        return OPERATIONS[request["op"]](request)
    except Exception as error:  # the other side decides what a refusal means
        return {"error": f"{type(error).__name__}: {error}"}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
