import { encodeHex } from "../../lib/bytes.ts";
import type { AuthenticatorFlags } from "../../lib/ctap/authenticator-data.ts";
import type { User } from "../../lib/ctap/entities.ts";
import { escapeForTerminal } from "../../lib/text.ts";

/** `alice (04ff)`: the name, and the user handle in hexadecimal; cards give the name only once they have verified their user. */
export function describeUser({ id, name }: User): string {
  return `${name === undefined ? "without a name" : escapeForTerminal(name)} (${encodeHex(id)})`;
}

export function flagsToJson({ up, uv, be, bs, at, ed }: AuthenticatorFlags): object {
  return { up, uv, be, bs, at, ed };
}
