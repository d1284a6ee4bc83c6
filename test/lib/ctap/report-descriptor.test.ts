import assert from "node:assert/strict";
import fc from "fast-check";
import t from "tap";
import { isFidoUsage, isVendorUsage, parseReportDescriptor } from "../../../src/lib/ctap/report-descriptor.ts";
import { BROKEN_DESCRIPTOR, FIDO_DESCRIPTOR, KEYBOARD_DESCRIPTOR, VENDOR_DESCRIPTOR } from "../../support/sysfs.ts";

function usagesOf(hex: string): readonly (readonly [page: number, id: number])[] {
  return parseReportDescriptor(Buffer.from(hex, "hex")).map(({ page, id }) => [page, id] as const);
}

t.test("what an interface is for", (t) => {
  t.same(usagesOf(FIDO_DESCRIPTOR), [[0xf1d0, 0x01]]);
  t.same(usagesOf(VENDOR_DESCRIPTOR), [[0xff00, 0x01]]);
  t.same(usagesOf(KEYBOARD_DESCRIPTOR), [[0x01, 0x06]]);
  t.same(usagesOf(KEYBOARD_DESCRIPTOR + FIDO_DESCRIPTOR), [[0x01, 0x06], [0xf1d0, 0x01]], "several collections");
  t.same(usagesOf(""), []);
  t.end();
});

t.test("items of descriptors", (t) => {
  t.same(usagesOf("0b0100d0f1a101c0"), [[0xf1d0, 0x01]], "a usage that holds its page");
  t.same(usagesOf("07d0f100000901a101c0"), [[0xf1d0, 0x01]], "a page of 4 bytes");
  t.same(usagesOf("06d0f10901a1010902a102c0c0"), [[0xf1d0, 0x01]], "a collection within another is none of its own");
  t.same(usagesOf("06d0f10901a101c0a101c0"), [[0xf1d0, 0x01]], "a usage counts for one collection alone");
  t.same(usagesOf("06d0f10901a101c0090206d1f1a101c0"), [[0xf1d0, 0x01], [0xf1d0, 0x02]], "a usage has the page that was before it");
  t.same(usagesOf("06d0f1a40501b40901a101c0"), [[0xf1d0, 0x01]], "push and pop");
  t.same(usagesOf("06d0f1b40901a101c0"), [[0xf1d0, 0x01]], "a pop too many");
  t.same(usagesOf("fe0210aabb06d0f10901a101c0"), [[0xf1d0, 0x01]], "a long item is passed over");
  t.same(usagesOf("06d0f10901fe"), [], "a long item without an end");
  t.same(usagesOf(BROKEN_DESCRIPTOR), [], "a descriptor that ends within an item");
  t.end();
});

t.test("a descriptor cut off at any byte is read up to there", (t) => {
  const whole = Buffer.from(FIDO_DESCRIPTOR, "hex");
  // The collection begins with bytes 5 and 6.
  for (let length = 0; length <= whole.length; length++) t.equal(parseReportDescriptor(whole.subarray(0, length)).length, length < 7 ? 0 : 1, `${length} bytes`);
  t.end();
});

t.test("any bytes are read", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      for (const { page, id } of parseReportDescriptor(bytes)) assert.ok(page >= 0 && id >= 0);
    }),
  );
  t.end();
});

t.test("kinds of usages", (t) => {
  t.ok(isFidoUsage({ page: 0xf1d0, id: 0x01 }));
  t.notOk(isFidoUsage({ page: 0xf1d0, id: 0x02 }));
  t.ok(isVendorUsage({ page: 0xff00, id: 0x01 }));
  t.notOk(isVendorUsage({ page: 0xf1d0, id: 0x01 }));
  t.end();
});
