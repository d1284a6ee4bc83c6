import { randomBytes } from "node:crypto";
import { VERSION } from "../../version.ts";
import { encodeClientMessage } from "./client-message.ts";
import { unreachable } from "./connect-error.ts";
import { hexOf } from "./hex.ts";
import { parseServerMessage } from "./server-message.ts";
import { openSocket, parseMailboxUrl } from "./websocket.ts";

const TIMEOUT_MS = 5000;
const MAX_MESSAGE = 1024 * 1024;

export interface ListOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

/**
 * Which nameplates are claimed, to complete a code that somebody types. Servers
 * may be set up to name none; one that wants a permission is not asked.
 *
 * @returns in the server's order
 * @throws {WormholeError} WORMHOLE_CONNECT, WORMHOLE_TLS, WORMHOLE_NOT_A_MAILBOX, WORMHOLE_SERVER_MESSAGE;
 *   {UsageError} USAGE_MAILBOX; the reason of the signal
 */
export async function listNameplates(url: string, appid: string, { signal, timeoutMs = TIMEOUT_MS }: ListOptions = {}): Promise<readonly string[]> {
  const address = parseMailboxUrl(url);
  signal?.throwIfAborted();
  let finish: (nameplates: readonly string[]) => void = () => undefined;
  let fail: (error: unknown) => void = () => undefined;
  const listed = new Promise<readonly string[]>((resolve, reject) => {
    finish = resolve;
    fail = reject;
  });
  listed.catch(() => undefined);
  const abort = (): void => fail(signal?.reason);
  signal?.addEventListener("abort", abort);
  const timer = setTimeout(() => fail(unreachable(`${address.host} did not answer within ${timeoutMs / 1000} s`)), timeoutMs);
  const socket = await openSocket(address, {
    maxMessage: MAX_MESSAGE,
    pingMs: timeoutMs,
    silenceMs: timeoutMs,
    onOpen: () => undefined,
    onText: (text) => {
      try {
        const message = parseServerMessage(text);
        if (message.type === "nameplates") finish(message.nameplates);
        if (message.type === "error") finish([]);
        if (message.type !== "welcome") return;
        if (message.error !== undefined || message.permission !== "none") return finish([]);
        const side = hexOf(randomBytes(5));
        socket.send([encodeClientMessage({ type: "bind", appid, side, client_version: ["keyhole", VERSION] }), encodeClientMessage({ type: "list" })]);
      } catch (error) {
        fail(error);
      }
    },
    onEnd: fail,
  });
  try {
    return await listed;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
    socket.drop();
  }
}
