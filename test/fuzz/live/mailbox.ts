import { startMailboxServer } from "../../../src/lib/wormhole/server/server.ts";
import { measureMemory } from "./live.ts";
import { MAX_MESSAGE } from "./mailbox-limits.ts";

// The server that is attacked, in a process of its own: tells its port, then its
// memory whenever it is asked, and what it logs.

/** Short, so that what attackers leave behind goes during the run. */
const IDLE_MS = 2000;

const server = await startMailboxServer({
  listen: [{ host: "127.0.0.1", port: 0 }],
  db: ":memory:",
  idleMs: IDLE_MS,
  maxMessage: MAX_MESSAGE,
  log: (line) => process.send?.({ log: line }),
});
process.on("message", (message) => {
  if (message === "stop") void server.stop().then(() => process.disconnect());
  else process.send?.({ memory: measureMemory() });
});
process.send?.({ port: server.addresses[0]?.port });
