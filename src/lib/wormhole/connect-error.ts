import { WormholeError } from "../errors.ts";
import { systemErrorCode } from "../files.ts";
import { escapeForTerminal } from "../text.ts";

// Why there is no connection, in words that help whoever reads them at night.

const ADDRESS_HINT = "check the address, as wss://host/v1, and that the server runs";

/**
 * @param error - of a socket, of TLS or of the WebSocket handshake
 * @returns WORMHOLE_CONNECT, WORMHOLE_TLS or WORMHOLE_NOT_A_MAILBOX
 */
export function connectError(url: URL, error: Error): WormholeError {
  const code = systemErrorCode(error) ?? "";
  const host = url.hostname;
  const words = TLS_ERRORS[code];
  if (words !== undefined) return tlsError(`${url.host}: ${words.what}`, words.hint, error);
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return tlsError(`${url.host}: its certificate is for another host`, "check the name in the address; it must be one that the certificate names", error);
  if (code === "EPROTO" || code.startsWith("ERR_SSL")) return tlsError(`${url.host} does not speak TLS as keyhole does`, "if it has no TLS, its address begins with ws://", error);
  switch (code) {
    case "ECONNREFUSED":
      return unreachable(`nothing listens at ${hostAndPort(url)}`, ADDRESS_HINT, error);
    case "ENOTFOUND":
      return unreachable(`host ${host} has no address`, "check the name, and that this machine is on the network", error);
    case "EAI_AGAIN":
    case "ETIMEOUT":
      return unreachable(`no name server says what the address of ${host} is`, "check that this machine is on the network", error);
    case "ENETUNREACH":
    case "EHOSTUNREACH":
      return unreachable(`no way to ${hostAndPort(url)}`, "check that this machine is on the network", error);
    case "ETIMEDOUT":
      return unreachable(`${hostAndPort(url)} does not answer`, "a firewall may be between; try another network, or another server with --mailbox", error);
    case "ECONNRESET":
    case "EPIPE":
      return hungUp(url, error);
  }
  return unreachable(`${hostAndPort(url)} cannot be reached: ${code === "" ? escapeForTerminal(error.message) : code}`, ADDRESS_HINT, error);
}

/** The server ended a connection that was not one to a mailbox server yet: it may expect the other scheme. */
export function hungUp(url: URL, cause?: unknown): WormholeError {
  return unreachable(`${hostAndPort(url)} ended the connection`, url.protocol === "ws:" ? "if it wants TLS, its address begins with wss://" : "if it has no TLS, its address begins with ws://", cause);
}

/** An answer to the WebSocket handshake that is a web page. */
export function responseError(url: URL, status: number): WormholeError {
  if (status === 429) return unreachable(`${hostAndPort(url)} answers HTTP 429: too many connections from here`, "wait a minute");
  if (status >= 500) return unreachable(`${hostAndPort(url)} answers HTTP ${status}: the server is full, or stops, or is down behind its proxy`, "try again later, or another server with --mailbox");
  return notAMailbox(url, `it answers HTTP ${status}`);
}

/** @param found - what shows that it is none */
export function notAMailbox(url: URL, found: string, cause?: unknown): WormholeError {
  return new WormholeError("WORMHOLE_NOT_A_MAILBOX", `${hostAndPort(url)} is no mailbox server: ${found}`, {
    kind: "outside",
    hint: "a web server is not a mailbox server; the address of one ends in /v1",
    cause,
  });
}

export function unreachable(found: string, hint = ADDRESS_HINT, cause?: unknown): WormholeError {
  return new WormholeError("WORMHOLE_CONNECT", found, { kind: "outside", hint, cause });
}

function tlsError(found: string, hint: string, cause: unknown): WormholeError {
  return new WormholeError("WORMHOLE_TLS", found, { kind: "outside", hint, cause });
}

const UNKNOWN_AUTHORITY = { what: "its certificate is signed by nobody whom this machine trusts", hint: "for a server of your own, name its authority's certificate file in NODE_EXTRA_CA_CERTS" };
const SELF_SIGNED = { what: "its certificate is signed by itself", hint: "for a server of your own, name its certificate file in NODE_EXTRA_CA_CERTS" };

const TLS_ERRORS: Readonly<Record<string, { readonly what: string; readonly hint: string }>> = {
  CERT_HAS_EXPIRED: { what: "its certificate has expired", hint: "its operator must renew it; check the clock of this machine, too" },
  CERT_NOT_YET_VALID: { what: "its certificate does not hold yet", hint: "check the clock of this machine" },
  CERT_REVOKED: { what: "its certificate was revoked", hint: "try another server with --mailbox" },
  DEPTH_ZERO_SELF_SIGNED_CERT: SELF_SIGNED,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
};

/** With the port that stands in no address, as it may be what is wrong. */
export function hostAndPort(url: URL): string {
  return url.port === "" ? `${url.hostname}:${url.protocol === "wss:" ? 443 : 80}` : url.host;
}
