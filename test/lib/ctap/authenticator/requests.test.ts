import fc from "fast-check";
import t from "tap";
import { concatBytes } from "../../../../src/lib/bytes.ts";
import { cborMap, encodeCbor, parseCbor, type CborValue } from "../../../../src/lib/ctap/cbor.ts";
import { bytes } from "../vectors.ts";
import { asMap, descriptor, DirectHost, DISCOVERABLE, RP_ID, sha256 } from "./direct-host.ts";

const PIN = "1234";

t.test("getInfo", (t) => {
  const host = new DirectHost();
  const answer = host.authenticator.cbor(Uint8Array.of(4), 1).next().value as Uint8Array;
  t.same(parseCbor(answer.subarray(1)).oddities, [], "is canonical");
  t.same(encodeCbor(parseCbor(answer.subarray(1)).value), answer.subarray(1));
  const info = host.info();
  t.same([...info.keys()], [1, 2, 3, 4, 5, 6, 7, 8, 9, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x14]);
  t.same(info.get(1), ["U2F_V2", "FIDO_2_0", "FIDO_2_1"]);
  t.same(Object.fromEntries([...asMap(info.get(4))] as [string, boolean][]), {
    rk: true,
    up: true,
    ep: false,
    alwaysUv: false,
    clientPin: false,
    credMgmt: true,
    authnrCfg: true,
    largeBlobs: true,
    pinUvAuthToken: true,
    setMinPINLength: true,
    makeCredUvNotRqd: true,
  });
  t.same(info.get(6), [2, 1]);
  t.same((info.get(0x0a) as CborValue[]).map((entry) => asMap(entry).get("alg")), [-7, -8, -35]);
  t.end();
});

t.test("what cannot be read", (t) => {
  const host = new DirectHost();
  const status = (hex: string): number => host.raw(bytes(hex)).status;
  t.equal(status("3f"), 0x01, "an unknown command");
  t.equal(status("00"), 0x01);
  t.equal(status("09a0"), 0x01, "fingerprints");
  t.equal(status("40a0"), 0x01);
  t.equal(status("41a0"), 0x14, "credential management, as drafts had it");
  t.equal(status("02"), 0x14, "no parameters");
  t.equal(status("02a0"), 0x14);
  t.equal(status("02a1"), 0x12, "cut off");
  t.equal(status("02a000"), 0x12, "something after the end");
  t.equal(status("0200"), 0x11, "not a map");
  t.equal(status("0280"), 0x11);
  t.equal(status("02a10141ff"), 0x11, "a byte string for a text");
  t.equal(status("02a10200"), 0x14, "what comes first is missed first");
  t.equal(status("02bfff"), 0x12, "of indefinite length");
  t.equal(status("02a101186b"), 0x11);
  t.equal(status("02a1011801"), 0x12, "a long number");
  t.equal(status("02a20260016178"), 0x12, "keys out of order");
  t.equal(status("02a2016178016179"), 0x12, "a key twice");
  t.equal(status("02a101c06178"), 0x12, "a tag");
  t.equal(status("02a1018181818100"), 0x12, "too deep");
  t.equal(status("02a101f7"), 0x12, "undefined");
  t.equal(status("02a101fb3ff8000000000000"), 0x11, "a float");
  t.equal(status("02a1011b0020000000000000"), 0x11, "a number beyond 2^53");
  t.equal(host.raw(concatBytes(Uint8Array.of(2), new Uint8Array(2048))).status, 0x39, "longer than maxMsgSize");
  t.end();
});

