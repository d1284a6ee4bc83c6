import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import t, { type Test } from "tap";
import { concatBytes } from "../../../src/lib/bytes.ts";
import { cborMap, encodeCbor, type CborMap, type CborValue } from "../../../src/lib/ctap/cbor.ts";
import { decryptLargeBlob, encryptLargeBlob, MAX_BLOB_LENGTH, parseLargeBlob } from "../../../src/lib/ctap/large-blob.ts";
import { encodeLargeBlobArray, findLargeBlob, listLargeBlobs, parseLargeBlobArray, readLargeBlobs, replaceLargeBlob, writeLargeBlobs } from "../../../src/lib/ctap/large-blobs.ts";
import { PinUvAuthToken } from "../../../src/lib/ctap/pin-uv-auth-token.ts";
import { bytes32 } from "../arbitraries.ts";
import { errorCode, errorCodeOf } from "../errors.ts";
import { ctap2Card, getInfo, type Reply, type ScriptedCtap2 } from "./ctap2-card.ts";
import { exchangesOf, recordedSteps, wireData } from "./recorded.ts";
import { bytes, hex, readVectors } from "./vectors.ts";

const KEY = createHash("sha256").update("one").digest();
const OTHER_KEY = createHash("sha256").update("another").digest();
const EMPTY = "8076be8b528d0075f7aae98d6fa57a6d3c";
const TOKEN = new PinUvAuthToken(bytes("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"), 2);

/** A card that keeps an array, and gives and takes it as the specification says. */
async function storage(t: Test, { array = bytes(EMPTY), maxMsgSize = 1024, capacity = 4096 } = {}): Promise<ScriptedCtap2 & { readonly kept: () => Uint8Array }> {
  let kept = array;
  let incoming = new Uint8Array();
  let expected = 0;
  const answer = ({ params }: { readonly params: CborMap }): Reply => {
    const [get, set, offset] = [params.get(1), params.get(2) as Uint8Array | undefined, Number(params.get(3))];
    if (typeof get === "number") return cborMap([1, kept.slice(offset, offset + get)]);
    if (offset === 0) [incoming, expected] = [new Uint8Array(), Number(params.get(4))];
    if (set === undefined || offset !== incoming.length || set.length > maxMsgSize - 64) return 0x02;
    incoming = Uint8Array.of(...incoming, ...set);
    if (incoming.length === expected) kept = incoming;
    return new Map();
  };
  const card = await ctap2Card(t, getInfo({ largeBlobs: true }, [5, maxMsgSize], [0x0b, capacity]), answer);
  return { ...card, kept: () => kept };
}

t.test("the fragment and the proof of the vectors", async (t) => {
  interface Vector {
    readonly largeBlobs_set: { readonly fragment_hex: string; readonly pinUvAuthParam: string };
  }
  const { computed } = readVectors("pin-protocols") as { readonly computed: readonly { readonly pinUvAuthToken: string; readonly protocol1: Vector; readonly protocol2: Vector }[] };
  for (const { pinUvAuthToken, protocol1, protocol2 } of computed) {
    for (const [number, { largeBlobs_set: vector }] of [[1, protocol1], [2, protocol2]] as const) {
      const { ctap2, requests } = await storage(t);
      t.equal(await writeLargeBlobs(ctap2, [], new PinUvAuthToken(bytes(pinUvAuthToken), number)), 17);
      t.same(requests.map(({ command, params }) => [command, params]), [
        [0x0c, new Map<number, unknown>([[2, bytes(vector.fragment_hex)], [3, 0], [4, 17], [5, bytes(vector.pinUvAuthParam)], [6, number]])],
      ]);
    }
  }
});

t.test("the recorded array of a card", async (t) => {
  const { request, answer } = exchangesOf(recordedSteps("canokey").find(({ step }) => step === "largeBlobs-get")!)[0]!;
  const { ctap2, requests } = await ctap2Card(t, getInfo({ largeBlobs: true }), () => [answer]);
  t.same(await readLargeBlobs(ctap2), { entries: [], length: 17, isCorrupt: false });
  t.equal(hex(Uint8Array.of(0x0c, ...requests[0]!.bytes)), hex(request.data));
});

