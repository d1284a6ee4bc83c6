import t from "tap";
import { cborMap, encodeCbor, type CborMap } from "../../../../src/lib/ctap/cbor.ts";
import { asBytes, asMap, descriptor, DirectHost, DISCOVERABLE, RP_ID, sha256, type Answer, type HostToken, type TokenOptions } from "./direct-host.ts";

const PIN = "1234";
const OTHER = "example.org";
const CREDENTIAL_MANAGEMENT = { permissions: 0x04 };

/** Two credentials for one relying party, one for another. */
function setUp(): { readonly host: DirectHost; readonly ids: readonly Uint8Array[] } {
  const host = new DirectHost();
  const extensions = cborMap(["credProtect", 2], ["largeBlobKey", true]);
  const ids = [
    host.mustMake({ options: DISCOVERABLE, userId: Uint8Array.of(1), userName: "alice", extensions }),
    host.mustMake({ options: DISCOVERABLE, userId: Uint8Array.of(2), userName: "bob" }),
    host.mustMake({ options: DISCOVERABLE, userId: Uint8Array.of(1), rpId: OTHER }),
  ];
  host.setPin(PIN);
  return { host, ids };
}

function manage(host: DirectHost, subcommand: number, params?: CborMap, token: HostToken | undefined = host.mustToken(PIN, CREDENTIAL_MANAGEMENT)): Answer {
  const proof = token.prove(Uint8Array.of(subcommand), params === undefined ? new Uint8Array() : encodeCbor(params));
  return host.call(0x0a, cborMap([1, subcommand], [2, params], [3, token.protocol], [4, proof]));
}

const next = (host: DirectHost, subcommand: number): Answer => host.call(0x0a, cborMap([1, subcommand]));

for (const protocol of [1, 2] as const) {
  t.test(`all of it, under protocol ${protocol}`, (t) => {
    const { host, ids } = setUp();
    const token = host.mustToken(PIN, { ...CREDENTIAL_MANAGEMENT, protocol });
    t.same([...manage(host, 1, undefined, token).map], [[1, 3], [2, 61]]);

    const rps = [manage(host, 2, undefined, token), next(host, 3)];
    t.same([...rps[0]!.map], [[3, cborMap(["id", RP_ID])], [4, sha256(RP_ID)], [5, 2]]);
    t.same([...rps[1]!.map], [[3, cborMap(["id", OTHER])], [4, sha256(OTHER)]]);
    t.equal(next(host, 3).status, 0x30, "no third one");

    const credentials = [manage(host, 4, cborMap([1, sha256(RP_ID)]), token), next(host, 5)];
    t.same(credentials.map(({ map }) => [...map.keys()]), [[6, 7, 8, 9, 0x0a], [6, 7, 8, 0x0a, 0x0b]]);
    t.equal(credentials[0]!.map.get(9), 2);
    t.same(credentials.map(({ map }) => asMap(map.get(7))), [descriptor(ids[1]!), descriptor(ids[0]!)]);
    t.same(credentials.map(({ map }) => map.get(0x0a)), [1, 2]);
    t.equal(asBytes(credentials[1]!.map.get(0x0b)).length, 32);
    t.same(asMap(credentials[1]!.map.get(6)), cborMap(["id", Uint8Array.of(1)], ["name", "alice"], ["displayName", "alice"]));
    t.equal(asMap(credentials[0]!.map.get(8)).get(3), -7);
    t.equal(next(host, 5).status, 0x30);

    t.equal(manage(host, 7, cborMap([2, descriptor(ids[1]!)], [3, cborMap(["id", Uint8Array.of(2)], ["name", "robert"], ["displayName", ""])]), token).status, 0);
    t.same(asMap(manage(host, 4, cborMap([1, sha256(RP_ID)]), token).map.get(6)), cborMap(["id", Uint8Array.of(2)], ["name", "robert"]), "new names, and none where there was an empty one");

    t.equal(manage(host, 6, cborMap([2, descriptor(ids[1]!)]), token).status, 0);
    t.equal(manage(host, 6, cborMap([2, descriptor(ids[1]!)]), token).status, 0x2e, "deletes once");
    t.equal(host.getAssertion({ allow: [ids[1]!] }).status, 0x2e);
    t.same([...manage(host, 1, undefined, token).map], [[1, 2], [2, 62]]);
    t.end();
  });
}

