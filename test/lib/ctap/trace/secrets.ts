import { isCborMap, parseCbor, type CborValue } from "../../../../src/lib/ctap/cbor.ts";
import { parseAuthenticatorData } from "../../../../src/lib/ctap/authenticator-data.ts";
import { Conversation } from "../../../../src/lib/ctap/trace/conversation.ts";
import type { Report } from "../../../../src/lib/ctap/trace/report.ts";

/** A byte string of a conversation that may not be seen, and what it is. */
export interface Secret {
  readonly what: string;
  readonly bytes: Uint8Array;
}

/**
 * All secrets in a conversation, found by where CTAP 2.1 puts them; on purpose
 * nothing of the tables by which they are taken out.
 */
export function secretsIn(reports: readonly Report[]): readonly Secret[] {
  const conversation = new Conversation();
  const secrets: Secret[] = [];
  const take = (what: string, value: CborValue): void => {
    if (value instanceof Uint8Array) secrets.push({ what, bytes: value });
    else if (typeof value === "string") secrets.push({ what, bytes: Buffer.from(value) });
  };
  const key = (what: string, value: CborValue): void => {
    for (const parameter of [-1, -2, -3]) take(`${what} ${parameter}`, field(value, parameter));
  };
  const user = (value: CborValue): void => {
    for (const name of ["id", "name", "displayName"]) take(`user ${name}`, field(value, name));
  };
  const credential = (value: CborValue): void => take("credential id", field(value, "id"));
  const authData = (value: CborValue): void => {
    if (!(value instanceof Uint8Array)) return;
    const { attested, extensions } = parseAuthenticatorData(value);
    take("credential id", attested?.credentialId);
    key("public key", attested?.publicKey);
    for (const name of ["hmac-secret", "credBlob"]) take(name, extensions?.get(name));
  };
  for (const { direction, bytes } of reports) {
    const { message } = conversation.observe(direction, bytes);
    if (message === undefined) continue;
    const { command, data, request } = message;
    if (command === 0x03 && direction === "to-card" && data[1] === 2) take("key handle", data.slice(72, 72 + (data[71] ?? 0)));
    if (command === 0x03 && direction === "from-card" && data.length > 2) {
      if (data[0] === 5) {
        const handle = data[66] ?? 0;
        take("public key", data.slice(2, 66));
        take("key handle", data.slice(67, 67 + handle));
        take("certificate and signature", data.slice(67 + handle, -2));
      } else if (request?.data[1] === 2) take("signature", data.slice(5, -2));
    }
    if (command !== 0x10 || data.length < 2) continue;
    const { value: map } = parseCbor(data.subarray(1));
    const at = (name: number): CborValue => field(map, name);
    switch (direction === "to-card" ? (data[0] ?? 0) : 0x100 + (request?.data[0] ?? 0)) {
      case 0x01:
        user(at(3));
        take("rp name", field(at(2), "name"));
        list(at(5)).forEach(credential);
        take("pinUvAuthParam", at(8));
        break;
      case 0x02: {
        list(at(3)).forEach(credential);
        take("pinUvAuthParam", at(6));
        const hmacSecret = field(at(4), "hmac-secret");
        key("key agreement", field(hmacSecret, 1));
        take("saltEnc", field(hmacSecret, 2));
        take("saltAuth", field(hmacSecret, 3));
        break;
      }
      case 0x06:
        key("key agreement", at(3));
        for (const name of [4, 5, 6]) take(`clientPIN ${name}`, at(name));
        break;
      case 0x0a:
      case 0x41:
        credential(field(at(2), 2));
        user(field(at(2), 3));
        take("pinUvAuthParam", at(4));
        break;
      case 0x0c:
        take("large blobs", at(2));
        take("pinUvAuthParam", at(5));
        break;
      case 0x0d:
        take("pinUvAuthParam", at(4));
        break;
      case 0x101:
        authData(at(2));
        take("signature", field(at(3), "sig"));
        list(field(at(3), "x5c")).forEach((certificate) => take("certificate", certificate));
        take("largeBlobKey", at(5));
        break;
      case 0x102:
      case 0x108:
        credential(at(1));
        authData(at(2));
        take("signature", at(3));
        user(at(4));
        take("largeBlobKey", at(7));
        break;
      case 0x106:
        key("key agreement", at(1));
        take("token", at(2));
        break;
      case 0x10a:
      case 0x141:
        take("rp name", field(at(3), "name"));
        user(at(6));
        credential(at(7));
        key("public key", at(8));
        take("largeBlobKey", at(0xb));
        break;
      case 0x10c:
        take("large blobs", at(1));
        break;
    }
  }
  return secrets;
}

function field(value: CborValue, name: number | string): CborValue {
  return isCborMap(value) ? value.get(name) : undefined;
}

function list(value: CborValue): readonly CborValue[] {
  return Array.isArray(value) ? (value as readonly CborValue[]) : [];
}

/** Every byte string that anybody could read in text: what looks like hexadecimal or base64url, and the text itself. */
export function bytesIn(lines: readonly string[]): readonly Buffer[] {
  // What Keyhole says of a line in its own words is none of the conversation's.
  const texts = lines.flatMap((line) => stringsIn({ ...(JSON.parse(line) as object), name: null, redacted: null }));
  return texts.flatMap((text) => {
    const readings = [Buffer.from(text)];
    if (/^(?:[0-9a-f]{2})+$/.test(text)) readings.push(Buffer.from(text, "hex"));
    if (/^[A-Za-z0-9_-]+$/.test(text)) readings.push(Buffer.from(text, "base64url"));
    return readings;
  });
}

function stringsIn(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, entry]) => [name, ...stringsIn(entry)]);
}
