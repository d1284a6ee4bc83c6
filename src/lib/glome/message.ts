import { GlomeError } from "../errors.ts";
import { byteString, bytesOf, decodeUtf8, encodeUtf8, hasHiddenBlanks, hasInvalidUtf8, hasUnsafeCharacters, type ByteString } from "../text.ts";
import { escapeByte, escapePathSegment, isPlain, unescapePathSegment } from "./percent.ts";
import type { Oddity, Request } from "./request.ts";
import type { Version } from "./handshake.ts";

/** The part of a challenge between the handshake and the last slash. */
export interface Message {
  readonly request: Request;
  /** What both sides tag. */
  readonly tagged: Uint8Array;
  readonly oddities: readonly Oddity[];
}

export interface EncodedMessage {
  /** As it stands in the challenge. */
  readonly text: string;
  readonly tagged: Uint8Array;
}

/**
 * @param message - bytes between the slash after the handshake and the last slash
 * @throws {GlomeError} CHALLENGE_SEGMENTS, CHALLENGE_HOST, CHALLENGE_ACTION, CHALLENGE_COLON, CHALLENGE_ESCAPE
 */
export function parseMessage(message: ByteString, version: Version): Message {
  return version === "v2" ? parseV2(message) : parseV1(message);
}

const NOTHING_ODD: readonly Oddity[] = [];

/**
 * v2 tags the message as it was sent, escapes and all.
 * Source: GLOME RFD 001, "Message Decoding" and "Message Tagging".
 */
function parseV2(message: ByteString): Message {
  const segments = message.split("/");
  const [hostSegment = "", actionSegment = ""] = segments;
  if (segments.length !== 2) {
    throw new GlomeError("CHALLENGE_SEGMENTS", `challenge has ${segments.length} ${segments.length === 1 ? "part" : "parts"} after the handshake, expected 2: host and action`, {
      hint: segments.length < 2 ? "copy the whole challenge, from v2/ to the last slash" : "in v2 a slash inside host or action is sent as %2F",
    });
  }
  const parts = unescapePathSegment(hostSegment, "host").split(":");
  if (parts.length > 2) {
    throw new GlomeError("CHALLENGE_COLON", `host has ${parts.length - 1} colons, expected at most one, after the host type`, {
      hint: "where the type ends cannot be told; the client must be configured without colons",
    });
  }
  const hostType = parts.length === 2 ? (parts[0] ?? "") : "";
  const host = parts.at(-1) ?? "";
  const action = unescapePathSegment(actionSegment, "action");
  if (isPlain(hostSegment) && isPlain(actionSegment) && hostType === "" && parts.length === 1 && action !== "") {
    return finish(hostType, host, action, bytesOf(message), NOTHING_ODD);
  }
  const oddities = [
    ...segmentOddities(hostSegment, "host"),
    ...segmentOddities(actionSegment, "action"),
    ...(parts.length === 2 && !hostSegment.includes(":") ? [oddity("escaped-colon", "the colon after the host type is escaped; a client that means a colon inside the host sends the same")] : []),
    ...(parts.length === 2 && hostType === "" ? [oddity("empty-host-type", "the host type is empty")] : []),
    ...(action === "" ? [oddity("empty-action", "the action is empty")] : []),
  ];
  return finish(hostType, host, action, bytesOf(message), oddities);
}

/**
 * v1 tags the host without its escapes and the action as it was sent, which
 * may hold slashes. Source: glome-login.md before RFD 001, and the C and Go
 * tools where they agree; `+` is a plus, as both clients send it.
 */
