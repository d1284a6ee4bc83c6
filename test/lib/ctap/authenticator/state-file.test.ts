import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { CtapError, KeyholeError } from "../../../../src/lib/errors.ts";
import { cborMap } from "../../../../src/lib/ctap/cbor.ts";
import { FileStore } from "../../../../src/lib/ctap/authenticator/state-file.ts";
import { listing, temporaryDirectory } from "../../../support/keyhole.ts";
import { DirectHost, DISCOVERABLE, RP_ID, sha256 } from "./direct-host.ts";

const PIN = "1234";

function errorOf(run: () => unknown): KeyholeError | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof KeyholeError) return error;
    throw error;
  }
}

t.test("what a card keeps", (t) => {
  const directory = temporaryDirectory(t);
  const path = join(directory, "state");
  const host = new DirectHost(new FileStore(path));
  t.equal(statSync(path).mode & 0o777, 0o600);
  const plain = host.mustMake();
  const stored = host.mustMake({ options: DISCOVERABLE, extensions: cborMap(["credBlob", Uint8Array.of(1)]) });
  const contents = new Uint8Array(10);
  const blobs = new Uint8Array([...contents, ...sha256(contents).subarray(0, 16)]);
  host.ok(0x0c, cborMap([2, blobs], [3, 0], [4, blobs.length]));
  host.ok(0x0d, cborMap([1, 3], [2, cborMap([1, 4], [2, [RP_ID]])]));
  host.ok(0x0d, cborMap([1, 2]));
  host.setPin(PIN);
  host.token("0000");
  t.same(listing(directory), ["state"], "leaves nothing else behind");
  t.equal(statSync(path).mode & 0o777, 0o600);
  const text = readFileSync(path, "utf8");
  t.notOk(text.includes(PIN), "not the PIN itself");

  const next = new DirectHost(new FileStore(path));
  t.same([next.option("clientPin"), next.option("alwaysUv")], [true, true]);
  t.equal(next.retries().get(3), 7, "wrong PINs count on");
  t.same(next.ok(0x0c, cborMap([1, 100], [3, 0])).get(1), blobs);
  const token = () => next.mustToken(PIN, { permissions: 2, rpId: RP_ID });
  const counters = [plain, stored].map((id) => {
    const { status, map } = next.getAssertion({ allow: [id], token: token() });
    t.equal(status, 0);
    const authData = map.get(2) as Uint8Array;
    return new DataView(authData.buffer, authData.byteOffset).getUint32(33);
  });
  t.same(counters, [3, 4], "the counter goes on");
  t.end();
});

t.test("changes are there before the answer is", (t) => {
  const path = join(temporaryDirectory(t), "state");
  const host = new DirectHost(new FileStore(path));
  const conversation = host.authenticator.cbor(Uint8Array.of(0x0d, 0xa1, 0x01, 0x02), 1);
  conversation.next();
  t.match(JSON.parse(readFileSync(path, "utf8")), { alwaysUv: true });
  t.end();
});

t.test("two cards with one file", (t) => {
  const path = join(temporaryDirectory(t), "state");
  const [a, b] = [new DirectHost(new FileStore(path)), new DirectHost(new FileStore(path))];
  const first = a.mustMake({ options: DISCOVERABLE, userId: Uint8Array.of(1) });
  b.mustMake({ options: DISCOVERABLE, userId: Uint8Array.of(2) });
  t.equal(a.getAssertion().map.get(5), 2, "see each other's credentials");
  a.setPin(PIN);
  for (const host of [a, b, a, b, a, b, a, b]) {
    host.token("0000");
    host.authenticator.powerCycle();
  }
  t.equal(a.token(PIN), 0x32, "and count wrong PINs together");
  t.equal(b.getAssertion({ allow: [first] }).status, 0);
  t.end();
});

t.test("a reset while another card waits for a touch", (t) => {
  const path = join(temporaryDirectory(t), "state");
  const [a, b] = [new DirectHost(new FileStore(path)), new DirectHost(new FileStore(path))];
  const id = a.mustMake();
  const waiting = a.authenticator.msg(Uint8Array.from([0, 1, 0, 0, 64, ...new Uint8Array(64)]));
  t.equal(waiting.next().done, false);
  b.ok(0x07);
  const { value } = waiting.next();
  const registration = value as Uint8Array;
  t.same([...registration.subarray(-2)], [0x90, 0]);
  const handle = registration.subarray(67, 67 + registration[66]!);
  const check = (host: DirectHost, keyHandle: Uint8Array) => [...host.msg(Uint8Array.from([0, 2, 7, 0, 65 + keyHandle.length, ...new Uint8Array(64), keyHandle.length, ...keyHandle]))];
  t.same(check(b, handle), [0x69, 0x85], "makes its credential for the new owner");
  t.equal(b.getAssertion({ allow: [id] }).status, 0x2e);
  t.end();
});

