"""Lets the tests drive a security key by python-fido2: one JSON request a line in, one JSON answer a line out.

Takes the key's UDP port as its only word. Bytes are hexadecimal, and so is the
status of a key that refuses: {"error": "CTAP 0x31"} or {"error": "APDU 0x6985"};
what python-fido2 itself refuses is {"error": …} in its words.
"""

import hashlib
import json
import sys

from fido2.attestation import Attestation
from fido2.client import ClientError, DefaultClientDataCollector, Fido2Client, UserInteraction
from fido2.cose import CoseKey
from fido2.ctap import CtapError
from fido2.ctap1 import ApduError, Ctap1
from fido2.ctap2 import Ctap2, ClientPin, Config, CredentialManagement, LargeBlobs
from fido2.ctap2.extensions import (
    CredBlobExtension,
    CredProtectExtension,
    HmacSecretExtension,
    LargeBlobExtension,
    MinPinLengthExtension,
)
from fido2.ctap2.pin import PinProtocolV1, PinProtocolV2
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialParameters,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
)

sys.dont_write_bytecode = True  # nothing is to be left among the sources

from fido2_udp import open_device  # noqa: E402

PROTOCOLS = {1: PinProtocolV1, 2: PinProtocolV2}

device, connection = open_device("127.0.0.1", int(sys.argv[1]))

# What the relying party knows: AttestedCredentialData by user.
credentials = {}


class Person(UserInteraction):
    def __init__(self, pin):
        self.pin = pin

    def request_pin(self, permissions, rp_id):
        return self.pin


def server_of(request):
    entity = PublicKeyCredentialRpEntity(id=request["rpId"], name="Example")
    return Fido2Server(entity, attestation="direct")


def client_of(request):
    number = request.get("protocol")
    ClientPin.PROTOCOLS = [PinProtocolV2, PinProtocolV1] if number is None else [PROTOCOLS[number]]
    extensions = [
        HmacSecretExtension(allow_hmac_secret=True),
        LargeBlobExtension(),
        CredBlobExtension(),
        CredProtectExtension(),
        MinPinLengthExtension(),
    ]
    collector = DefaultClientDataCollector(f"https://{request['rpId']}")
    return Fido2Client(device, collector, Person(request.get("pin")), extensions)


def pin_of(request):
    number = request.get("protocol")
    ctap = Ctap2(device)
    return ctap, ClientPin(ctap, None if number is None else PROTOCOLS[number]())


def token_of(request, permissions):
    """What the classes for a token of one permission take."""
    ctap, client_pin = pin_of(request)
    return ctap, client_pin.protocol, client_pin.get_pin_token(request["pin"], permissions)


def extensions_of(request):
    """Those of the request; values that begin with hex: are bytes."""

    def convert(value):
        if isinstance(value, dict):
            return {name: convert(inner) for name, inner in value.items()}
        if isinstance(value, str) and value.startswith("hex:"):
            return bytes.fromhex(value[4:])
        return value

    return convert(json.loads(request.get("extensions", "{}")))


def outputs_of(result):
    """Extension outputs as JSON, with bytes in hexadecimal."""

    def convert(value):
        if isinstance(value, (bytes, bytearray)):
            return bytes(value).hex()
        if hasattr(value, "items"):
            return {name: convert(inner) for name, inner in value.items()}
        return value

    return json.dumps(convert(result.client_extension_results))


def info(request):
    data = Ctap2(device).get_info()
    return {
        "versions": " ".join(data.versions),
        "extensions": " ".join(data.extensions),
        "options": " ".join(sorted(name for name, value in data.options.items() if value)),
        "algorithms": " ".join(str(entry["alg"]) for entry in data.algorithms),
        "protocols": " ".join(str(number) for number in data.pin_uv_protocols),
        "minPinLength": str(data.min_pin_length),
        "forcePinChange": str(data.force_pin_change),
        "remaining": str(data.remaining_disc_creds),
    }


