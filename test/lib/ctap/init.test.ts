import assert from "node:assert/strict";
import fc from "fast-check";
import t from "tap";
import { capabilities, encodeInitResponse, parseInitResponse } from "../../../src/lib/ctap/init.ts";
import { errorCode } from "../errors.ts";
import { bytes, hex } from "./vectors.ts";

/** Of a device that libfido2's makers recorded. */
const RECORDED = "80435640b14ed92d002200020205020105";

t.test("an answer to INIT", (t) => {
  t.same(parseInitResponse(bytes(RECORDED)), {
    nonce: bytes("80435640b14ed92d"),
    channel: 0x00220002,
    protocolVersion: 2,
    deviceVersion: [5, 2, 1],
    capabilities: { byte: 0x05, wink: true, cbor: true, msg: true },
  });
  t.same(parseInitResponse(bytes(`${RECORDED}ff`)), parseInitResponse(bytes(RECORDED)), "what a later version may add is no matter");
  t.end();
});

t.test("one that is cut off at any byte is refused", (t) => {
  for (let length = 0; length < 17; length++) t.equal(errorCode(() => parseInitResponse(bytes(RECORDED).subarray(0, length))), "CTAP_INIT", `${length} bytes`);
  t.end();
});

t.test("any 17 bytes are read, and written as they were", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 17, maxLength: 17 }), (data) => {
      assert.equal(hex(encodeInitResponse(parseInitResponse(data))), hex(data));
    }),
  );
  t.end();
});

t.test("capabilities by name", (t) => {
  for (const wink of [false, true]) {
    for (const cbor of [false, true]) {
      for (const msg of [false, true]) {
        const named = capabilities({ wink, cbor, msg });
        const data = Uint8Array.from({ length: 17 }, (_, i) => (i === 16 ? named.byte : 0));
        t.same(parseInitResponse(data).capabilities, { byte: named.byte, wink, cbor, msg });
      }
    }
  }
  t.equal(capabilities({ wink: true, cbor: true, msg: false }).byte, 0x0d);
  t.end();
});