t.test("the answer of libfido2's fuzzer", async (t) => {
  const { payload } = wireData("WIREDATA_CTAP_CBOR_LARGEBLOB_GET_ARRAY")[0]!;
  const { ctap2 } = await ctap2Card(t, getInfo({ largeBlobs: true }), () => [{ command: 0x10, data: payload }]);
  const array = await readLargeBlobs(ctap2);
  t.same([array.isCorrupt, array.entries.length], [false, 1]);
  t.same(listLargeBlobs(array).map(({ ciphertext, originalLength }) => [ciphertext.length, originalLength]), [[440, (array.entries[0] as CborMap).get(3)]]);
  t.equal(findLargeBlob(array, KEY), undefined, "whose key nobody has");
});

t.test("one entry", (t) => {
  const data = Buffer.from("to be kept ".repeat(20));
  const entry = encryptLargeBlob(KEY, data, new Uint8Array(12).fill(5));
  t.same([...entry.keys()], [1, 2, 3]);
  t.same([entry.get(2), entry.get(3)], [new Uint8Array(12).fill(5), data.length]);
  const blob = parseLargeBlob(entry)!;
  t.equal(blob.ciphertext.length, deflateRawSync(data).length + 16);
  t.same(Buffer.from(decryptLargeBlob(blob, KEY)!()), data);
  t.equal(decryptLargeBlob(blob, OTHER_KEY), undefined);
  t.equal(decryptLargeBlob({ ...blob, originalLength: data.length + 1 }, KEY), undefined, "the length is a part of it");
  t.equal(decryptLargeBlob({ ...blob, nonce: new Uint8Array(12) }, KEY), undefined);
  for (const i of blob.ciphertext.keys()) {
    const changed = blob.ciphertext.slice();
    changed[i]! ^= 1;
    assert.equal(decryptLargeBlob({ ...blob, ciphertext: changed }, KEY), undefined);
  }
  t.notSame(encryptLargeBlob(KEY, data), encryptLargeBlob(KEY, data), "a new nonce each time");
  t.end();
});

t.test("an entry that another program made", (t) => {
  // Made by Python's cryptography and zlib: AESGCM(bytes(range(32))).encrypt(bytes(range(12)), raw DEFLATE of b"hello", b"blob" + 5 as 8 bytes, little-endian).
  const entry = cborMap([1, bytes("8c4a1bd20ce2c2d376d4723c571600087fc0c0b986a067")], [2, bytes("000102030405060708090a0b")], [3, 5]);
  const key = new Uint8Array(32).map((_, i) => i);
  t.equal(Buffer.from(decryptLargeBlob(parseLargeBlob(entry)!, key)!()).toString(), "hello");
  t.end();
});

t.test("what does not decompress to its length", (t) => {
  const { createCipheriv } = process.getBuiltinModule("node:crypto");
  const sealed = (plain: Uint8Array, length: number): CborMap => {
    const nonce = new Uint8Array(12);
    const additional = Buffer.alloc(12);
    additional.write("blob");
    additional.writeBigUInt64LE(BigInt(length), 4);
    const cipher = createCipheriv("aes-256-gcm", KEY, nonce).setAAD(additional);
    return cborMap([1, concatBytes(cipher.update(plain), cipher.final(), cipher.getAuthTag())], [2, nonce], [3, length]);
  };
  const find = (entry: CborMap): Uint8Array | undefined => findLargeBlob(parseLargeBlobArray(encodeLargeBlobArray([entry])), KEY);
  t.equal(hex(find(sealed(deflateRawSync(bytes("0102")), 2))!), "0102");
  const bomb = deflateRawSync(new Uint8Array(4 * 1024 * 1024));
  for (const [plain, length] of [[deflateRawSync(bytes("0102")), 1], [deflateRawSync(bytes("0102")), 0], [deflateRawSync(bytes("0102")), 3], [bytes(""), 0], [bytes("ff"), 1], [bomb, 1024]] as const) {
    t.equal(errorCode(() => find(sealed(plain, length))), "CTAP_LARGE_BLOBS", `${plain.length} bytes for ${length}`);
  }
  t.equal(find(sealed(bomb, MAX_BLOB_LENGTH + 1)), undefined, "too long to be looked at");
  t.end();
});

