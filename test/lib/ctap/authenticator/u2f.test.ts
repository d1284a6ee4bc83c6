import { X509Certificate } from "node:crypto";
import t from "tap";
import { concatBytes, encodeHex } from "../../../../src/lib/bytes.ts";
import { parseCosePublicKey, verifySignature } from "../../../../src/lib/ctap/cose.ts";
import { cborMap } from "../../../../src/lib/ctap/cbor.ts";
import { DirectHost, DISCOVERABLE, RP_ID, sha256 } from "./direct-host.ts";

const CHALLENGE = sha256("challenge");
const APPLICATION = sha256(RP_ID);

const CHECK = 0x07;
const SIGN = 0x03;
const SIGN_WITHOUT_TOUCH = 0x08;

function apdu(ins: number, p1: number, data: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(0, ins, p1, 0, 0, data.length >> 8, data.length & 0xff), data, Uint8Array.of(0, 0));
}

const statusWord = (answer: Uint8Array): string => encodeHex(answer.subarray(-2));

interface Registration {
  readonly point: Uint8Array;
  readonly handle: Uint8Array;
  readonly certificate: X509Certificate;
  readonly signature: Uint8Array;
}

/** 05 | public key(65) | length(1) | key handle | certificate | signature */
function register(host: DirectHost): Registration {
  const answer = host.msg(apdu(1, 0, concatBytes(CHALLENGE, APPLICATION)));
  const handleEnd = 67 + answer[66]!;
  const certificateEnd = handleEnd + 4 + ((answer[handleEnd + 2]! << 8) | answer[handleEnd + 3]!);
  return {
    point: answer.subarray(1, 66),
    handle: answer.subarray(67, handleEnd),
    certificate: new X509Certificate(answer.subarray(handleEnd, certificateEnd)),
    signature: answer.subarray(certificateEnd, -2),
  };
}

function authenticate(host: DirectHost, handle: Uint8Array, p1 = SIGN, application = APPLICATION): Uint8Array {
  return host.msg(apdu(2, p1, concatBytes(CHALLENGE, application, Uint8Array.of(handle.length), handle)));
}

function keyOf(point: Uint8Array) {
  return parseCosePublicKey(cborMap([1, 2], [3, -7], [-1, 1], [-2, point.slice(1, 33)], [-3, point.slice(33)]));
}

t.test("register and authenticate", (t) => {
  const host = new DirectHost();
  const { point, handle, certificate, signature } = register(host);
  const signed = concatBytes(Uint8Array.of(0), APPLICATION, CHALLENGE, handle, point);
  t.ok(verifySignature(-7, certificate.publicKey, signed, signature), "the certificate's key signs");
  t.ok(certificate.verify(certificate.publicKey), "the certificate signs itself");
  t.match(certificate, { subject: "CN=Keyhole virtual authenticator", issuer: "CN=Keyhole virtual authenticator", serialNumber: "01" });
  t.ok(certificate.raw.includes(Buffer.from("2b0601040182e51c020101", "hex")), "it names the transports");

  let counter = 0;
  for (const [p1, presence] of [[SIGN, 1], [SIGN_WITHOUT_TOUCH, 0]] as const) {
    const answer = authenticate(host, handle, p1);
    t.equal(statusWord(answer), "9000");
    t.equal(answer[0], presence);
    t.ok(verifySignature(-7, keyOf(point), concatBytes(APPLICATION, answer.subarray(0, 5), CHALLENGE), answer.subarray(5, -2)));
    const next = new DataView(answer.buffer, answer.byteOffset).getUint32(1);
    t.ok(next > counter, "the counter grows");
    counter = next;
  }
  t.same(host.touches, [
    { what: "u2f-register", rpId: encodeHex(APPLICATION) },
    { what: "u2f-authenticate", rpId: encodeHex(APPLICATION) },
  ]);
  t.end();
});

