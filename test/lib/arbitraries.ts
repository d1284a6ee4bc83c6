import fc from "fast-check";

/** Bytes of a key, a secret or a tag. */
export const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });

const MAX_CODE_POINT = 0x10ffff;
const SURROGATES = 0x800;

/** Any character that has a UTF-8 form. fast-check's own unit `binary` takes a second to set up. */
const character = fc.oneof(
  fc.integer({ min: 0, max: MAX_CODE_POINT - SURROGATES }).map((code) => String.fromCodePoint(code < 0xd800 ? code : code + SURROGATES)),
  fc.integer({ min: 0, max: 0xff }).map((code) => String.fromCodePoint(code)),
);

/** Text that is Unicode: what names and actions are made of. */
export const unicode = fc.oneof(fc.string({ unit: "grapheme" }), fc.string({ unit: character }));

/** The same without U+FFFD, which stands for lost bytes and is in no challenge. */
export const challengeText = unicode.map((text) => text.replaceAll("\ufffd", ""));

/** Any JavaScript string, lone surrogates among its characters. */
export const anyString = fc.oneof(unicode, fc.uint16Array({ maxLength: 12 }).map((units) => String.fromCharCode(...units)));

/** Bytes that are UTF-8 in part: characters whole and cut short, and any others. */
export const almostUtf8 = fc
  .array(
    fc.oneof(
      unicode.map((text) => Buffer.from(text)),
      character.map((text) => Buffer.from(text).subarray(0, -1)),
      fc.uint8Array({ maxLength: 3 }).map((bytes) => Buffer.from(bytes)),
      // Overlong forms, surrogates, and what lies beyond U+10FFFF.
      fc.constantFrom("c080", "c1bf", "e08080", "e09fbf", "eda080", "edbfbf", "f0808080", "f08fbfbf", "f4908080", "f5808080", "efbbbf", "ff").map((hex) => Buffer.from(hex, "hex")),
    ),
    { maxLength: 8 },
  )
  .map((parts) => Uint8Array.from(Buffer.concat(parts)));
