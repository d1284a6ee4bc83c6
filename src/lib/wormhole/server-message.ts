import { WormholeError } from "../errors.ts";
import { asObject, field, parseJsonText, type Json, type JsonObject } from "./json.ts";

/** What a server wants before it lets a client bind. */
export type Permission = "none" | "unknown" | { readonly bits: number; readonly resource: string };

/**
 * What a mailbox server says, one JSON object in each text frame.
 * Source: magic-wormhole-mailbox-server, server_websocket.py.
 */
export type ServerMessage =
  | { readonly type: "welcome"; readonly motd?: string; readonly error?: string; readonly permission: Permission }
  | { readonly type: "nameplates"; readonly nameplates: readonly string[] }
  | { readonly type: "allocated"; readonly nameplate: string }
  | { readonly type: "claimed"; readonly mailbox: string }
  | { readonly type: "released" }
  | { readonly type: "message"; readonly side: string; readonly phase: string; /** Lower-case hex; nothing where it was none. */ readonly body: string | undefined }
  | { readonly type: "closed" }
  | { readonly type: "pong" }
  | { readonly type: "error"; readonly error: string; /** The type of the command that failed. */ readonly command: string | undefined }
  /** From Keyhole's server. */
  | { readonly type: "notice"; readonly notice: "crowded" | "silent-claim" }
  /** An `ack`, and what later servers may say. */
  | { readonly type: "other" };

const MAX_NAMEPLATES = 100_000;
const MAX_NAME_LENGTH = 1000;
const MAX_TEXT_LENGTH = 10_000;
const NAMEPLATE = /^[0-9]{1,40}$/;
const OTHER = { type: "other" } as const;

/**
 * Unknown types and keys are skipped, for servers to come. So is a message of
 * which side or phase is none: it was another client that chose them.
 *
 * @throws {WormholeError} WORMHOLE_SERVER_MESSAGE
 */
export function parseServerMessage(text: string): ServerMessage {
  const message = asObject(parseJsonText(text));
  if (message === undefined) throw malformed("a frame that is not a JSON object");
  const type = field(message, "type");
  if (typeof type !== "string") throw malformed("a message without a type");
  switch (type) {
    case "welcome":
      return parseWelcome(message);
    case "nameplates":
      return parseNameplates(message);
    case "allocated":
      return { type, nameplate: parseNameplate(message) };
    case "claimed":
      return { type, mailbox: parseMailbox(message) };
    case "message":
      return parseMessage(message);
    case "released":
    case "closed":
    case "pong":
      return { type };
    case "error":
      return parseError(message);
    case "keyhole-notice": {
      const notice = field(message, "notice");
      return notice === "crowded" || notice === "silent-claim" ? { type: "notice", notice } : OTHER;
    }
    default:
      return OTHER;
  }
}

function parseWelcome(message: JsonObject): ServerMessage {
  const welcome = asObject(field(message, "welcome"));
  if (welcome === undefined) throw malformed("a welcome that says nothing");
  const motd = textOf(field(welcome, "motd"));
  const error = textOf(field(welcome, "error"));
  return {
    type: "welcome",
    ...(motd === undefined ? {} : { motd }),
    ...(error === undefined ? {} : { error }),
    permission: parsePermission(field(welcome, "permission-required")),
  };
}

function parsePermission(required: Json | undefined): Permission {
  if (required === undefined || required === null) return "none";
  const methods = asObject(required);
  if (methods === undefined) return "unknown";
  if (Object.hasOwn(methods, "none")) return "none";
  const hashcash = asObject(field(methods, "hashcash"));
  if (hashcash === undefined) return "unknown";
  const bits = field(hashcash, "bits");
  const resource = field(hashcash, "resource");
  const isHashcash = typeof bits === "number" && Number.isSafeInteger(bits) && bits >= 0 && isName(resource);
  return isHashcash ? { bits, resource } : "unknown";
}

function parseNameplates(message: JsonObject): ServerMessage {
  const list = field(message, "nameplates");
  if (!Array.isArray(list)) throw malformed("nameplates that are no list");
  const ids = list.slice(0, MAX_NAMEPLATES).map((entry: Json) => field(asObject(entry) ?? {}, "id"));
  return { type: "nameplates", nameplates: ids.filter((id) => typeof id === "string").filter((id) => NAMEPLATE.test(id)) };
}

function parseNameplate(message: JsonObject): string {
  const nameplate = field(message, "nameplate");
  if (typeof nameplate !== "string" || !NAMEPLATE.test(nameplate)) throw malformed("a nameplate that is not 1 to 40 digits");
  return nameplate;
}

function parseMailbox(message: JsonObject): string {
  const mailbox = field(message, "mailbox");
  if (!isName(mailbox)) throw malformed("a mailbox that has no name");
  return mailbox;
}

function parseMessage(message: JsonObject): ServerMessage {
  const side = field(message, "side");
  const phase = field(message, "phase");
  const body = field(message, "body");
  if (!isName(side) || !isName(phase)) return OTHER;
  return { type: "message", side, phase, body: typeof body === "string" ? normalHex(body) : undefined };
}

function parseError(message: JsonObject): ServerMessage {
  const command = field(asObject(field(message, "orig")) ?? {}, "type");
  return { type: "error", error: textOf(field(message, "error")) ?? "an error that it does not name", command: isName(command) ? command : undefined };
}

function normalHex(text: string): string | undefined {
  return text.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(text) ? text.toLowerCase() : undefined;
}

function isName(value: Json | undefined): value is string {
  return typeof value === "string" && value !== "" && value.length <= MAX_NAME_LENGTH;
}

/** For people to read; a server that says more than they will is cut short. */
function textOf(value: Json | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  return (typeof value === "string" ? value : JSON.stringify(value)).slice(0, MAX_TEXT_LENGTH);
}

function malformed(what: string): WormholeError {
  return new WormholeError("WORMHOLE_SERVER_MESSAGE", `the server sent ${what}`, { kind: "outside", hint: "check that the address is that of a mailbox server; it ends in /v1" });
}
