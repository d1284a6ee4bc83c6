import t from "tap";
import { concatBytes } from "../../../../src/lib/bytes.ts";
import { parseAuthenticatorData } from "../../../../src/lib/ctap/authenticator-data.ts";
import { cborMap } from "../../../../src/lib/ctap/cbor.ts";
import type { PinProtocolNumber } from "../../../../src/lib/ctap/pin-protocol.ts";
import { asBytes, asMap, DirectHost, DISCOVERABLE, RP_ID, type Entry, type GetOptions } from "./direct-host.ts";

const PIN = "1234";
const GET_NEXT = 0x08;

/** A host whose card has three discoverable credentials for one relying party, made one after another. */
function withThree(): { readonly host: DirectHost; readonly ids: readonly Uint8Array[] } {
  const host = new DirectHost();
  const ids = [1, 2, 3].map((user) => host.mustMake({ options: DISCOVERABLE, userId: Uint8Array.of(user), userName: `user ${user}` }));
  host.mustMake({ options: DISCOVERABLE, rpId: "example.org" });
  return { host, ids };
}

t.test("several credentials", (t) => {
  const { host, ids } = withThree();
  const first = host.getAssertion();
  t.same([...first.map.keys()], [1, 2, 3, 4, 5]);
  t.equal(first.map.get(5), 3);
  const touches = host.touches.length;
  const others = [host.call(GET_NEXT), host.call(GET_NEXT)];
  for (const { status, map } of others) {
    t.equal(status, 0);
    t.same([...map.keys()], [1, 2, 3, 4]);
  }
  t.equal(host.touches.length, touches, "one touch for all");
  t.same([first, ...others].map(({ map }) => asMap(map.get(1)).get("id")), [...ids].reverse(), "the newest first");
  t.same([first, ...others].map(({ map }) => asMap(map.get(4))), [3, 2, 1].map((user) => cborMap(["id", Uint8Array.of(user)])), "without names, as nobody was verified");
  const counters = [first, ...others].map(({ map }) => parseAuthenticatorData(asBytes(map.get(2))).counter);
  t.same(counters, [counters[0]!, counters[0]! + 1, counters[0]! + 2]);
  t.equal(host.call(GET_NEXT).status, 0x30, "and no more");
  t.end();
});

t.test("getNextAssertion ends", (t) => {
  const { host } = withThree();
  t.equal(host.call(GET_NEXT).status, 0x30, "before any getAssertion");
  host.getAssertion();
  host.info();
  t.equal(host.call(GET_NEXT).status, 0x30, "after another command");
  host.getAssertion();
  t.equal(host.call(GET_NEXT, undefined, 2).status, 0x30, "on another channel");
  host.getAssertion();
  host.nowMs += 29_999;
  t.equal(host.call(GET_NEXT).status, 0);
  host.nowMs += 30_000;
  t.equal(host.call(GET_NEXT).status, 0x30, "30 s after the one before");
  host.getAssertion();
  host.authenticator.powerCycle();
  t.equal(host.call(GET_NEXT).status, 0x30, "without power");
  t.end();
});

t.test("an allow list", (t) => {
  const { host, ids } = withThree();
  const plain = host.mustMake();
  const { map } = host.getAssertion({ allow: [new Uint8Array(62), ids[1]!, ids[0]!] });
  t.same(asMap(map.get(1)).get("id"), ids[1], "the first that it has");
  t.same([...map.keys()], [1, 2, 3, 4]);
  t.same([...host.getAssertion({ allow: [plain] }).map.keys()], [1, 2, 3], "no user where none is kept");
  t.equal(host.getAssertion({ allow: [new Uint8Array(62)] }).status, 0x2e);
  t.equal(host.getAssertion({ allow: ids, rpId: "example.org" }).status, 0x2e, "for another relying party");
  t.equal(host.getAssertion({ allow: [] }).map.get(5), 3, "an empty one counts as none");
  t.equal(host.getAssertion({ allow: Array.from({ length: 17 }, () => plain) }).status, 0x15);
  t.end();
});

t.test("options", (t) => {
  const host = new DirectHost();
  const allow = [host.mustMake()];
  const touches = host.touches.length;
  const silent = host.getAssertion({ allow, options: cborMap(["up", false]) });
  t.match(parseAuthenticatorData(asBytes(silent.map.get(2))).flags, { up: false, uv: false });
  t.equal(host.touches.length, touches, "no touch where none is wanted");
  t.equal(host.getAssertion({ allow, options: cborMap(["rk", true]) }).status, 0x2b);
  t.equal(host.getAssertion({ allow, options: cborMap(["uv", true]) }).status, 0x2c);
  t.equal(host.getAssertion({ rpId: "nobody.example" }).status, 0x2e);
  t.end();
});

t.test("credProtect", (t) => {
  for (const level of [1, 2, 3]) {
    const host = new DirectHost();
    host.setPin(PIN);
    const make = host.mustToken(PIN, { permissions: 1, rpId: RP_ID });
    const id = host.mustMake({ options: DISCOVERABLE, token: make, extensions: cborMap(["credProtect", level]) });
    const status = (options: GetOptions, verified: boolean): number => {
      return host.getAssertion(verified ? { ...options, token: host.mustToken(PIN, { permissions: 2, rpId: RP_ID }) } : options).status;
    };
    t.same(
      { found: status({}, false), named: status({ allow: [id] }, false), foundVerified: status({}, true), namedVerified: status({ allow: [id] }, true) },
      { found: level === 1 ? 0 : 0x2e, named: level === 3 ? 0x2e : 0, foundVerified: 0, namedVerified: 0 },
      `level ${level}`,
    );
    t.equal(host.makeCredential({ exclude: [id] }).status, level === 3 ? 0 : 0x19, `level ${level} in an exclude list`);
    t.equal(host.makeCredential({ exclude: [id], token: host.mustToken(PIN, { permissions: 1, rpId: RP_ID }) }).status, 0x19);
  }
  t.end();
});

