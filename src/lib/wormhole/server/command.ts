import { asObject, field, parseJsonText, type Json, type JsonObject } from "../json.ts";

/** Of everything that a client names; well below what an index of PostgreSQL takes. */
export const MAX_NAME_LENGTH = 256;
/** Of what went wrong, a client is sent back no more than this. */
const MAX_ORIG_LENGTH = 64 * 1024;
const MAX_ORIG_TEXT_LENGTH = 1000;

/** What a client asks for, its fields checked. Source: magic-wormhole-mailbox-server, server_websocket.py. */
export type Command =
  | { readonly type: "ping"; readonly ping: Json }
  | { readonly type: "bind"; readonly appid: string; readonly side: string; /** Wants notices about third sides. */ readonly watch: boolean }
  | { readonly type: "list" }
  | { readonly type: "allocate" }
  | { readonly type: "claim"; readonly nameplate: string }
  | { readonly type: "release"; readonly nameplate: string | undefined }
  | { readonly type: "open"; readonly mailbox: string }
  | { readonly type: "add"; readonly phase: string; readonly body: string; /** JSON that comes back with the message. */ readonly id: string | undefined }
  | { readonly type: "close"; readonly mailbox: string | undefined; readonly mood: string | undefined }
  /** A command with a field missing or wrong: what to say, if nothing else is wrong before. */
  | { readonly type: "invalid"; readonly of: CommandType; readonly error: string }
  | { readonly type: "unknown" }
  /** No command at all. */
  | { readonly type: "malformed"; readonly error: string }
  /** The connection has ended; no frame says this. */
  | { readonly type: "leave" };

export type CommandType = "ping" | "bind" | "list" | "allocate" | "claim" | "release" | "open" | "add" | "close";

/** One frame of a client. */
export interface Frame {
  readonly command: Command;
  /** What the `ack` carries; nothing where there is none, as the frame is no command. */
  readonly ack: Json | undefined;
  /** What an `error` carries: what came, unless it was too long. */
  readonly orig: Json;
}

/** Reads one text frame. Nothing that a client sends makes it throw. */
export function parseFrame(text: string): Frame {
  const value = parseJsonText(text);
  if (value === undefined) return malformed("not JSON, or nested too deeply", text.slice(0, MAX_ORIG_TEXT_LENGTH));
  const orig = text.length <= MAX_ORIG_LENGTH ? value : null;
  const fields = asObject(value);
  if (fields === undefined) return malformed("not a JSON object", orig);
  const type = field(fields, "type");
  if (type === undefined) return malformed("missing 'type'", orig);
  return { command: parseCommand(type, fields), ack: field(fields, "id") ?? null, orig };
}

/** A frame that is not even text. */
export function malformed(error: string, orig: Json = null): Frame {
  return { command: { type: "malformed", error }, ack: undefined, orig };
}

function parseCommand(type: Json, fields: JsonObject): Command {
  switch (type) {
    case "ping": {
      const ping = field(fields, "ping");
      return ping === undefined ? invalid(type, "ping requires 'ping'") : { type, ping };
    }
    case "bind":
      return parseBind(fields);
    case "list":
    case "allocate":
      return { type };
    case "claim":
      return parseClaim(fields);
    case "release": {
      const nameplate = field(fields, "nameplate");
      if (nameplate === undefined) return { type, nameplate };
      return typeof nameplate === "string" ? { type, nameplate } : invalid(type, "nameplate must be a string");
    }
    case "open": {
      const mailbox = field(fields, "mailbox");
      if (mailbox === undefined) return invalid(type, "open requires 'mailbox'");
      return isName(mailbox) ? { type, mailbox } : invalid(type, nameError("mailbox"));
    }
    case "add":
      return parseAdd(fields);
    case "close":
      return parseClose(fields);
    default:
      return { type: "unknown" };
  }
}

function parseBind(fields: JsonObject): Command {
  const appid = field(fields, "appid");
  const side = field(fields, "side");
  if (appid === undefined) return invalid("bind", "bind requires 'appid'");
  if (side === undefined) return invalid("bind", "bind requires 'side'");
  if (!isName(appid)) return invalid("bind", nameError("appid"));
  if (!isName(side)) return invalid("bind", nameError("side"));
  const wishes = asObject(field(fields, "keyhole")) ?? {};
  return { type: "bind", appid, side, watch: field(wishes, "watch") === true };
}

const NAMEPLATE = /^[0-9]{1,40}$/;

function parseClaim(fields: JsonObject): Command {
  const nameplate = field(fields, "nameplate");
  if (nameplate === undefined) return invalid("claim", "claim requires 'nameplate'");
  const isNameplate = typeof nameplate === "string" && NAMEPLATE.test(nameplate);
  return isNameplate ? { type: "claim", nameplate } : invalid("claim", "nameplate must be 1 to 40 digits");
}

/** A body that is not hex is the business of those who read it: the reference server stores any. */
function parseAdd(fields: JsonObject): Command {
  const phase = field(fields, "phase");
  const body = field(fields, "body");
  if (phase === undefined) return invalid("add", "missing 'phase'");
  if (body === undefined) return invalid("add", "missing 'body'");
  if (!isName(phase)) return invalid("add", nameError("phase"));
  if (typeof body !== "string" || !isStorable(body)) return invalid("add", "body must be a string of hex digits");
  const id = field(fields, "id");
  const idText = id === undefined ? undefined : JSON.stringify(id);
  if (idText !== undefined && idText.length > MAX_NAME_LENGTH) return invalid("add", `id must be at most ${MAX_NAME_LENGTH} characters`);
  return { type: "add", phase, body, id: idText };
}

function parseClose(fields: JsonObject): Command {
  const mailbox = field(fields, "mailbox");
  const mood = field(fields, "mood");
  if (mailbox !== undefined && !isName(mailbox)) return invalid("close", nameError("mailbox"));
  return { type: "close", mailbox, mood: isName(mood) ? mood : undefined };
}

function invalid(of: CommandType, error: string): Command {
  return { type: "invalid", of, error };
}

function nameError(name: string): string {
  return `${name} must be a string of at most ${MAX_NAME_LENGTH} characters`;
}

function isName(value: Json | undefined): value is string {
  return typeof value === "string" && value.length <= MAX_NAME_LENGTH && isStorable(value);
}

/** What no database or UTF-8 holds: NUL, and surrogates without their other half. */
const UNSTORABLE = /[\0\p{Surrogate}]/u;

function isStorable(text: string): boolean {
  return !UNSTORABLE.test(text);
}
