import { equalBytes } from "../bytes.ts";

// Just enough DER to find an extension of a certificate. Source: X.690 §8 and §10; RFC 5280 §4.1.

interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
  /** Bytes of tag, length and content. */
  readonly length: number;
}

const OCTET_STRING = 0x04;
const OBJECT_IDENTIFIER = 0x06;
/** `extensions [3] EXPLICIT` of a certificate. */
const EXTENSIONS = 0xa3;

/** More than any certificate needs, so that lengths are safe integers. */
const MAX_LENGTH_BYTES = 3;

/** @returns the first element, or nothing where the bytes do not hold one whole */
function parseElement(bytes: Uint8Array): Element | undefined {
  const tag = bytes[0];
  const first = bytes[1];
  if (tag === undefined || first === undefined) return undefined;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || lengthBytes > MAX_LENGTH_BYTES || bytes.length < 2 + lengthBytes) return undefined;
  const contentLength = lengthBytes === 0 ? first : bytes.subarray(2, 2 + lengthBytes).reduce((sum, byte) => sum * 256 + byte, 0);
  const begin = 2 + lengthBytes;
  if (bytes.length < begin + contentLength) return undefined;
  return { tag, content: bytes.subarray(begin, begin + contentLength), length: begin + contentLength };
}

/** @returns how many bytes the first element is, or nothing where it is not whole */
export function derLength(bytes: Uint8Array): number | undefined {
  return parseElement(bytes)?.length;
}

/** The elements within a constructed one; those that can be read. */
function children(content: Uint8Array): readonly Element[] {
  const elements: Element[] = [];
  for (let rest = content; rest.length > 0; ) {
    const element = parseElement(rest);
    if (element === undefined) break;
    elements.push(element);
    rest = rest.subarray(element.length);
  }
  return elements;
}

/**
 * @param certificate - in DER
 * @param oid - the content of an object identifier
 * @returns the content of the extension's OCTET STRING
 */
export function findExtension(certificate: Uint8Array, oid: Uint8Array): Uint8Array | undefined {
  const [toBeSigned] = children(parseElement(certificate)?.content ?? new Uint8Array());
  const wrapped = children(toBeSigned?.content ?? new Uint8Array()).find(({ tag }) => tag === EXTENSIONS);
  const [list] = children(wrapped?.content ?? new Uint8Array());
  for (const extension of children(list?.content ?? new Uint8Array())) {
    const parts = children(extension.content);
    const [id] = parts;
    if (id?.tag !== OBJECT_IDENTIFIER || !equalBytes(id.content, oid)) continue;
    return parts.find(({ tag }) => tag === OCTET_STRING)?.content;
  }
  return undefined;
}

/** @returns the content of an OCTET STRING that is all there is */
export function parseOctetString(bytes: Uint8Array): Uint8Array | undefined {
  const element = parseElement(bytes);
  return element?.tag === OCTET_STRING && element.length === bytes.length ? element.content : undefined;
}
