import { concatBytes, copyBytes } from "../bytes.ts";
import { GlomeError } from "../errors.ts";
import { byteString, bytesOf } from "../text.ts";
import { KEY_LENGTH } from "./public-key.ts";

// X25519 keys have one DER form each, a fixed head and the 32 bytes.
// Source: RFC 8410 §4 and §7.

// SEQUENCE { INTEGER 0, SEQUENCE { OID 1.3.101.110 }, OCTET STRING { OCTET STRING(32) } }
const PRIVATE_HEAD = Uint8Array.of(0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x04, 0x22, 0x04, 0x20);

// SEQUENCE { SEQUENCE { OID 1.3.101.110 }, BIT STRING(32 bytes) }
const PUBLIC_HEAD = Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00);

/** The label of the PEM block that a text begins with, say `PRIVATE KEY`. Source: RFC 7468. */
export function pemLabel(text: string): string | undefined {
  return /^-----BEGIN ([A-Z0-9 ]+)-----\r?$/m.exec(text.trimStart().split("\n", 1)[0] ?? "")?.[1];
}

export function encodePem(label: string, der: Uint8Array): string {
  const lines = btoa(byteString(der)).match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** @throws {GlomeError} GLOME_PEM */
export function parsePem(label: string, text: string): Uint8Array {
  const lines = text.trim().split(/\r?\n/);
  const body = lines.slice(1, -1).join("");
  if (lines.at(-1) !== `-----END ${label}-----` || !/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(body)) {
    throw new GlomeError("GLOME_PEM", `${label.toLowerCase()} is not whole PEM, from BEGIN to END`);
  }
  return bytesOf(atob(body));
}

/** PKCS#8 without encryption. */
export function encodePrivatePem(privateKey: Uint8Array): string {
  return encodePem("PRIVATE KEY", encodePrivateDer(privateKey));
}

export function encodePrivateDer(privateKey: Uint8Array): Uint8Array {
  return concatBytes(PRIVATE_HEAD, privateKey);
}

/** @throws {GlomeError} GLOME_PEM */
export function parsePrivatePem(text: string): Uint8Array {
  return afterHead(PRIVATE_HEAD, parsePem("PRIVATE KEY", text), "private key");
}

export function encodePublicPem(publicKey: Uint8Array): string {
  return encodePem("PUBLIC KEY", concatBytes(PUBLIC_HEAD, publicKey));
}

/** @throws {GlomeError} GLOME_PEM */
export function parsePublicPem(text: string): Uint8Array {
  return afterHead(PUBLIC_HEAD, parsePem("PUBLIC KEY", text), "public key");
}

function afterHead(head: Uint8Array, der: Uint8Array, name: string): Uint8Array {
  if (der.length !== head.length + KEY_LENGTH || head.some((byte, i) => der[i] !== byte)) {
    throw new GlomeError("GLOME_PEM", `${name} in PEM is not an X25519 key`, {
      hint: "keyhole genkey --format pem, or openssl genpkey -algorithm x25519, makes one",
    });
  }
  return copyBytes(der.subarray(head.length));
}
