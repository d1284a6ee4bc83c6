import type { Arguments } from "../arguments.ts";

type Run = (args: Arguments) => number | Promise<number>;

/** The commands for invites, each loaded when it is run. */
export const INVITE_RUN: Readonly<Record<string, () => Promise<Run>>> = {
  "invite create": async () => (await import("./create.ts")).create,
  "invite accept": async () => (await import("./accept.ts")).accept,
  "invite mailbox": async () => (await import("./mailbox.ts")).mailbox,
  "invite code check": async () => (await import("./code-check.ts")).codeCheck,
  "invite words": async () => (await import("./words.ts")).words,
};