def register(request):
    server = server_of(request)
    if "algorithm" in request:
        server.allowed_algorithms = [PublicKeyCredentialParameters(type="public-key", alg=request["algorithm"])]
    user = PublicKeyCredentialUserEntity(id=request["user"].encode(), name=request["user"])
    options, state = server.register_begin(
        user,
        list(credentials.values()) if request.get("exclude") == "all" else [],
        resident_key_requirement=request.get("residentKey", "discouraged"),
        user_verification=request.get("verification", "discouraged"),
        extensions=extensions_of(request),
    )
    result = client_of(request).make_credential(options["publicKey"])
    auth_data = server.register_complete(state, result)
    attestation = result.response.attestation_object
    verifier = Attestation.for_type(attestation.fmt)()
    verified = verifier.verify(attestation.att_stmt, auth_data, result.response.client_data.hash)
    credentials[request["user"]] = auth_data.credential_data
    return {
        "id": auth_data.credential_data.credential_id.hex(),
        "algorithm": str(auth_data.credential_data.public_key[3]),
        "format": attestation.fmt,
        "attestation": verified.attestation_type.name,
        "verified": str(auth_data.is_user_verified()),
        "authenticatorExtensions": json.dumps(auth_data.extensions),
        "extensions": outputs_of(result),
    }


def authenticate(request):
    server = server_of(request)
    known = [credentials[request["user"]]] if "user" in request else []
    options, state = server.authenticate_begin(
        known,
        user_verification=request.get("verification", "discouraged"),
        extensions=extensions_of(request),
    )
    selection = client_of(request).get_assertion(options["publicKey"])
    users = []
    results = []
    for index in range(len(selection.get_assertions())):
        result = selection.get_response(index)
        found = server.authenticate_complete(state, known or list(credentials.values()), result)
        users.extend(user for user, data in credentials.items() if data.credential_id == found.credential_id)
        results.append(result)
    data = results[0].response.authenticator_data
    blob = (data.extensions or {}).get("credBlob")
    return {
        "users": " ".join(users),
        "verified": str(data.is_user_verified()),
        "counter": str(data.counter),
        "credBlob": "" if blob is None else blob.hex(),
        "extensions": outputs_of(results[0]),
    }


def set_pin(request):
    pin_of(request)[1].set_pin(request["pin"])
    return {}


def change_pin(request):
    pin_of(request)[1].change_pin(request["pin"], request["newPin"])
    return {}


def retries(request):
    count, power_cycle = pin_of(request)[1].get_pin_retries()
    return {"retries": str(count), "powerCycle": str(power_cycle)}


def token(request):
    permissions = request.get("permissions")
    client_pin = pin_of(request)[1]
    bytes_ = client_pin.get_pin_token(
        request["pin"], None if permissions is None else ClientPin.PERMISSION(permissions), request.get("rpId")
    )
    return {"length": str(len(bytes_))}


def management_of(request):
    return CredentialManagement(*token_of(request, ClientPin.PERMISSION.CREDENTIAL_MGMT))


def list_credentials(request):
    management = management_of(request)
    metadata = management.get_metadata()
    lines = []
    for rp in management.enumerate_rps():
        rp_id = rp[CredentialManagement.RESULT.RP]["id"]
        assert rp[CredentialManagement.RESULT.RP_ID_HASH] == hashlib.sha256(rp_id.encode()).digest()
        for entry in management.enumerate_creds(rp[CredentialManagement.RESULT.RP_ID_HASH]):
            user = entry[CredentialManagement.RESULT.USER]
            key = CoseKey.parse(entry[CredentialManagement.RESULT.PUBLIC_KEY])
            known = credentials.get(user["id"].decode())
            assert known is None or known.public_key == key
            protection = entry[CredentialManagement.RESULT.CRED_PROTECT]
            lines.append(f"{rp_id} {user['id'].decode()} {user.get('name')} {protection}")
    return {
        "existing": str(metadata[CredentialManagement.RESULT.EXISTING_CRED_COUNT]),
        "remaining": str(metadata[CredentialManagement.RESULT.MAX_REMAINING_COUNT]),
        "credentials": "\n".join(sorted(lines)),
    }


