import { clientPin } from "./client-pin.ts";
import { config } from "./config.ts";
import { credentialManagement } from "./credential-management.ts";
import { getAssertion, getNextAssertion } from "./get-assertion.ts";
import { getInfo, MAX_MESSAGE_SIZE } from "./get-info.ts";
import { largeBlobs } from "./large-blobs.ts";
import { makeCredential } from "./make-credential.ts";
import { ok } from "./answer.ts";
import { Parameters } from "./parameters.ts";
import { Refusal, STATUS } from "./refusal.ts";
import { Session, type Context, type Conversation } from "./session.ts";
import { MemoryStore, newState, type State, type Store } from "./state.ts";
import { answerU2f } from "./u2f.ts";

/** After power came, a reset is possible for so long. Source: CTAP 2.1 §6.6. */
export const RESET_WINDOW_MS = 10_000;

type Command = (context: Context, params: Parameters) => Uint8Array | Conversation;

const COMMANDS: ReadonlyMap<number, Command> = new Map<number, Command>([
  [0x01, makeCredential],
  [0x02, getAssertion],
  [0x04, getInfo],
  [0x06, clientPin],
  [0x07, reset],
  [0x08, getNextAssertion],
  [0x0a, credentialManagement],
  [0x0b, selection],
  [0x0c, largeBlobs],
  [0x0d, config],
  // The command of FIDO_2_1_PRE, by which libfido2 asks cards of any version.
  [0x41, credentialManagement],
]);

export interface AuthenticatorOptions {
  /** Without it, all is forgotten with the object. */
  readonly store?: Store;
  /** In milliseconds, from any beginning. */
  readonly now?: () => number;
}

/**
 * A CTAP 2.1 authenticator with U2F, without its wire and its person: requests
 * go in, answers come out, and between them the touches that are asked for. No
 * secret in it is protected from anybody.
 */
export class Authenticator {
  readonly #store: Store;
  readonly #now: () => number;
  #session: Session;

  constructor({ store = new MemoryStore(), now = () => performance.now() }: AuthenticatorOptions = {}) {
    this.#store = store;
    this.#now = now;
    this.#session = new Session(now());
  }

  /** Takes the power away and gives it back. */
  powerCycle(): void {
    this.#session = new Session(this.#now());
  }

  /**
   * @param request - a command byte and its parameters
   * @param channel - of the host; another host does not go on with what one began
   */
  cbor(request: Uint8Array, channel: number): Conversation {
    this.#session.begin(channel);
    return this.#run((context) => answerCbor(context, request));
  }

  /** @param request - an APDU */
  msg(request: Uint8Array): Conversation {
    return this.#run((context) => answerU2f(context, request));
  }

  /** Runs each step of a conversation over the state as it then is. */
  *#run(begin: (context: Context) => Conversation): Conversation {
    const context = new LiveContext(this.#session, this.#now);
    const conversation = begin(context);
    for (;;) {
      const step = this.#store.run((state) => {
        context.enter(state);
        return conversation.next();
      });
      if (step.done === true) return step.value;
      yield step.value;
    }
  }
}

class LiveContext implements Context {
  readonly session: Session;
  readonly #now: () => number;
  #state: State | undefined;

  constructor(session: Session, now: () => number) {
    this.session = session;
    this.#now = now;
  }

  get state(): State {
    if (this.#state === undefined) throw new RangeError("no step has begun");
    return this.#state;
  }

  get nowMs(): number {
    return this.#now();
  }

  enter(state: State): void {
    this.#state = state;
  }
}

function* answerCbor(context: Context, request: Uint8Array): Conversation {
  try {
    const command = COMMANDS.get(request[0] ?? 0);
    if (command === undefined) throw new Refusal(STATUS.invalidCommand);
    if (request.length > MAX_MESSAGE_SIZE) throw new Refusal(STATUS.requestTooLarge);
    const result = command(context, Parameters.parse(request.subarray(1)));
    return result instanceof Uint8Array ? result : yield* result;
  } catch (error) {
    if (error instanceof Refusal) return Uint8Array.of(error.status);
    throw error;
  }
}

/** authenticatorSelection. Source: CTAP 2.1 §6.9. */
function* selection(): Conversation {
  yield { what: "selection" };
  return ok();
}

/** authenticatorReset. Source: CTAP 2.1 §6.6. */
function* reset(context: Context): Conversation {
  if (context.nowMs - context.session.poweredOnMs > RESET_WINDOW_MS) throw new Refusal(STATUS.notAllowed);
  yield { what: "reset" };
  Object.assign(context.state, newState());
  context.session.forget();
  return ok();
}