/** One good request of each kind, by name. */
function goodRequests(host: DirectHost): readonly (readonly [string, Uint8Array])[] {
  const token = host.mustToken(PIN, { permissions: 0x37, rpId: RP_ID });
  const hash = sha256("client data");
  const id = host.mustMake();
  const user = cborMap(["id", Uint8Array.of(1)], ["name", "a"], ["displayName", "b"]);
  const tunnel = host.tunnel(2);
  const salt = tunnel.encrypt(new Uint8Array(32));
  const hmacSecret = cborMap([1, tunnel.publicKey], [2, salt], [3, tunnel.prove(salt)], [4, 2]);
  const extensions = cborMap(["credBlob", new Uint8Array(3)], ["credProtect", 2], ["hmac-secret", true], ["largeBlobKey", true], ["minPinLength", true]);
  const requests: Readonly<Record<string, readonly [number, CborValue]>> = {
    makeCredential: [
      0x01,
      cborMap([1, hash], [2, cborMap(["id", RP_ID], ["name", "x"])], [3, user], [4, [cborMap(["alg", -7], ["type", "public-key"])]], [5, [descriptor(id)]], [6, extensions], [7, DISCOVERABLE], [8, token.prove(hash)], [9, 2]),
    ],
    getAssertion: [0x02, cborMap([1, RP_ID], [2, hash], [3, [descriptor(id)]], [4, cborMap(["credBlob", true], ["hmac-secret", hmacSecret], ["largeBlobKey", true])], [5, cborMap(["up", true])], [6, token.prove(hash)], [7, 2])],
    getInfo: [0x04, undefined],
    changePin: [0x06, tunnel.request(0x04, [0x04, new Uint8Array(32)], [0x05, new Uint8Array(80)], [0x06, new Uint8Array(32)])],
    getPinToken: [0x06, tunnel.request(0x09, [0x06, new Uint8Array(32)], [0x09, 3], [0x0a, RP_ID])],
    reset: [0x07, undefined],
    getNextAssertion: [0x08, undefined],
    credentialManagement: [0x0a, cborMap([1, 7], [2, cborMap([2, descriptor(id)], [3, user])], [3, 2], [4, new Uint8Array(32)])],
    selection: [0x0b, undefined],
    largeBlobs: [0x0c, cborMap([2, new Uint8Array(17)], [3, 0], [4, 17], [5, new Uint8Array(32)], [6, 2])],
    config: [0x0d, cborMap([1, 3], [2, cborMap([1, 6], [2, [RP_ID]], [3, true])], [3, 2], [4, new Uint8Array(32)])],
  };
  return Object.entries(requests).map(([name, [command, params]]) => [name, concatBytes(Uint8Array.of(command), params === undefined ? new Uint8Array() : encodeCbor(params))]);
}

function newHost(): DirectHost {
  const host = new DirectHost();
  host.setPin(PIN);
  return host;
}

t.test("requests that are cut off", (t) => {
  const host = newHost();
  for (const [name, request] of goodRequests(host)) {
    for (let length = 2; length < request.length; length++) {
      if (host.raw(request.subarray(0, length)).status !== 0x12) t.fail(`${name} of ${length} bytes is taken for CBOR`);
    }
  }
  t.pass("are no CBOR");
  t.end();
});

t.test("requests with changed bytes", (t) => {
  const host = newHost();
  const requests = goodRequests(host);
  const change = fc.tuple(fc.nat(requests.length - 1), fc.array(fc.tuple(fc.nat(), fc.nat(0xff)), { minLength: 1, maxLength: 4 }));
  fc.assert(
    fc.property(change, ([which, changes]) => {
      const request = new Uint8Array(requests[which]![1]);
      for (const [at, byte] of changes) request[at % request.length] = byte;
      const { status } = host.raw(request);
      return status >= 0 && status <= 0x40;
    }),
    { numRuns: 1500 },
  );
  t.pass("are answered");
  t.end();
});

t.test("parameters of other types", (t) => {
  const scalar = fc.oneof(fc.integer(), fc.boolean(), fc.string({ maxLength: 4 }), fc.uint8Array({ maxLength: 40 }), fc.constant(null));
  const item = fc.oneof(scalar, fc.array(scalar, { maxLength: 3 }), fc.array(fc.tuple(fc.oneof(fc.nat(8), fc.constantFrom("id", "type", "alg", "rk", "up", "hmac-secret")), scalar), { maxLength: 4 }).map((entries) => new Map(entries)));
  const params = fc.array(fc.tuple(fc.nat(0x0b), item), { maxLength: 10 }).map((entries) => new Map(entries));
  const host = newHost();
  fc.assert(
    fc.property(fc.nat(0x0e), params, (command, map) => {
      const { status } = host.call(command, map);
      return status >= 0 && status <= 0x40;
    }),
    { numRuns: 1000 },
  );
  t.pass("are answered");
  t.end();
});

t.test("U2F with any bytes", (t) => {
  const host = new DirectHost();
  const request = fc.tuple(fc.constantFrom(0, 1), fc.nat(4), fc.constantFrom(0, 3, 7, 8), fc.uint8Array({ maxLength: 150 }));
  fc.assert(
    fc.property(request, ([cla, ins, p1, body]) => host.msg(concatBytes(Uint8Array.of(cla, ins, p1, 0), body)).length >= 2),
    { numRuns: 500 },
  );
  t.pass("is answered");
  t.end();
});
