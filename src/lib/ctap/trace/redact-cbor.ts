import { encodeHex } from "../../bytes.ts";
import { CtapError } from "../../errors.ts";
import { byteString } from "../../text.ts";
import { cborLength } from "../cbor-check.ts";
import { argumentOf, readCborNode, type CborNode } from "../cbor-node.ts";
import { CREDENTIAL_KEY, EXTENSION_OUTPUTS } from "./messages.ts";
import { digestBytes, digestCertificate, hideBytes, hideText, sha256, type Taken } from "./redact-bytes.ts";
import type { Field, Shape } from "./shape.ts";

const UNKNOWN = "unknown field";
const UNREADABLE = "what cannot be read";

/** What names of versions, options, extensions and formats look like. */
const NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,31}$/;

// rpIdHash(32) | flags(1) | counter(4) | [aaguid(16) | length(2) | credential id | COSE key] | [extensions]
const RP_ID_HASH_LENGTH = 32;
const HEADER_LENGTH = 37;
const CREDENTIAL_ID_AT = HEADER_LENGTH + 18;
const HAS_ATTESTED = 0x40;
const HAS_EXTENSIONS = 0x80;

/**
 * Takes secrets and what identifies a person out of CBOR, in place: all heads
 * of strings, arrays and maps stay, so that no length changes. What a shape
 * does not expect is taken out.
 */
export class CborRedactor {
  /** Of the rp ids seen; another 32 bytes where such a hash is expected may be anything. */
  readonly #rpIdHashes = new Set<string>();

  /** @param body - an item, or what should be one; changed in place */
  redact(body: Uint8Array, shape: Shape, taken: Taken): void {
    try {
      this.#node(readCborNode(body).node, shape, taken);
    } catch (error) {
      if (!(error instanceof CtapError)) throw error;
      hideBytes(body, UNREADABLE, taken);
    }
  }

  #node(node: CborNode, shape: Shape, taken: Taken): void {
    if (!this.#isKept(node, shape, taken)) hide(node, shape.kind === "hidden" || shape.kind === "digest" ? shape.what : UNKNOWN, taken);
  }

  /** @returns whether the item is as the shape expects, and has been dealt with */
  #isKept(node: CborNode, shape: Shape, taken: Taken): boolean {
    const [content] = node.contents;
    const text = node.type === "text" && node.contents.length === 1 ? content : undefined;
    const bytes = node.type === "bytes" && node.contents.length === 1 ? content : undefined;
    if (shape.kind === "hidden") return false;
    if (isNumber(node)) return true;
    switch (shape.kind) {
      case "number":
        return false;
      case "text":
        return text !== undefined && NAME.test(byteString(text));
      case "bytes":
        return bytes?.length === shape.length;
      case "rp-id":
        if (text !== undefined) this.#rpIdHashes.add(encodeHex(sha256(text)));
        return text !== undefined;
      case "rp-id-hash":
        return bytes !== undefined && this.#rpIdHashes.has(encodeHex(bytes));
      case "digest":
        if (bytes !== undefined) digestBytes(bytes, shape.what, taken);
        return bytes !== undefined;
      case "certificate":
        if (bytes !== undefined) digestCertificate(bytes, taken);
        return bytes !== undefined;
      case "authenticator-data":
        if (bytes !== undefined) this.#authenticatorData(bytes, taken);
        return bytes !== undefined;
      case "list":
        if (node.type === "array") for (const child of node.children) this.#node(child, shape.of, taken);
        return node.type === "array";
      case "map":
        if (node.type === "map") this.#entries(node, shape, taken);
        return node.type === "map";
    }
  }

  #entries({ children }: CborNode, shape: Shape & { readonly kind: "map" }, taken: Taken): void {
    for (let i = 0; i + 1 < children.length; i += 2) {
      const [key, value] = children.slice(i, i + 2) as [CborNode, CborNode];
      const name = keyOf(key);
      const field: Field | undefined = name === undefined ? undefined : (shape.fields.get(name) ?? other(name, shape.others));
      if (field !== undefined) this.#node(value, field.shape, taken);
      else {
        if (typeof name !== "number") hide(key, UNKNOWN, taken);
        hide(value, UNKNOWN, taken);
      }
    }
  }

  #authenticatorData(bytes: Uint8Array, taken: Taken): void {
    if (bytes.length < HEADER_LENGTH) return hideBytes(bytes, UNREADABLE, taken);
    const rpIdHash = bytes.subarray(0, RP_ID_HASH_LENGTH);
    if (!this.#rpIdHashes.has(encodeHex(rpIdHash))) hideBytes(rpIdHash, "hash of an unknown rp id", taken);
    const [flags = 0] = bytes.subarray(RP_ID_HASH_LENGTH);
    try {
      const extensions = bytes.subarray((flags & HAS_ATTESTED) === 0 ? HEADER_LENGTH : this.#attested(bytes, taken));
      if ((flags & HAS_EXTENSIONS) === 0) hideBytes(extensions, UNREADABLE, taken);
      else this.#node(readCborNode(extensions).node, EXTENSION_OUTPUTS, taken);
    } catch (error) {
      if (!(error instanceof CtapError)) throw error;
      hideBytes(bytes.subarray(HEADER_LENGTH), UNREADABLE, taken);
    }
  }

  /** @returns where the attested credential data end */
  #attested(bytes: Uint8Array, taken: Taken): number {
    const [high = 0, low = 0] = bytes.subarray(CREDENTIAL_ID_AT - 2);
    const keyAt = CREDENTIAL_ID_AT + ((high << 8) | low);
    hideBytes(bytes.subarray(CREDENTIAL_ID_AT, keyAt), "credential id", taken);
    const end = keyAt + cborLength(bytes.subarray(keyAt));
    this.#node(readCborNode(bytes.subarray(keyAt, end)).node, CREDENTIAL_KEY, taken);
    return end;
  }
}

/** Numbers, booleans, null and undefined, but no floats. */
function isNumber({ type, argument }: CborNode): boolean {
  return type === "unsigned" || type === "negative" || (type === "simple" && argument.length === 0);
}

function keyOf(key: CborNode): number | string | undefined {
  switch (key.type) {
    case "text":
      return key.contents.length === 1 ? byteString(key.contents[0] ?? new Uint8Array()) : undefined;
    case "unsigned":
      return Number(argumentOf(key));
    case "negative":
      return -1 - Number(argumentOf(key));
    default:
      return undefined;
  }
}

function other(name: number | string, shape: Shape | undefined): Field | undefined {
  if (shape === undefined || (typeof name === "string" && !NAME.test(name))) return undefined;
  return { name: String(name), shape };
}

const MAJOR_TYPE = 0xe0;

/** Numbers too: they could be the bytes of something. */
function hide(node: CborNode, what: string, taken: Taken): void {
  if (node.type === "bytes") for (const chunk of node.contents) hideBytes(chunk, what, taken);
  if (node.type === "text") for (const chunk of node.contents) hideText(chunk, what, taken);
  if (node.type === "unsigned" || node.type === "negative") hideNumber(node, what, taken);
  if (node.type === "simple" && node.argument.length > 0) hideBytes(node.argument, what, taken);
  for (const child of node.children) hide(child, what, taken);
}

/** All ones is the shortest form of a number with so many bytes, all zeros is not. */
function hideNumber({ head, argument }: CborNode, what: string, taken: Taken): void {
  if (argument.length > 0) argument.fill(0xff);
  else head.set([(head[0] ?? 0) & MAJOR_TYPE]);
  taken.add(what);
}
