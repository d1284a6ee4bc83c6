import { readdirSync, readFileSync } from "node:fs";
import { KeyholeError } from "../../src/lib/errors.ts";
import { parseAuthenticatorData } from "../../src/lib/ctap/authenticator-data.ts";
import { encodeCbor, isCborMap, parseCbor, type CborMap, type CborValue } from "../../src/lib/ctap/cbor.ts";
import { parseCosePublicKey } from "../../src/lib/ctap/cose.ts";
import { parseAssertion } from "../../src/lib/ctap/get-assertion.ts";
import { parseGetInfo } from "../../src/lib/ctap/get-info.ts";
import { parseMadeCredential } from "../../src/lib/ctap/make-credential.ts";
import { MessageAssembler } from "../../src/lib/ctap/message.ts";
import { parsePacket, REPORT_LENGTH } from "../../src/lib/ctap/packet.ts";
import { parseAuthentication, parseRegistration } from "../../src/lib/ctap/u2f.ts";
import { encodeIndefinite } from "../lib/ctap/indefinite-cbor.ts";

/** Inputs to begin from; at least one. */
export type Corpus = readonly [Uint8Array, ...Uint8Array[]];

const DIRECTORY = "test/vectors/ctap";
const HEX = /^(?:[0-9a-f]{2})+$/;

/** Every byte string in the vectors; what stands in a list is one more, joined. `> ` and `< ` tell which way a report went. */
const TEXTS = readdirSync(DIRECTORY)
  .filter((name) => name.endsWith(".json"))
  .flatMap((name) => textsIn(JSON.parse(readFileSync(`${DIRECTORY}/${name}`, "utf8"))));

function textsIn(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  const texts = Object.values(value).flatMap(textsIn);
  return Array.isArray(value) && texts.every((text) => /^[<>] /.test(text)) ? [...texts, texts.map((text) => text.slice(2)).join("")] : [...texts, texts.join("")];
}

function bytesOf(texts: readonly string[]): readonly Uint8Array[] {
  return texts.filter((text) => HEX.test(text)).map((text) => new Uint8Array(Buffer.from(text, "hex")));
}

/** @throws {RangeError} where there is none: the corpus would test nothing */
function corpus(strings: readonly Uint8Array[]): Corpus {
  const [first, ...rest] = new Map(strings.map((bytes) => [Buffer.from(bytes).toString("hex"), bytes])).values();
  if (first === undefined) throw new RangeError("the vectors hold nothing of this kind");
  return [first, ...rest];
}

/** Those that a parser reads. */
function readable(strings: readonly Uint8Array[], parse: (bytes: Uint8Array) => unknown): Corpus {
  return corpus(
    strings.filter((bytes) => {
      try {
        parse(bytes);
        return true;
      } catch (error) {
        if (error instanceof KeyholeError) return false;
        throw error;
      }
    }),
  );
}

/** Any bytes. */
export const ANY: Corpus = corpus(bytesOf(TEXTS.map((text) => text.replace(/^[<>] /, ""))));

/** Reports, one or more in a row. */
export const REPORTS: Corpus = corpus(ANY.filter(({ length }) => length % REPORT_LENGTH === 0));

/** One report. */
export const REPORT: Corpus = corpus(REPORTS.filter(({ length }) => length === REPORT_LENGTH));

/** The messages that reports make. */
function messagesIn(reports: Uint8Array): readonly Uint8Array[] {
  const assemblers = new Map<number, MessageAssembler>();
  return reportsIn(reports).flatMap((report) => {
    const packet = parsePacket(report);
    const assembler = assemblers.get(packet.channel) ?? new MessageAssembler(packet.channel);
    assemblers.set(packet.channel, assembler);
    try {
      return assembler.receive(packet)?.data ?? [];
    } catch (error) {
      if (error instanceof KeyholeError) return [];
      throw error;
    }
  });
}

/** Messages of CTAPHID, to cards and from them. */
export const MESSAGES: Corpus = corpus([...REPORTS.flatMap(messagesIn), ...ANY.filter(({ length }) => length % REPORT_LENGTH !== 0)]);

/** Messages to cards. */
export const REQUESTS: Corpus = corpus(messagesIn(new Uint8Array(Buffer.concat(bytesOf(TEXTS.filter((text) => text.startsWith("> ")).map((text) => text.slice(2)))))));

export const CBOR: Corpus = readable([...MESSAGES.map((bytes) => bytes.subarray(1)), ...ANY], parseCbor);

/** The same with every string, list and map of indefinite length. */
export const INDEFINITE_CBOR: Corpus = corpus(CBOR.map((bytes) => encodeIndefinite(parseCbor(bytes).value, 20)));

/** All that is within CBOR, itself included. */
const VALUES: readonly CborValue[] = CBOR.flatMap((bytes) => valuesIn(parseCbor(bytes).value));

function valuesIn(value: CborValue): readonly CborValue[] {
  if (isCborMap(value)) return [value, ...[...value.values()].flatMap(valuesIn)];
  return Array.isArray(value) ? [value, ...(value as readonly CborValue[]).flatMap(valuesIn)] : [value];
}

const MAPS = VALUES.filter(isCborMap).map((map) => encodeCbor(map));

/** @returns an empty map where it is another kind of value */
export function mapIn(bytes: Uint8Array): CborMap {
  const { value } = parseCbor(bytes);
  return isCborMap(value) ? value : new Map();
}

export const AUTHENTICATOR_DATA: Corpus = readable([...VALUES.filter((value) => value instanceof Uint8Array), ...ANY], parseAuthenticatorData);
export const GET_INFO: Corpus = readable(MAPS, parseGetInfo);
export const MADE_CREDENTIALS: Corpus = readable(MAPS, (bytes) => parseMadeCredential(mapIn(bytes)));
export const ASSERTIONS: Corpus = readable(MAPS, (bytes) => parseAssertion(mapIn(bytes)));
export const COSE_KEYS: Corpus = readable(MAPS, (bytes) => parseCosePublicKey(mapIn(bytes)));

const HASH = new Uint8Array(32);

export const REGISTRATIONS: Corpus = readable([...MESSAGES.map((bytes) => bytes.subarray(0, -2)), ...ANY], (bytes) => parseRegistration(bytes, HASH));
export const AUTHENTICATIONS: Corpus = corpus(
  readable([...MESSAGES.map((bytes) => bytes.subarray(0, -2)), ...ANY], (bytes) => parseAuthentication(bytes, HASH)).filter(({ length }) => length > 60 && length < 90),
);

/** Cut into reports; the last one may be short. */
export function reportsIn(bytes: Uint8Array): readonly Uint8Array[] {
  const reports: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += REPORT_LENGTH) reports.push(bytes.subarray(at, at + REPORT_LENGTH));
  return reports;
}
