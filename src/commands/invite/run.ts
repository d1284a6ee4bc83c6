import type { Arguments } from "../arguments.ts";

type Run = (args: Arguments) => number | Promise<number>;

/** The commands for invites, each loaded when it is run. */
export const INVITE_RUN: Readonly<Record<string, () => Promise<Run>>> = {};
