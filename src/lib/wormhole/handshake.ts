import { createHash } from "node:crypto";
import type { WormholeError } from "../errors.ts";
import { notAMailbox, responseError } from "./connect-error.ts";

// How a WebSocket begins, as an HTTP request and its answer. Source: RFC 6455 §4.

/** Hashed with the key, to show that the server means this request. */
const MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** What ends an answer's head; what follows is frames. */
export const END_OF_HEAD = "\r\n\r\n";

/** No server needs more to say yes. */
export const MAX_HEAD_LENGTH = 16 * 1024;

/** @param key - 16 random bytes in base64 */
export function encodeRequest(url: URL, key: string): string {
  return [
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${key}`,
    "Sec-WebSocket-Version: 13",
  ].join("\r\n") + END_OF_HEAD;
}

/**
 * What is wrong with the head of an answer.
 *
 * @param head - as it came, one character per byte, up to `END_OF_HEAD`
 * @returns WORMHOLE_CONNECT or WORMHOLE_NOT_A_MAILBOX; nothing where the connection stands
 */
export function refusal(url: URL, key: string, head: string): WormholeError | undefined {
  const [first = "", ...lines] = head.split("\r\n");
  const [, version, status] = /^HTTP\/1\.([01]) ([0-9]{3})(?: |$)/.exec(first) ?? [];
  if (status === undefined) return noHttp(url);
  if (status !== "101") return responseError(url, Number(status));
  if (version !== "1") return notAMailbox(url, "it does not speak WebSocket as it should");
  const headers = new Map(lines.map(parseHeader));
  const isUpgraded = headers.get("upgrade")?.toLowerCase() === "websocket" && /(^|[\s,])upgrade($|[\s,])/i.test(headers.get("connection") ?? "");
  const isMeant = headers.get("sec-websocket-accept") === createHash("sha1").update(key + MAGIC).digest("base64");
  // We offered neither, so a server that chose one speaks to somebody else.
  const isPlain = !headers.has("sec-websocket-extensions") && !headers.has("sec-websocket-protocol");
  return isUpgraded && isMeant && isPlain ? undefined : notAMailbox(url, "it does not speak WebSocket as it should");
}

export function noHttp(url: URL): WormholeError {
  return notAMailbox(url, "it does not speak HTTP");
}

function parseHeader(line: string): readonly [name: string, value: string] {
  const colon = line.indexOf(":");
  return colon < 0 ? ["", ""] : [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}