t.test("what is no large blob is nobody's, and stays", (t) => {
  const good = encryptLargeBlob(KEY, bytes("01"));
  const without = (key: number): CborMap => new Map([...good].filter(([each]) => each !== key));
  const strange: readonly CborValue[] = [0, "text", bytes("00"), [], new Map(), without(1), without(2), without(3), new Map([...good, [2, new Uint8Array(11)]] as const), new Map([...good, [3, -1]] as const), new Map([...good, [1, new Uint8Array(15)]] as const)];
  const array = parseLargeBlobArray(encodeLargeBlobArray(strange));
  t.notOk(array.isCorrupt);
  t.same(listLargeBlobs(array), []);
  t.equal(findLargeBlob(array, KEY), undefined);
  t.same(replaceLargeBlob(array, KEY), strange);
  const added = { entries: replaceLargeBlob(array, KEY, bytes("0203")) };
  t.equal(added.entries.length, strange.length + 1);
  t.equal(hex(findLargeBlob({ ...array, ...added }, KEY)!), "0203");
  t.end();
});

t.test("the array", (t) => {
  t.equal(hex(encodeLargeBlobArray([])), EMPTY);
  t.same(parseLargeBlobArray(bytes(EMPTY)), { entries: [], length: 17, isCorrupt: false });
  const whole = encodeLargeBlobArray([encryptLargeBlob(KEY, bytes("010203"))]);
  for (let length = 0; length < whole.length; length++) assert.deepEqual(parseLargeBlobArray(whole.subarray(0, length)), { entries: [], length, isCorrupt: true });
  for (const i of whole.keys()) {
    const changed = whole.slice();
    changed[i]! ^= 1;
    assert.ok(parseLargeBlobArray(changed).isCorrupt);
  }
  t.ok(parseLargeBlobArray(Uint8Array.of(...whole, 0)).isCorrupt, "trailing byte");
  const sealed = (cbor: Uint8Array): Uint8Array => concatBytes(cbor, createHash("sha256").update(cbor).digest().subarray(0, 16));
  for (const noArray of [encodeCbor(new Map()), encodeCbor(0), bytes("81"), bytes("8080"), bytes("")]) {
    t.match(parseLargeBlobArray(sealed(noArray)), { entries: [], isCorrupt: true }, hex(noArray));
  }
  t.end();
});

t.test("what is set can be read, whatever else is there, and until it is deleted", async (t) => {
  const datas = fc.uint8Array({ maxLength: 400 });
  await fc.assert(
    fc.asyncProperty(bytes32, datas, datas, datas, fc.integer({ min: 65, max: 300 }), async (key, first, second, other, maxMsgSize) => {
      const { ctap2, kept } = await storage(t, { maxMsgSize: Math.max(maxMsgSize, 128) });
      const set = async (key: Uint8Array, data?: Uint8Array): Promise<void> => void (await writeLargeBlobs(ctap2, replaceLargeBlob(await readLargeBlobs(ctap2), key, data), TOKEN));
      const get = async (key: Uint8Array): Promise<Uint8Array | undefined> => findLargeBlob(await readLargeBlobs(ctap2), key);
      await set(OTHER_KEY, other);
      await set(key, first);
      assert.deepEqual(await get(key), first);
      await set(key, second);
      assert.deepEqual([await get(key), await get(OTHER_KEY)], [second, other]);
      assert.equal((await readLargeBlobs(ctap2)).entries.length, 2, "one entry for each credential");
      await set(key);
      assert.deepEqual([await get(key), await get(OTHER_KEY)], [undefined, other]);
      await set(OTHER_KEY);
      assert.equal(hex(kept()), EMPTY);
    }),
    { numRuns: 20 },
  );
});

