import t from "tap";
import { concatBytes } from "../../../../src/lib/bytes.ts";
import { MAX_MESSAGE_SIZE } from "../../../../src/lib/ctap/authenticator/get-info.ts";
import { cborMap } from "../../../../src/lib/ctap/cbor.ts";
import { asBytes, DirectHost, sha256, type Answer, type Entry, type HostToken } from "./direct-host.ts";

const PIN = "1234";
const FRAGMENT = MAX_MESSAGE_SIZE - 64;
const CAPACITY = 4096;
const EMPTY = "8076be8b528d0075f7aae98d6fa57a6d3c";

function call(host: DirectHost, ...entries: readonly Entry[]): Answer {
  return host.call(0x0c, cborMap(...entries));
}

/** An array of this many bytes with its checksum; what it holds is the host's business. */
function array(length: number): Uint8Array {
  const contents = new Uint8Array(length - 16).map((_, i) => i);
  return concatBytes(contents, sha256(contents).subarray(0, 16));
}

function write(host: DirectHost, bytes: Uint8Array, token?: HostToken): number {
  for (let offset = 0; offset < bytes.length; offset += FRAGMENT) {
    const fragment = bytes.subarray(offset, offset + FRAGMENT);
    const place = new Uint8Array(4);
    new DataView(place.buffer).setUint32(0, offset, true);
    const proof = token?.prove(new Uint8Array(32).fill(0xff), Uint8Array.of(0x0c, 0), place, sha256(fragment));
    const { status } = call(host, [2, fragment], [3, offset], [4, offset === 0 ? bytes.length : undefined], [5, proof], [6, token?.protocol]);
    if (status !== 0) return status;
  }
  return 0;
}

function read(host: DirectHost): Uint8Array {
  const parts = [];
  for (let offset = 0; ; offset += FRAGMENT) {
    const part = asBytes(call(host, [1, FRAGMENT], [3, offset]).map.get(1));
    parts.push(part);
    if (part.length < FRAGMENT) return concatBytes(...parts);
  }
}

t.test("get and set", (t) => {
  const host = new DirectHost();
  t.equal(Buffer.from(read(host)).toString("hex"), EMPTY, "a new card has an empty array");
  for (const length of [17, 18, FRAGMENT - 1, FRAGMENT, FRAGMENT + 1, CAPACITY]) {
    t.equal(write(host, array(length)), 0);
    t.same(read(host), array(length), `${length} bytes`);
  }
  t.same(call(host, [1, 3], [3, CAPACITY]).map.get(1), new Uint8Array(), "nothing after the end");
  t.same(call(host, [1, 3], [3, 5]).map.get(1), array(CAPACITY).subarray(5, 8));
  t.equal(host.info().get(0x0b), CAPACITY);
  t.equal(host.info().get(0x05), MAX_MESSAGE_SIZE);
  t.end();
});

t.test("with a PIN, writing wants a token", (t) => {
  const host = new DirectHost();
  host.setPin(PIN);
  t.equal(write(host, array(100)), 0x36);
  for (const protocol of [1, 2] as const) {
    t.equal(write(host, array(3000 + protocol), host.mustToken(PIN, { permissions: 0x10, protocol })), 0);
    t.same(read(host), array(3000 + protocol));
  }
  t.equal(write(host, array(100), host.mustToken(PIN, { permissions: 0x04 })), 0x33);
  t.equal(write(host, array(100), { protocol: 2, prove: () => new Uint8Array(32) }), 0x33);
  t.equal(call(host, [2, array(17)], [3, 0], [4, 17], [5, new Uint8Array(32)]).status, 0x14, "no protocol");
  const token = host.mustToken(PIN, { permissions: 0x11, rpId: "example.com" });
  t.equal(host.makeCredential({ token }).status, 0);
  t.equal(write(host, array(17), token), 0, "a token that was spent on a credential still writes");
  t.end();
});

t.test("requests", (t) => {
  const host = new DirectHost();
  const status = (...entries: readonly Entry[]): number => call(host, ...entries).status;
  t.equal(status(), 0x02);
  t.equal(status([1, 10]), 0x02, "no offset");
  t.equal(status([3, 0]), 0x02, "neither get nor set");
  t.equal(status([1, 1], [2, new Uint8Array(1)], [3, 0]), 0x02, "both");
  t.equal(status([1, 1], [3, 0], [4, 17]), 0x02, "get with a length");
  t.equal(status([1, 1], [3, 0], [5, new Uint8Array(16)]), 0x02, "get with a proof");
  t.equal(status([1, FRAGMENT + 1], [3, 0]), 0x03);
  t.equal(status([1, 1], [3, 18]), 0x02, "get beyond the end");
  t.equal(status([2, new Uint8Array(17)], [3, 0]), 0x02, "set without a length");
  t.equal(status([2, new Uint8Array(16)], [3, 0], [4, 16]), 0x02, "less than a checksum and one byte");
  t.equal(status([2, new Uint8Array(17)], [3, 0], [4, CAPACITY + 1]), 0x18);
  t.equal(status([2, new Uint8Array(FRAGMENT + 1)], [3, 0], [4, CAPACITY]), 0x03);
  t.equal(status([2, new Uint8Array(18)], [3, 0], [4, 17]), 0x02, "more than was said");
  t.equal(status([2, new Uint8Array(18)], [3, 17]), 0x04, "in the middle of nothing");
  t.equal(status([2, "text"], [3, 0], [4, 17]), 0x11);
  t.equal(Buffer.from(read(host)).toString("hex"), EMPTY, "nothing of that is kept");
  t.end();
});

t.test("a write in parts", (t) => {
  const host = new DirectHost();
  const bytes = array(100);
  const begin = (): number => call(host, [2, bytes.subarray(0, 50)], [3, 0], [4, 100]).status;
  t.equal(begin(), 0);
  t.equal(call(host, [2, bytes.subarray(60)], [3, 60]).status, 0x04, "with a gap");
  t.equal(call(host, [2, bytes.subarray(50)], [3, 50], [4, 100]).status, 0x02, "with the length again");
  t.equal(Buffer.from(read(host)).toString("hex"), EMPTY, "is not there before its end");
  t.equal(call(host, [2, bytes.subarray(50)], [3, 50]).status, 0, "goes on where it was");
  t.same(read(host), bytes);
  t.equal(begin(), 0);
  host.authenticator.powerCycle();
  t.equal(call(host, [2, bytes.subarray(50)], [3, 50]).status, 0x04, "does not outlive the power");
  const broken = bytes.with(3, 0xee);
  t.equal(write(host, broken), 0x3d, "a wrong checksum");
  t.same(read(host), bytes, "leaves what was there");
  t.equal(call(host, [2, broken.subarray(50)], [3, 50]).status, 0x04);
  t.end();
});
