import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import t, { type Test } from "tap";
import { concatBytes } from "../../../../src/lib/bytes.ts";
import { encodeCbor, type CborValue } from "../../../../src/lib/ctap/cbor.ts";
import { encodeMessage } from "../../../../src/lib/ctap/packet.ts";
import { parseTrace } from "../../../../src/lib/ctap/trace/parse.ts";
import { redactTrace } from "../../../../src/lib/ctap/trace/redact.ts";
import type { Report } from "../../../../src/lib/ctap/trace/report.ts";
import { showTrace } from "../../../../src/lib/ctap/trace/show.ts";
import { encodeJsonLine } from "../../../../src/lib/text.ts";
import { anyCbor } from "../arbitraries.ts";
import { bytes, hex } from "../vectors.ts";
import { fileOf, record, TRANSCRIPTS } from "./conversations.ts";
import { newFidoDebug } from "./fido-debug.ts";
import { bytesIn, secretsIn, type Secret } from "./secrets.ts";

function redact(lines: readonly string[]): readonly string[] {
  return redactTrace(parseTrace(fileOf(lines))).map(encodeJsonLine);
}

async function redactReports(reports: readonly Report[]): Promise<readonly string[]> {
  return redact(await record(reports));
}

function reportsOf(lines: readonly string[]): readonly Report[] {
  return parseTrace(fileOf(lines)).events.flatMap((event) => (event.kind === "report" ? [event.report] : []));
}

/** Eight bytes in a row are no accident. */
const WINDOW = 8;

/** Asserts that nothing of any secret is left: no eight bytes of the long ones, and the short ones not whole. */
function checkGone(t: Test, lines: readonly string[], secrets: readonly Secret[], open: readonly Uint8Array[] = []): void {
  const windows = new Set<string>();
  for (const readable of bytesIn(lines)) for (let at = 0; at + WINDOW <= readable.length; at++) windows.add(readable.toString("latin1", at, at + WINDOW));
  const allowed = new Set(open.flatMap((bytes) => windowsOf(bytes)));
  const found = secrets.filter(({ bytes }) => windowsOf(bytes).some((window) => windows.has(window) && !allowed.has(window) && !/^(.)\1+$/s.test(window)));
  t.same(found.map(({ what }) => what), [], "nothing of any secret is left");
}

function windowsOf(bytes: Uint8Array): readonly string[] {
  const buffer = Buffer.from(bytes);
  return Array.from({ length: Math.max(0, bytes.length - WINDOW + 1) }, (_, at) => buffer.toString("latin1", at, at + WINDOW));
}

/** SHA-256 of the rp id, which some firmware writes into its credential ids. */
const RP_ID_HASH = createHash("sha256").update("example.com").digest();

/** What stays and is a part of secrets too: of user names, credential ids, key handles and certificates. */
const OPEN = [
  Buffer.from("example.com"),
  RP_ID_HASH,
  createHash("sha256").update("https://example.com").digest(),
  bytes("100680ad546ce6a577f42f52df33b4cfdca756859e664b8d7de329b150d09ce9"),
  bytes("244eb29ee0904e4981fe1f20f8d3b8f4"),
];

