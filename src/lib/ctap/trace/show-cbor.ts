import { encodeHex } from "../../bytes.ts";
import { CtapError } from "../../errors.ts";
import { parseAuthenticatorData, type AuthenticatorData } from "../authenticator-data.ts";
import { formatCbor } from "../cbor-text.ts";
import { isCborMap, type CborMap, type CborValue } from "../cbor.ts";
import { hexByte } from "./interpret.ts";
import { CREDENTIAL_KEY, EXTENSION_OUTPUTS } from "./messages.ts";
import type { Shape } from "./shape.ts";

const INDENT = "  ";

/**
 * CBOR for reading, with the names that keys and numbers have.
 *
 * @param shape - of the value, where it is known
 * @returns lines that are safe to show in a terminal
 */
export function showCbor(value: CborValue, shape: Shape | undefined): readonly string[] {
  return isCborMap(value) && value.size > 0 ? showEntries(value, shape) : showItem("", value, shape);
}

function showEntries(map: CborMap, shape: Shape | undefined): readonly string[] {
  return [...map].flatMap(([key, value]) => {
    const isName = typeof key === "string" || typeof key === "number";
    const field = shape?.kind === "map" && isName ? shape.fields.get(key) : undefined;
    // A key that is its own name says it once.
    const name = field === undefined || field.name === key ? "" : ` ${field.name}`;
    return showItem(`${formatCbor(key)}${name}: `, value, field?.shape ?? (shape?.kind === "map" ? shape.others : undefined));
  });
}

function showItem(head: string, value: CborValue, shape: Shape | undefined): readonly string[] {
  if (value instanceof Uint8Array && shape?.kind === "authenticator-data") return [`${head}${formatCbor(value)}`, ...indented(showAuthenticatorData(value))];
  if (isCborMap(value) && value.size > 0) return [head.trimEnd(), ...indented(showEntries(value, shape))];
  if (isList(value) && value.some((item) => isCborMap(item))) {
    const of = shape?.kind === "list" ? shape.of : undefined;
    return [head.trimEnd(), ...indented(value.flatMap((item, i) => showItem(`[${i}]: `, item, of)))];
  }
  const name = shape?.kind === "number" && typeof value === "number" ? shape.names?.get(value) : undefined;
  return [`${head}${formatCbor(value)}${name === undefined ? "" : ` (${name})`}`];
}

function isList(value: CborValue): value is readonly CborValue[] {
  return Array.isArray(value);
}

/** The parts of authenticator data, by name. */
export function showAuthenticatorData(bytes: Uint8Array): readonly string[] {
  let parsed;
  try {
    parsed = parseAuthenticatorData(bytes);
  } catch (error) {
    if (error instanceof CtapError) return [`problem: ${error.message}`];
    throw error;
  }
  const { rpIdHash, flags, counter, attested, extensions } = parsed;
  return [
    `rpIdHash: h'${encodeHex(rpIdHash)}'`,
    `flags: ${hexByte(flags.byte)}${flagNames(flags)}`,
    `counter: ${counter}`,
    ...(attested === undefined
      ? []
      : [`aaguid: h'${encodeHex(attested.aaguid)}'`, `credentialId: h'${encodeHex(attested.credentialId)}'`, "publicKey:", ...indented(showEntries(attested.publicKey, CREDENTIAL_KEY))]),
    ...(extensions === undefined ? [] : ["extensions:", ...indented(showEntries(extensions, EXTENSION_OUTPUTS))]),
  ];
}

function flagNames(flags: AuthenticatorData["flags"]): string {
  const { up, uv, be, bs, at, ed } = flags;
  const names = Object.entries({ UP: up, UV: uv, BE: be, BS: bs, AT: at, ED: ed }).flatMap(([name, isSet]) => (isSet ? [name] : []));
  return names.length === 0 ? "" : ` (${names.join(", ")})`;
}

export function indented(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `${INDENT}${line}`);
}