t.test("files that are not its own", (t) => {
  const directory = temporaryDirectory(t);
  const path = join(directory, "state");
  new FileStore(path);
  const whole = readFileSync(path, "utf8");
  const cases: Readonly<Record<string, string | Uint8Array>> = {
    empty: "",
    "of another kind": "an SSH key, perhaps",
    "of bytes": Uint8Array.of(0xff, 0xfe, 0),
    "of other JSON": `{"deviceKey":"AAAA"}`,
    "of another version": whole.replace("virtual-1", "virtual-2"),
    "cut off": whole.slice(0, -10),
    "with a field too many": whole.replace("{", `{"more":1,`),
    "with a short key": whole.replace(/"deviceKey": "..../, `"deviceKey": "`),
    "with too many retries": whole.replace(`"pinRetries": 8`, `"pinRetries": 9`),
  };
  for (const [name, contents] of Object.entries(cases)) {
    const other = join(directory, "other");
    writeFileSync(other, contents);
    const error = errorOf(() => new FileStore(other));
    t.type(error, CtapError);
    t.match(error, { code: "CTAP_STATE", kind: "input" }, name);
    t.notMatch(error!.message, /[A-Za-z0-9_-]{20}/, "says nothing of what is in it");
    t.same(readFileSync(other), Buffer.from(contents), "is left as it was");
  }
  mkdirSync(join(directory, "directory"));
  t.match(errorOf(() => new FileStore(join(directory, "directory"))), { code: "FILE_READ", kind: "input" });
  t.match(errorOf(() => new FileStore(join(directory, "no", "directory"))), { code: "FILE_WRITE", kind: "outside" });
  execFileSync("mkfifo", [join(directory, "pipe")]);
  t.match(errorOf(() => new FileStore(join(directory, "pipe"))), { code: "FILE_READ", kind: "input" }, "a pipe is not waited for");
  writeFileSync(join(directory, "long"), Buffer.alloc(2 ** 21));
  t.match(errorOf(() => new FileStore(join(directory, "long"))), { code: "FILE_TOO_LONG", kind: "input" });
  t.end();
});

t.test("a file that is taken away or spoilt meanwhile", (t) => {
  const path = join(temporaryDirectory(t), "state");
  const host = new DirectHost(new FileStore(path));
  writeFileSync(path, "{}");
  t.throws(() => host.info(), { code: "CTAP_STATE" });
  t.equal(existsSync(`${path}.lock`), false);
  t.end();
});

t.test("a file that another process has", (t) => {
  const path = join(temporaryDirectory(t), "state");
  const store = new FileStore(path);
  writeFileSync(`${path}.lock`, "");
  t.match(errorOf(() => store.run(() => t.fail("it ran"))), { code: "FILE_LOCKED", message: /0\.9 seconds/ }, "is not waited for longer than a Ctrl-C may");
  t.end();
});

t.test("a state too long to be read again", (t) => {
  const path = join(temporaryDirectory(t), "state");
  const store = new FileStore(path);
  const before = readFileSync(path);
  const error = errorOf(() =>
    void store.run((state) => {
      state.minPinLengthRpIds = ["x".repeat(2 ** 20)];
    }),
  );
  t.match(error, { code: "FILE_TOO_LONG", kind: "outside" });
  t.same(readFileSync(path), before, "is not written");
  t.end();
});

t.test("a full card with the longest names", (t) => {
  const path = join(temporaryDirectory(t), "state");
  const host = new DirectHost(new FileStore(path));
  const userName = "\0".repeat(200);
  for (let i = 0; i < 64; i++) host.mustMake({ rpId: "\0".repeat(255), userName, userId: new Uint8Array(64).fill(i), options: DISCOVERABLE });
  t.equal(new DirectHost(new FileStore(path)).getAssertion({ rpId: "\0".repeat(255) }).map.get(5), 64, "can be read again");
  t.end();
});

t.test("the counters of all assertions of a list", (t) => {
  const path = join(temporaryDirectory(t), "state");
  const counters: number[] = [];
  for (const id of [1, 2, 3]) new DirectHost(new FileStore(path)).mustMake({ options: DISCOVERABLE, userId: Uint8Array.of(id) });
  for (let session = 0; session < 3; session++) {
    const host = new DirectHost(new FileStore(path));
    for (const map of [host.getAssertion().map, host.ok(0x08), host.ok(0x08)]) {
      const authData = map.get(2) as Uint8Array;
      counters.push(new DataView(authData.buffer, authData.byteOffset).getUint32(33));
    }
  }
  t.same(counters, [4, 5, 6, 7, 8, 9, 10, 11, 12], "rise, also after the card was started again");
  t.end();
});

t.test("links", (t) => {
  const directory = temporaryDirectory(t);
  new DirectHost(new FileStore(join(directory, "state"))).setPin(PIN);
  symlinkSync("state", join(directory, "link"));
  new DirectHost(new FileStore(join(directory, "link"))).changePin(PIN, "4321");
  t.type(new DirectHost(new FileStore(join(directory, "state"))).token("4321"), "object", "are followed");
  t.same(listing(directory), ["link", "state"]);
  t.end();
});