for (const [name, reports] of TRANSCRIPTS) {
  t.test(`${name}: no secret is left, and the structure is`, async (t) => {
    const secrets = secretsIn(reports);
    t.ok(secrets.length > 60, `${secrets.length} secrets`);
    for (const what of ["user name", "credential id", "key handle", "token", "clientPIN 6", "pinUvAuthParam", "certificate", "public key -2", "signature"]) t.ok(secrets.some((secret) => secret.what === what), what);
    const original = await record(reports);
    const redacted = redact(original);
    checkGone(t, redacted, secrets, OPEN);
    for (const name of ["alice", "Alice", "Example"]) t.notOk(redacted.join("").includes(name), name);

    const found = reportsOf(redacted);
    t.equal(found.length, reports.length);
    for (const [i, report] of reports.entries()) {
      assert.equal(found[i]?.direction, report.direction);
      const head = report.bytes[4]! >= 0x80 ? 7 : 5;
      assert.equal(hex(found[i].bytes.subarray(0, head)), hex(report.bytes.subarray(0, head)), "headers stay");
    }
    // Names of commands, keys and status stay, and the order of everything.
    const shape = (lines: readonly string[]): readonly string[] => [...showTrace(parseTrace(fileOf(lines)))].filter((line) => !line.includes("redacted: ")).map((line) => line.replaceAll(/[0-9a-f]{8,}/g, (digits) => "x".repeat(digits.length)).replaceAll(/"[^"]*"$/g, '""').replaceAll(/: [0-9a-f]{2,}/g, ": x"));
    const before = shape(original);
    const after = shape(redacted);
    t.equal(after.length, before.length);
    const lost = after.filter((line, i) => line !== before[i] && !/data: |h'|ping|"id"|name|Name|memory|opened/.test(line));
    t.same(lost, []);
    t.notMatch(after.join("\n"), /problem/);
  });

  t.test(`${name}: the same key has the same digest, wherever it is`, async (t) => {
    const digests = new Map<string, Set<string>>();
    const redacted = reportsOf(await redactReports(reports));
    const after = secretsIn(redacted);
    for (const [i, { what, bytes }] of secretsIn(reports).entries()) {
      assert.equal(after[i]?.what, what, "found again in the same place");
      assert.equal(after[i].bytes.length, bytes.length);
      if (what.startsWith("public key ") || what === "certificate") digests.set(hex(bytes), (digests.get(hex(bytes)) ?? new Set()).add(hex(after[i].bytes)));
    }
    t.ok(digests.size > 4);
    for (const [key, found] of digests) {
      const digest = createHash("sha256").update(bytes(key)).digest("hex");
      // A certificate keeps its head, 30 82 and two bytes of length.
      const head = key.length > 64 ? key.slice(0, 8) : "";
      t.same([...found], [head + digest.repeat(Math.ceil(key.length / 64)).slice(0, key.length - head.length)]);
    }
  });

  t.test(`${name} as FIDO_DEBUG`, async (t) => {
    const told = reports.filter(({ direction, bytes }) => direction === "to-card" || bytes[4] !== 0xbb);
    const redacted = redact(["fido_dev_open: /home/alice/x", ...newFidoDebug(told), "decode_attcred: buf=0x1, len=8", "0000: de ad be ef de ad be ef"]);
    checkGone(t, redacted, [...secretsIn(reports), { what: "a dump of something else", bytes: bytes("deadbeefdeadbeef") }, { what: "a line", bytes: Buffer.from("/home/alice/x") }], OPEN);
    t.match(JSON.parse(redacted[0] ?? ""), { event: "open", trace: 1, device: "FIDO_DEBUG" });
    t.same(reportsOf(redacted).map(({ bytes }) => hex(bytes)), reportsOf(await redactReports(told)).map(({ bytes }) => hex(bytes)));
  });
}

t.test("a trace that was redacted can be redacted again, and nothing hidden changes", async (t) => {
  for (const [, reports] of TRANSCRIPTS) {
    const once = await redactReports(reports);
    const twice = redact(once);
    t.equal(twice.length, once.length);
    t.ok(once.every((line, i) => line.length <= twice[i]!.length), "what was said to be redacted is still said");
  }
});

function message(direction: Report["direction"], command: number, data: Uint8Array, channel = 1): readonly Report[] {
  return encodeMessage(channel, command, data).map((bytes) => ({ direction, bytes }));
}

function request(command: number, params?: CborValue): readonly Report[] {
  return message("to-card", 0x10, concatBytes(Uint8Array.of(command), params === undefined ? new Uint8Array() : encodeCbor(params)));
}

function answer(body: CborValue, status = 0): readonly Report[] {
  return message("from-card", 0x10, concatBytes(Uint8Array.of(status), encodeCbor(body)));
}

const map = (...entries: readonly (readonly [CborValue, CborValue])[]): CborValue => new Map(entries);

/** 32 bytes that are found again wherever they are left. */
const SECRET = Uint8Array.from({ length: 32 }, (_, i) => 0x61 + (i % 26));
const TEXT = Buffer.from(SECRET).toString();

/** authData with an hmac-secret output and a credential blob. */
const AUTH_DATA = concatBytes(RP_ID_HASH, bytes("8500000001"), encodeCbor(map(["hmac-secret", SECRET], ["credBlob", SECRET], ["x-vendor", SECRET], [`${TEXT} `, SECRET])));

t.test("no place of a message lets a secret through", async (t) => {
  const cases: Readonly<Record<string, readonly Report[]>> = {
    "makeCredential: user and rp name": request(1, map([2, map(["id", "example.com"], ["name", TEXT], ["icon", TEXT])], [3, map(["id", SECRET], ["name", TEXT], ["displayName", TEXT], ["icon", TEXT])])),
    "makeCredential: exclude list": request(1, map([5, [map(["id", SECRET], ["type", "public-key"])]])),
    "makeCredential: extensions": request(1, map([6, map(["credBlob", SECRET], ["hmac-secret", map([1, map([-2, SECRET])], [2, SECRET], [3, SECRET])], ["x-vendor", SECRET], ["y", TEXT], ["z", map([1, SECRET])])])),
    "makeCredential: a hash of another length": request(1, map([1, concatBytes(SECRET, SECRET)])),
    "makeCredential: enterprise attestation and unsigned outputs": [...request(1), ...answer(map([4, SECRET], [6, map(["prf", SECRET])], [5, SECRET]))],
    "makeCredential: attestation statements of every kind": [...request(1), ...answer(map([1, "tpm"], [3, map(["ver", TEXT], ["certInfo", SECRET], ["pubArea", SECRET], ["sig", SECRET], ["x5c", [SECRET]], ["ecdaaKeyId", SECRET])]))],
    "getAssertion: allow list and salt": request(2, map([3, [map(["id", SECRET])]], [4, map(["hmac-secret", map([1, map([-1, SECRET], [-2, SECRET], [-3, SECRET])], [2, SECRET], [3, SECRET])])], [6, SECRET])),
    "getAssertion: outputs": [...request(2, map([1, "example.com"])), ...answer(map([1, map(["id", SECRET])], [2, AUTH_DATA], [3, SECRET], [4, map(["id", SECRET], ["name", TEXT])], [7, SECRET]))],
    "getNextAssertion": [...request(8), ...answer(map([1, map(["id", SECRET])], [2, AUTH_DATA], [3, SECRET], [4, map(["displayName", TEXT])]))],
    "clientPIN": request(6, map([3, map([1, 2], [3, -25], [-1, 1], [-2, SECRET], [-3, SECRET])], [4, SECRET], [5, SECRET], [6, SECRET], [7, SECRET])),
    "clientPIN: token": [...request(6, map([2, 9])), ...answer(map([2, SECRET], [1, map([-2, SECRET])]))],
    "bioEnrollment": [...request(9, map([3, map([1, SECRET], [2, TEXT])], [5, SECRET])), ...answer(map([4, SECRET], [7, [map([1, SECRET], [2, TEXT])]]))],
    "credentialManagement": [...request(0x0a, map([2, map([2, map(["id", SECRET])], [3, map(["name", TEXT])])], [4, SECRET])), ...answer(map([3, map(["name", TEXT])], [4, SECRET], [6, map(["id", SECRET])], [7, map(["id", SECRET])], [8, map([-1, SECRET], [-2, SECRET])], [0xb, SECRET]))],
    "preview of credentialManagement": [...request(0x41, map([4, SECRET])), ...answer(map([7, map(["id", SECRET])], [0xb, SECRET]))],
    "preview of bioEnrollment": [...request(0x40, map([5, SECRET])), ...answer(map([4, SECRET]))],
    "largeBlobs": [...request(0x0c, map([2, concatBytes(SECRET, SECRET)], [5, SECRET])), ...answer(map([1, SECRET]))],
    "config": request(0x0d, map([1, 0xff], [2, map([1, SECRET], [7, TEXT])], [4, SECRET])),
    "getInfo: identifiers": [...request(4), ...answer(map([3, SECRET], [0x19, SECRET], [0x1e, SECRET], [0x1c, SECRET], [99, SECRET], [100, TEXT]))],
    "getInfo: texts where none are expected": [...request(4), ...answer(map([4, map([`${TEXT} `, true], ["rk", TEXT])], [5, TEXT], [0x13, map(["FIPS", TEXT])]))],
    "commands of vendors": [...request(0x50, map([1, SECRET], [TEXT, TEXT])), ...answer(map([1, SECRET]))],
    "an answer whose request was not seen": answer(map([1, TEXT], [2, SECRET], [3, SECRET], [4, SECRET])),
    "a second answer": [...request(4), ...answer(map([5, 1])), ...answer(map([2, SECRET]))],
    "an answer with an error": [...request(6), ...answer(map([2, SECRET]), 0x31)],
    "Qubes' CTAP proxy": [...request(6), ...message("from-card", 0x03, concatBytes(bytes("00"), encodeCbor(map([2, SECRET]))))],
    "a text in chunks": message("to-card", 0x10, concatBytes(bytes("01a103a1646e616d657f7820"), SECRET, bytes("ff"))),
    "bytes in chunks": message("to-card", 0x10, concatBytes(bytes("06a1065f5820"), SECRET, bytes("ff"))),
    "a hash in chunks": message("to-card", 0x10, concatBytes(bytes("01a1015f50"), SECRET.subarray(0, 16), bytes("50"), SECRET.subarray(16), bytes("ff"))),
    "CBOR cut off": message("to-card", 0x10, concatBytes(bytes("01a10158ff"), SECRET)),
    "bytes after the CBOR": message("to-card", 0x10, concatBytes(bytes("04a0"), SECRET)),
    "a tag": message("to-card", 0x10, concatBytes(bytes("01a101c05820"), SECRET)),
    "a key": request(1, map([SECRET, 1], [TEXT, 1])),
    "numbers": request(0x50, [...SECRET].map((byte) => byte)),
    "long numbers": request(0x50, [new DataView(SECRET.buffer).getBigUint64(0), -1n - new DataView(SECRET.buffer).getBigUint64(8)]),
    "floats": message("to-card", 0x10, concatBytes(bytes("04fb"), SECRET.subarray(0, 8))),
    "authenticator data that is none": [...request(2), ...answer(map([2, concatBytes(SECRET, SECRET)]))],
    "authenticator data with more after it": [...request(2, map([1, "example.com"])), ...answer(map([2, concatBytes(RP_ID_HASH, bytes("0100000001"), SECRET)]))],
    "authenticator data of no known rp id": [...request(2), ...answer(map([2, concatBytes(SECRET, bytes("0100000001"))]))],
    "authenticator data whose key cannot be read": [...request(1, map([2, map(["id", "example.com"])])), ...answer(map([2, concatBytes(RP_ID_HASH, bytes("4100000001"), new Uint8Array(16), bytes("0001aaff"), SECRET)]))],
    "authenticator data whose credential id is longer than all": [...request(1, map([2, map(["id", "example.com"])])), ...answer(map([2, concatBytes(RP_ID_HASH, bytes("4100000001"), new Uint8Array(16), bytes("ffff"), SECRET)]))],
    "PING": [...message("to-card", 0x01, SECRET), ...message("from-card", 0x01, SECRET)],
    "commands of CTAPHID of vendors": [...message("to-card", 0x41, SECRET), ...message("from-card", 0x41, SECRET)],
    "more than INIT has": [...message("to-card", 0x06, concatBytes(new Uint8Array(8), SECRET)), ...message("from-card", 0x06, concatBytes(new Uint8Array(17), SECRET))],
    "more than KEEPALIVE, ERROR, LOCK and WINK have": [0x3b, 0x3f, 0x04, 0x08, 0x11].flatMap((command) => message("from-card", command, concatBytes(bytes("01"), SECRET))),
    "a message not ended": message("to-card", 0x10, concatBytes(bytes("01"), SECRET, new Uint8Array(100))).slice(0, 1),
    "a message that begins twice": [...message("to-card", 0x10, concatBytes(bytes("01"), SECRET, new Uint8Array(100))).slice(0, 1), ...request(4)],
    "a packet alone": message("from-card", 0x10, concatBytes(new Uint8Array(57), SECRET)).slice(1),
    "a packet that was sent twice": (([first, second]) => [first!, second!, second!])(message("from-card", 0x10, concatBytes(new Uint8Array(57), SECRET, new Uint8Array(60)))),
    "other lengths of report": [{ direction: "from-card", bytes: SECRET }, { direction: "to-card", bytes: concatBytes(new Uint8Array(64), SECRET) }],
    "what fills a report up": [{ direction: "from-card", bytes: concatBytes(bytes("00000001bb000102"), SECRET, new Uint8Array(24)) }],
    "other channels": [...message("from-card", 0x10, concatBytes(bytes("00"), encodeCbor(map([2, SECRET]))), 7), ...message("from-card", 0x03, concatBytes(SECRET, bytes("9000")), 7)],
    "U2F: a key handle": message("to-card", 0x03, concatBytes(bytes("00020300000061"), new Uint8Array(64), bytes("20"), SECRET, bytes("0000"))),
    "U2F: a key handle in a short APDU": message("to-card", 0x03, concatBytes(bytes("0002030061"), new Uint8Array(64), bytes("20"), SECRET)),
    "U2F: an APDU whose lengths do not fit": message("to-card", 0x03, concatBytes(bytes("00020300000099"), new Uint8Array(64), SECRET)),
    "U2F: an unknown instruction": [...message("to-card", 0x03, concatBytes(bytes("00400000000020"), SECRET)), ...message("from-card", 0x03, concatBytes(SECRET, bytes("9000")))],
    "U2F: a registration that is none": [...message("to-card", 0x03, concatBytes(bytes("00010000000040"), new Uint8Array(64))), ...message("from-card", 0x03, concatBytes(bytes("05"), SECRET, SECRET, SECRET, bytes("9000")))],
    "U2F: a version that is none": [...message("to-card", 0x03, bytes("00030000000000")), ...message("from-card", 0x03, concatBytes(SECRET, bytes("9000")))],
    "U2F: an answer whose request was not seen": message("from-card", 0x03, concatBytes(SECRET, bytes("9000"))),
  };
  for (const [name, reports] of Object.entries(cases)) {
    const original = await record(reports);
    assert(bytesIn(original).some((readable) => readable.includes(TEXT.slice(0, WINDOW))) || name.includes("numbers"), `${name}: the secret is there before`);
    const redacted = redact(original);
    const windows = windowsOf(SECRET);
    const left = bytesIn(redacted).filter((readable) => windows.some((window) => readable.includes(window, 0, "latin1")));
    t.same(left.map(String), [], name);
    t.equal(reportsOf(redacted).length, reports.length);
    t.same(reportsOf(redacted).map(({ bytes }) => bytes.length), reports.map(({ bytes }) => bytes.length));
    t.ok(redacted.some((line) => line.includes('"redacted":[')), `${name}: and it is said`);
  }
  t.notOk(redact(await record(cases.numbers ?? [])).some((line) => JSON.stringify(JSON.parse(line)).includes("97,98,99")));
});

t.test("any CBOR at any place keeps its structure, and no string that is not known to be harmless", async (t) => {
  const commands = fc.constantFrom(0x01, 0x02, 0x06, 0x08, 0x09, 0x0a, 0x0c, 0x0d, 0x41, 0x50);
  const place = fc.integer({ min: 1, max: 12 });
  await fc.assert(
    fc.asyncProperty(commands, place, anyCbor, fc.boolean(), async (command, place, value, isAnswer) => {
      const hidden = map([place, [value, SECRET, `${TEXT} `, map(["id", SECRET], [2, SECRET], [-2, SECRET])]]);
      const reports = isAnswer ? [...request(command), ...answer(hidden)] : request(command, hidden);
      const redacted = await redactReports(reports);
      const windows = windowsOf(SECRET);
      for (const readable of bytesIn(redacted)) assert(!windows.some((window) => readable.includes(window, 0, "latin1")));
      assert.equal(reportsOf(redacted).length, reports.length);
      assert(!redacted.some((line) => "problem" in (JSON.parse(line) as object)), "what was CBOR is CBOR");
    }),
    { numRuns: 400 },
  );
  t.end();
});

t.test("what a maintainer needs is left", async (t) => {
  const info = map([1, ["FIDO_2_1"]], [3, bytes("000102030405060708090a0b0c0d0e0f")], [4, map(["rk", true], ["clientPin", false])], [5, 1200], [6, [2, 1]], [99, 7]);
  const hash = Uint8Array.from({ length: 32 }, (_, i) => i);
  const reports = [
    ...request(4),
    ...answer(info),
    ...request(1, map([1, hash], [2, map(["id", "example.com"])], [4, [map(["alg", -7], ["type", "public-key"])]], [7, map(["rk", true])], [9, 2])),
    ...answer(map([1, "packed"], [2, concatBytes(RP_ID_HASH, bytes("0500000007"))], [3, map(["alg", -7], ["sig", SECRET])])),
    ...request(6, map([1, 2], [2, 9], [9, 5], [10, "example.com"])),
    ...answer(map([3, 8]), 0),
  ];
  const lines = (await redactReports(reports)).map((line) => JSON.parse(line) as Record<string, unknown>);
  const found = lines.find(({ name, direction, cbor }) => name === "authenticatorGetInfo" && direction === "from-card" && cbor !== undefined);
  t.match(found?.cbor, { 1: ["FIDO_2_1"], 3: "AAECAwQFBgcICQoLDA0ODw", 4: { rk: true, clientPin: false }, 5: 1200, 6: [2, 1], 99: 7 });
  const made = lines.filter(({ name }) => name === "authenticatorMakeCredential").map(({ cbor }) => cbor);
  t.match(made[0], { 1: Buffer.from(hash).toString("base64url"), 2: { id: "example.com" }, 4: [{ alg: -7, type: "public-key" }], 7: { rk: true }, 9: 2 });
  t.match(made[1], { 1: "packed", 2: Buffer.concat([RP_ID_HASH, bytes("0500000007")]).toString("base64url"), 3: { alg: -7, sig: Buffer.alloc(32).toString("base64url") } });
  const pin = lines.filter(({ name }) => name === "authenticatorClientPIN").map(({ cbor }) => cbor);
  t.match(pin, [{ 1: 2, 2: 9, 9: 5, 10: "example.com" }, { 3: 8 }]);
  t.equal(found?.redacted, undefined, "and nothing is said to be redacted that is not");
});

t.test("device and errors without names of persons", (t) => {
  const device = (name: string): unknown => (JSON.parse(redact([`{"event":"open","trace":1,"device":${JSON.stringify(name)}}`])[0] ?? "") as { device: string }).device;
  t.equal(device("hidraw:/dev/hidraw3"), "hidraw:/dev/hidraw3");
  t.equal(device("virtual:/home/alice/state"), "virtual:");
  t.equal(device("udp:alice.example:8111"), "udp:");
  t.equal(device("hidraw:/home/alice/dev/hidraw3"), "hidraw:");
  t.equal(device("/home/alice"), "");
  t.same(redact(['{"event":"error","code":"CTAP_DEVICE_LOST","message":"/home/alice is gone"}']), ['{"event":"error","code":"CTAP_DEVICE_LOST"}']);
  t.end();
});