def descriptor_of(request):
    return PublicKeyCredentialDescriptor(type="public-key", id=credentials[request["user"]].credential_id)


def delete_credential(request):
    management_of(request).delete_cred(descriptor_of(request))
    return {}


def update_user(request):
    user = PublicKeyCredentialUserEntity(id=request["user"].encode(), name=request["name"])
    management_of(request).update_user_info(descriptor_of(request), user)
    return {}


def blobs(request):
    return {"count": str(len(LargeBlobs(Ctap2(device)).read_blob_array()))}


def put_blob(request):
    large_blobs = LargeBlobs(*token_of(request, ClientPin.PERMISSION.LARGE_BLOB_WRITE))
    large_blobs.put_blob(bytes.fromhex(request["key"]), bytes.fromhex(request["data"]))
    return {}


def get_blob(request):
    blob = LargeBlobs(Ctap2(device)).get_blob(bytes.fromhex(request["key"]))
    return {"data": "none" if blob is None else blob.hex()}


def config_of(request):
    if "pin" not in request:
        return Config(Ctap2(device))
    return Config(*token_of(request, ClientPin.PERMISSION.AUTHENTICATOR_CFG))


def toggle_always_uv(request):
    config_of(request).toggle_always_uv()
    return {}


def set_min_pin_length(request):
    config_of(request).set_min_pin_length(request["length"], rp_ids=[request["rpId"]] if "rpId" in request else None)
    return {}


def enable_enterprise_attestation(request):
    config_of(request).enable_enterprise_attestation()
    return {}


def u2f(request):
    """Registers and authenticates by CTAP1, and checks both signatures."""
    ctap = Ctap1(device)
    client_param = hashlib.sha256(b"client data").digest()
    app_param = hashlib.sha256(request["rpId"].encode()).digest()
    registration = ctap.register(client_param, app_param)
    registration.verify(app_param, client_param)
    try:
        ctap.authenticate(client_param, app_param, registration.key_handle, check_only=True)
    except ApduError as error:
        checked = f"{error.code:04x}"
    signature = ctap.authenticate(client_param, app_param, registration.key_handle)
    signature.verify(app_param, client_param, registration.public_key)
    credentials[request["user"]] = AttestedCredentialData.from_ctap1(registration.key_handle, registration.public_key)
    return {"version": ctap.get_version(), "checked": checked, "presence": str(signature.user_presence), "counter": str(signature.counter)}


def selection(request):
    Ctap2(device).selection()
    return {}


def reset(request):
    Ctap2(device).reset()
    return {}


def reboot(request):
    global device
    connection.reboot()
    device, _ = open_device("127.0.0.1", int(sys.argv[1]))
    return {}


def ping(request):
    message = bytes(index % 251 for index in range(request["length"]))
    return {"same": str(device.ping(message) == message)}


def wink(request):
    device.wink()
    return {}


OPERATIONS = {
    "info": info,
    "register": register,
    "authenticate": authenticate,
    "set-pin": set_pin,
    "change-pin": change_pin,
    "retries": retries,
    "token": token,
    "list-credentials": list_credentials,
    "delete-credential": delete_credential,
    "update-user": update_user,
    "blobs": blobs,
    "put-blob": put_blob,
    "get-blob": get_blob,
    "toggle-always-uv": toggle_always_uv,
    "set-min-pin-length": set_min_pin_length,
    "enable-enterprise-attestation": enable_enterprise_attestation,
    "u2f": u2f,
    "selection": selection,
    "reset": reset,
    "reboot": reboot,
    "ping": ping,
    "wink": wink,
}


def refusal(error):
    cause = error.cause if isinstance(error, ClientError) else error
    if isinstance(cause, CtapError):
        return f"CTAP 0x{int(cause.code):02x}"
    if isinstance(cause, ApduError):
        return f"APDU 0x{cause.code:04x}"
    return f"{type(error).__name__}: {error}"


def answer(request):
    try:
        return OPERATIONS[request["op"]](request)
    except Exception as error:  # the other side decides what a refusal means
        return {"error": refusal(error)}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