t.test("key handles", (t) => {
  const host = new DirectHost();
  const { handle } = register(host);
  const touches = host.touches.length;
  t.equal(statusWord(authenticate(host, handle, CHECK)), "6985", "one of its own is told by asking for a touch");
  t.equal(host.touches.length, touches, "without wanting one");
  t.equal(statusWord(authenticate(host, handle.with(3, handle[3]! ^ 1), CHECK)), "6a80");
  t.equal(statusWord(authenticate(host, handle, CHECK, sha256("example.org"))), "6a80");
  t.equal(statusWord(authenticate(host, new Uint8Array(), CHECK)), "6a80");
  t.equal(statusWord(authenticate(host, handle, 0x04)), "6b00", "an unknown kind of asking");
  t.equal(statusWord(authenticate(new DirectHost(), handle, CHECK)), "6a80", "of another card");
  t.end();
});

t.test("one key store for CTAP1 and CTAP2", (t) => {
  const host = new DirectHost();
  const { handle } = register(host);
  t.equal(host.getAssertion({ allow: [handle] }).status, 0);
  t.equal(host.makeCredential({ exclude: [handle] }).status, 0x19);
  t.equal(statusWord(authenticate(host, host.mustMake())), "9000");
  t.equal(statusWord(authenticate(host, host.mustMake({ options: DISCOVERABLE }))), "9000");
  t.equal(statusWord(authenticate(host, host.mustMake({ extensions: cborMap(["credProtect", 2]) }))), "9000");
  t.equal(statusWord(authenticate(host, host.mustMake({ extensions: cborMap(["credProtect", 3]) }))), "6a80", "not one that is for verified users");
  t.equal(statusWord(authenticate(host, host.mustMake({ algorithms: [-8] }))), "6a80", "nor one of another algorithm");
  t.end();
});

t.test("APDUs", (t) => {
  const host = new DirectHost();
  const status = (...bytes: readonly number[]): string => statusWord(host.msg(Uint8Array.from(bytes)));
  const version = encodeHex(Buffer.from("U2F_V2")) + "9000";
  for (const [name, bytes] of [
    ["a header", [0, 3, 0, 0]],
    ["short", [0, 3, 0, 0, 0]],
    ["extended", [0, 3, 0, 0, 0, 0, 0]],
    ["as python-fido2 has it", [0, 3, 0, 0, 0, 0, 0, 0, 0]],
  ] as const) {
    t.equal(encodeHex(host.msg(Uint8Array.from(bytes))), version, name);
  }
  t.equal(status(), "6700");
  t.equal(status(0, 3, 0), "6700");
  t.equal(status(0, 3, 0, 0, 1, 7), "6700", "VERSION takes no data");
  t.equal(status(1, 3, 0, 0), "6e00");
  t.equal(status(0, 4, 0, 0), "6d00");
  t.equal(status(0, 1, 0, 0, 2, 7), "6700", "less data than is said");
  t.equal(status(0, 1, 0, 0, 1, 7), "6700", "less than two hashes");
  t.equal(status(0, 1, 0, 0, 0, 0, 2, 7), "6700");
  t.equal(status(0, 2, 7, 0), "6700");
  t.equal(statusWord(host.msg(concatBytes(Uint8Array.of(0, 1, 0, 0, 64), CHALLENGE, APPLICATION))), "9000", "short, with data");
  t.equal(statusWord(host.msg(concatBytes(Uint8Array.of(0, 1, 0, 0, 64), CHALLENGE, APPLICATION, Uint8Array.of(0)))), "9000");
  t.equal(statusWord(host.msg(concatBytes(Uint8Array.of(0, 1, 0, 0, 64), CHALLENGE, APPLICATION, Uint8Array.of(0, 0)))), "6700");
  t.equal(statusWord(host.msg(apdu(2, CHECK, concatBytes(CHALLENGE, APPLICATION, Uint8Array.of(5), new Uint8Array(4))))), "6700");
  t.end();
});