t.test("fragments", async (t) => {
  const random = createHash("sha512").update("incompressible").digest();
  const entries = [encryptLargeBlob(KEY, random)];
  const { length } = encodeLargeBlobArray(entries);
  for (const maxMsgSize of [64 + length - 1, 64 + length, 64 + length + 1, 128]) {
    const { ctap2, requests, kept } = await storage(t, { maxMsgSize });
    t.equal(await writeLargeBlobs(ctap2, entries, TOKEN), length);
    const size = maxMsgSize - 64;
    const offsets = Array.from({ length: Math.ceil(length / size) }, (_, i) => i * size);
    t.same(requests.map(({ params }) => [params.get(3), params.get(4)]), offsets.map((offset) => [offset, offset === 0 ? length : undefined]), "the length goes with the first");
    for (const { params } of requests) {
      const head = Buffer.concat([Buffer.alloc(32, 0xff), bytes("0c00"), Buffer.alloc(4)]);
      head.writeUInt32LE(Number(params.get(3)), 34);
      t.same(params.get(5), TOKEN.authenticate(concatBytes(head, createHash("sha256").update(params.get(2) as Uint8Array).digest())));
    }
    t.equal(hex(kept()), hex(encodeLargeBlobArray(entries)));
    t.same((await readLargeBlobs(ctap2)).entries, entries);
    t.same(requests.slice(offsets.length).map(({ params }) => [params.get(1), params.get(3)]), Array.from({ length: Math.floor(length / size) + 1 }, (_, i) => [size, i * size]), "until one is not full");
  }
});

t.test("a corrupt array counts as none, and the next one written replaces it", async (t) => {
  const { ctap2, kept } = await storage(t, { array: bytes(EMPTY.replace("80", "81")) });
  const array = await readLargeBlobs(ctap2);
  t.same(array, { entries: [], length: 17, isCorrupt: true });
  await writeLargeBlobs(ctap2, replaceLargeBlob(array, KEY, bytes("01")), undefined);
  t.notOk(parseLargeBlobArray(kept()).isCorrupt);
});

t.test("without a token, none is shown", async (t) => {
  const { ctap2, requests } = await storage(t);
  await writeLargeBlobs(ctap2, [], undefined);
  t.same([...requests[0]!.params.keys()], [2, 3, 4]);
});

t.test("more than the card takes is not sent", async (t) => {
  const entries = [encryptLargeBlob(KEY, createHash("sha512").update("incompressible").digest())];
  const { length } = encodeLargeBlobArray(entries);
  const tight = await storage(t, { capacity: length });
  await writeLargeBlobs(tight.ctap2, entries, TOKEN);
  const full = await storage(t, { capacity: length - 1 });
  t.equal(await errorCodeOf(writeLargeBlobs(full.ctap2, entries, TOKEN)), "CTAP2_ERR_LARGE_BLOB_STORAGE_FULL");
  t.equal(full.requests.length, 0);
});

t.test("cards that cannot, refuse or are faulty", async (t) => {
  const lacking = await ctap2Card(t, getInfo({ largeBlobs: false }), () => new Map());
  await t.rejects(readLargeBlobs(lacking.ctap2), { code: "CTAP_UNSUPPORTED", kind: "outside", message: /largeBlobs/ });
  await t.rejects(writeLargeBlobs(lacking.ctap2, [], TOKEN), { code: "CTAP_UNSUPPORTED" });
  t.same(lacking.requests, []);

  const read = async (answer: Reply): Promise<string | undefined> => errorCodeOf(readLargeBlobs((await ctap2Card(t, getInfo({ largeBlobs: true }), () => answer)).ctap2));
  t.equal(await read(0x33), "CTAP2_ERR_PIN_AUTH_INVALID");
  t.equal(await read(new Map()), "CTAP_ANSWER");
  t.equal(await read(cborMap([1, "text"])), "CTAP_ANSWER");
  t.equal(await read(cborMap([1, new Uint8Array(961)])), "CTAP_LARGE_BLOBS", "more than was asked for");
  t.equal(await read(cborMap([1, new Uint8Array(960)])), "CTAP_LARGE_BLOBS", "without end");
});

t.test("a card that gives its fragments slowly is given up", async (t) => {
  const now = performance.now.bind(performance);
  let asideMs = 0;
  performance.now = () => now() + asideMs;
  t.teardown(() => void (performance.now = now));
  const { ctap2, requests } = await ctap2Card(t, getInfo({ largeBlobs: true }, [5, 128]), () => {
    asideMs += 5000;
    return cborMap([1, new Uint8Array(64)]);
  });
  t.equal(await errorCodeOf(readLargeBlobs(ctap2)), "CTAP_ENDLESS");
  t.ok(requests.length < 15);
});
