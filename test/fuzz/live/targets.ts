import { deceiveClient } from "./client-target.ts";
import type { LiveTarget } from "./live.ts";
import { attackServer } from "./server-target.ts";

export const LIVE_TARGETS: readonly LiveTarget[] = [
  { name: "mailbox server over a socket", count: 100_000, run: attackServer },
  { name: "wormhole client over a socket", count: 100_000, run: deceiveClient },
];