function parseV1(message: ByteString): Message {
  const slash = message.indexOf("/");
  const hostSegment = slash < 0 ? message : message.slice(0, slash);
  const action = slash < 0 ? "" : message.slice(slash + 1);
  const decodedHost = unescapePathSegment(hostSegment, "host");
  const colon = decodedHost.indexOf(":");
  const hostType = colon < 0 ? "" : decodedHost.slice(0, colon);
  const host = decodedHost.slice(colon + 1);
  if (host !== "" && action === "") {
    throw new GlomeError("CHALLENGE_ACTION", "challenge has no action, and v1 tools disagree on what is tagged then", {
      hint: "copy the whole challenge, from v1/ to the last slash; or let the client send an action",
    });
  }
  const oddities = [
    // A plus is better escaped, for the Go server's sake.
    ...segmentOddities(hostSegment.replaceAll("%2B", "+"), "host"),
    ...(/^[A-Za-z0-9\-._~!$&'()*+,;=:@/]*$/.test(action) ? [] : [oddity("action-character", "the action has characters that do not belong into a URL, or escapes, which v1 does not undo")]),
    ...(hostSegment.includes("+") ? [oddity("plus", "the host has a +, which is taken as a plus; google/glome's Go server takes it as a space")] : []),
    ...(decodedHost.includes("/") ? [oddity("slash-in-host", "the host has a slash, and in v1 the authcode is the same for a shorter host with a longer action")] : []),
    ...(host.includes(":") ? [oddity("colon-in-host", "the host has a colon")] : []),
    ...(colon === 0 ? [oddity("empty-host-type", "the host type is empty")] : []),
    ...(/^\/|\/\/|\/$/.test(action) ? [oddity("empty-segment", "the action has an empty part between slashes")] : []),
  ];
  return finish(hostType, host, action, bytesOf(`${decodedHost}/${action}`), oddities);
}

function finish(hostType: ByteString, host: ByteString, action: ByteString, tagged: Uint8Array, oddities: readonly Oddity[]): Message {
  if (host === "") {
    throw new GlomeError("CHALLENGE_HOST", "challenge has an empty host", {
      hint: "the client does not know its own name; set host-id in its configuration",
    });
  }
  const request = { hostType: decodeUtf8(hostType), host: decodeUtf8(host), action: decodeUtf8(action) };
  if (isPlain(hostType) && isPlain(host) && isPlain(action)) return { request, tagged, oddities };
  const fields = [["host type", request.hostType], ["host", request.host], ["action", request.action]] as const;
  const unsafe = fields.flatMap(([name, text]) => [
    ...(hasInvalidUtf8(text) ? [oddity("not-utf8", `the ${name} has bytes that are not UTF-8`)] : []),
    ...(hasUnsafeCharacters(text.replace(/[\udc80-\udcff]/gu, "")) ? [oddity("unsafe-character", `the ${name} has control, bidirectional or invisible characters`)] : []),
    ...(hasHiddenBlanks(text) ? [oddity("hidden-blank", `the ${name} has blanks at its ends or in a row`)] : []),
  ]);
  return { request, tagged, oddities: [...oddities, ...unsafe] };
}

/** What EscapePathSegment would have written otherwise. */
function segmentOddities(segment: ByteString, name: string): readonly Oddity[] {
  if (isPlain(segment)) return [];
  const escapes = segment.match(/%[0-9a-fA-F]{2}/g) ?? [];
  const needless = escapes.filter((escape) => isPlain(String.fromCharCode(Number.parseInt(escape.slice(1), 16))));
  const raw = segment.split("").filter((character) => character !== "%" && !isPlain(character));
  return [
    ...(escapes.some((escape) => /[a-f]/.test(escape)) ? [oddity("lower-case-escape", `the ${name} has escapes with lower-case digits`)] : []),
    ...(needless.length > 0 ? [oddity("needless-escape", `the ${name} escapes what needs no escape: ${[...new Set(needless)].join(" ")}`)] : []),
    ...(raw.length > 0 ? [oddity("missing-escape", `the ${name} does not escape what needs it: ${[...new Set(raw)].map(escapeByte).join(" ")}`)] : []),
  ];
}

function oddity(code: string, message: string): Oddity {
  return { code, message };
}

/**
 * Writes the message of a challenge, refusing what could be read back as
 * another request.
 *
 * @throws {GlomeError} CHALLENGE_HOST, CHALLENGE_ACTION, CHALLENGE_TEXT, CHALLENGE_COLON
 */
export function encodeMessage(request: Request, version: Version): EncodedMessage {
  if (request.host === "") throw new GlomeError("CHALLENGE_HOST", "host is empty");
  if (request.action === "") throw new GlomeError("CHALLENGE_ACTION", "action is empty");
  if ([request.hostType, request.host, request.action].some((text) => /[\p{Cs}\ufffd]/u.test(text))) {
    throw new GlomeError("CHALLENGE_TEXT", "host, host type or action is not Unicode text, or lost bytes that are not", { hint: "give it in UTF-8" });
  }
  if (request.hostType.includes(":") || request.host.includes(":")) {
    throw new GlomeError("CHALLENGE_COLON", "host or host type has a colon, which separates the two", {
      hint: "name the host without colons, or put the part before the colon into --host-type",
    });
  }
  const [hostType, host, action] = [request.hostType, request.host, request.action].map((text) => byteString(encodeUtf8(text))) as [string, string, string];
  const typePrefix = hostType === "" ? "" : `${escapePathSegment(hostType)}:`;
  const hostSegment = typePrefix + escapePathSegment(host);
  if (version === "v2") {
    const text = `${hostSegment}/${escapePathSegment(action)}`;
    return { text, tagged: bytesOf(text) };
  }
  if (!/^[A-Za-z0-9\-._~!$&'()*+,;=:@%]+(\/[A-Za-z0-9\-._~!$&'()*+,;=:@%]+)*$/.test(action)) {
    throw new GlomeError("CHALLENGE_ACTION", "v1 sends the action as it is, and this one has characters or empty parts that do not survive in a URL", {
      hint: "use letters, digits, - . _ ~ ! $ & ' ( ) * + , ; = : @ and single slashes, or --protocol v2",
    });
  }
  const decodedHost = hostType === "" ? host : `${hostType}:${host}`;
  // google/glome's Go server reads a bare + in a v1 host as a space.
  return { text: `${hostSegment.replaceAll("+", "%2B")}/${action}`, tagged: bytesOf(`${decodedHost}/${action}`) };
}