t.test("where there is nothing", (t) => {
  const host = new DirectHost();
  host.setPin(PIN);
  t.same([...manage(host, 1).map], [[1, 0], [2, 64]]);
  t.equal(manage(host, 2).status, 0x2e);
  t.equal(manage(host, 4, cborMap([1, sha256(RP_ID)])).status, 0x2e);
  t.equal(next(host, 3).status, 0x30);
  t.equal(next(host, 5).status, 0x30);
  t.end();
});

t.test("what it takes a token for", (t) => {
  const { host, ids } = setUp();
  const status = (subcommand: number, params: CborMap | undefined, options: TokenOptions): number => manage(host, subcommand, params, host.mustToken(PIN, options)).status;
  const user = cborMap(["id", Uint8Array.of(2)], ["name", "b"]);
  const mine = { permissions: 4, rpId: RP_ID };
  const others = { permissions: 4, rpId: OTHER };
  t.equal(status(1, undefined, { permissions: 0x10 }), 0x33, "a token without the permission");
  t.equal(status(1, undefined, {}), 0x33, "one of getPinToken");
  t.equal(status(1, undefined, mine), 0x33, "one for a relying party says nothing of all");
  t.equal(status(2, undefined, mine), 0x33);
  t.equal(status(4, cborMap([1, sha256(RP_ID)]), mine), 0);
  t.equal(status(4, cborMap([1, sha256(RP_ID)]), others), 0x33);
  t.equal(status(7, cborMap([2, descriptor(ids[1]!)], [3, user]), others), 0x33);
  t.equal(status(7, cborMap([2, descriptor(ids[1]!)], [3, user]), mine), 0);
  t.equal(status(6, cborMap([2, descriptor(ids[1]!)]), others), 0x33);
  t.equal(status(6, cborMap([2, descriptor(ids[1]!)]), mine), 0);
  t.end();
});

t.test("requests", (t) => {
  const { host, ids } = setUp();
  t.equal(host.call(0x0a, cborMap()).status, 0x14);
  t.equal(host.call(0x0a, cborMap([1, 8])).status, 0x3e);
  t.equal(host.call(0x0a, cborMap([1, 1])).status, 0x36, "no proof");
  t.equal(host.call(0x0a, cborMap([1, 1], [4, new Uint8Array(32)])).status, 0x14, "no protocol");
  t.equal(host.call(0x0a, cborMap([1, 1], [3, 2], [4, new Uint8Array(32)])).status, 0x33, "a wrong proof");
  t.equal(manage(host, 4).status, 0x14);
  t.equal(manage(host, 4, cborMap([1, "hash"])).status, 0x11);
  t.equal(manage(host, 6, cborMap()).status, 0x14);
  t.equal(manage(host, 6, cborMap([2, descriptor(new Uint8Array(62))])).status, 0x2e);
  t.equal(manage(host, 7, cborMap([2, descriptor(ids[0]!)])).status, 0x14);
  t.equal(manage(host, 7, cborMap([2, descriptor(ids[0]!)], [3, cborMap(["id", Uint8Array.of(9)])])).status, 0x02, "another user");
  const token = host.mustToken(PIN, CREDENTIAL_MANAGEMENT);
  const proof = token.prove(Uint8Array.of(6), encodeCbor(cborMap([2, descriptor(ids[0]!)])));
  t.equal(host.call(0x0a, cborMap([1, 6], [2, cborMap([2, descriptor(ids[1]!)])], [3, 2], [4, proof])).status, 0x33, "the proof of another request");
  t.end();
});

t.test("long names", (t) => {
  const { host, ids } = setUp();
  const names = (): unknown[] => ["name", "displayName"].map((key) => asMap(manage(host, 4, cborMap([1, sha256(RP_ID)])).map.get(6)).get(key));
  const user = cborMap(["id", Uint8Array.of(2)], ["name", "n".repeat(65)], ["displayName", `${"é".repeat(31)}a🔑`]);
  t.equal(manage(host, 7, cborMap([2, descriptor(ids[1]!)], [3, user])).status, 0);
  t.same(names(), ["n".repeat(64), `${"é".repeat(31)}a`], "are cut after 64 bytes, or before the character that goes beyond");
  t.end();
});

t.test("a listing ends", (t) => {
  const { host } = setUp();
  manage(host, 2);
  t.equal(next(host, 5).status, 0x30, "at the next of another");
  t.equal(next(host, 3).status, 0x30);
  manage(host, 2);
  host.info();
  t.equal(next(host, 3).status, 0x30, "at another command");
  manage(host, 2);
  host.nowMs += 30_000;
  t.equal(next(host, 3).status, 0x30, "in time");
  t.end();
});