t.test("credBlob", (t) => {
  const host = new DirectHost();
  const blob = new Uint8Array(32).fill(7);
  host.mustMake({ options: DISCOVERABLE, extensions: cborMap(["credBlob", blob]) });
  const read = (options: GetOptions) => parseAuthenticatorData(asBytes(host.getAssertion(options).map.get(2))).extensions?.get("credBlob");
  t.same(read({ extensions: cborMap(["credBlob", true]) }), blob);
  t.equal(read({ extensions: cborMap(["credBlob", false]) }), undefined);
  t.same(read({ allow: [host.mustMake()], extensions: cborMap(["credBlob", true]) }), new Uint8Array(), "empty where there is none");
  t.end();
});

t.test("the user's names are for verified users", (t) => {
  const host = new DirectHost();
  host.mustMake({ options: DISCOVERABLE });
  host.setPin(PIN);
  const user = asMap(host.getAssertion({ token: host.mustToken(PIN, { permissions: 2, rpId: RP_ID }) }).map.get(4));
  t.same([...user.keys()].sort(), ["displayName", "id", "name"]);
  t.end();
});

for (const protocol of [1, 2] as const) {
  t.test(`hmac-secret under protocol ${protocol}`, (t) => {
    const host = new DirectHost();
    const id = host.mustMake({ extensions: cborMap(["hmac-secret", true]) });
    const plain = host.mustMake();
    const salts = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)] as const;
    const one = hmacSecret(host, protocol, [salts[0]], { allow: [id] });
    const two = hmacSecret(host, protocol, salts, { allow: [id] });
    t.equal(one.secrets!.length, 32);
    t.equal(two.secrets!.length, 64);
    t.same(two.secrets!.subarray(0, 32), one.secrets, "the same salt gives the same secret");
    t.notSame(two.secrets!.subarray(32), one.secrets, "another one another");
    t.equal(hmacSecret(host, protocol, [salts[0]], { allow: [plain] }).secrets, undefined, "not for a credential that was made without");

    host.setPin(PIN);
    const verified = hmacSecret(host, protocol, [salts[0]], { allow: [id], token: host.mustToken(PIN, { permissions: 2, rpId: RP_ID }) });
    t.notSame(verified.secrets, one.secrets, "a verified user has others");

    t.equal(hmacSecret(host, protocol, [salts[0]], { allow: [id], options: cborMap(["up", false]) }).status, 0x2b, "not without a touch");
    t.equal(hmacSecret(host, protocol, [new Uint8Array(16)], { allow: [id] }).status, 0x03);
    t.equal(hmacSecret(host, protocol, [...salts, salts[0]], { allow: [id] }).status, 0x03);
    t.equal(hmacSecret(host, protocol, [salts[0]], { allow: [id] }, true).status, 0x33, "a wrong proof");
    t.end();
  });
}

function hmacSecret(host: DirectHost, protocol: PinProtocolNumber, salts: readonly Uint8Array[], options: GetOptions, spoil = false) {
  const tunnel = host.tunnel(protocol);
  const saltEnc = tunnel.encrypt(concatBytes(...salts));
  const proof = tunnel.prove(saltEnc);
  if (spoil) proof[0]! ^= 1;
  const input = cborMap([1, tunnel.publicKey], [2, saltEnc], [3, proof], [4, protocol === 1 ? undefined : protocol]);
  const { status, map } = host.getAssertion({ ...options, extensions: cborMap(["hmac-secret", input]) });
  const output = status === 0 ? parseAuthenticatorData(asBytes(map.get(2))).extensions?.get("hmac-secret") : undefined;
  return { status, secrets: output instanceof Uint8Array ? tunnel.decrypt(output) : undefined };
}

t.test("hmac-secret with a broken input", (t) => {
  const host = new DirectHost();
  const id = host.mustMake({ extensions: cborMap(["hmac-secret", true]) });
  const tunnel = host.tunnel(1);
  const saltEnc = tunnel.encrypt(new Uint8Array(32));
  const status = (...entries: readonly Entry[]): number => host.getAssertion({ allow: [id], extensions: cborMap(["hmac-secret", cborMap(...entries)]) }).status;
  t.equal(status([1, tunnel.publicKey], [2, saltEnc]), 0x14);
  t.equal(status([2, saltEnc], [3, tunnel.prove(saltEnc)]), 0x14);
  t.equal(status([1, cborMap([1, 2])], [2, saltEnc], [3, tunnel.prove(saltEnc)]), 0x02, "no key");
  t.equal(status([1, new Map([...tunnel.publicKey, [-2, new Uint8Array(32)]])], [2, saltEnc], [3, tunnel.prove(saltEnc)]), 0x02, "a point off the curve");
  t.equal(status([1, tunnel.publicKey], [2, saltEnc], [3, tunnel.prove(saltEnc)], [4, 3]), 0x02, "an unknown protocol");
  t.equal(status([1, tunnel.publicKey], [2, "salt"], [3, tunnel.prove(saltEnc)]), 0x11);
  const odd = new Uint8Array(33);
  t.equal(status([1, tunnel.publicKey], [2, odd], [3, tunnel.prove(odd)]), 0x33, "not whole blocks");
  t.equal(host.getAssertion({ allow: [id], extensions: cborMap(["hmac-secret", true]) }).status, 0x11);
  t.end();
});
