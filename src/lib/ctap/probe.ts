import { randomBytes } from "node:crypto";
import { concatBytes, equalBytes } from "../bytes.ts";
import { CtapError } from "../errors.ts";
import { byteString } from "../text.ts";
import { describeStatusWord, encodeApdu, parseApduResponse, STATUS_WORD } from "./apdu.ts";
import { encodeCbor, isCborMap, parseCbor } from "./cbor.ts";
import { CtapDevice, type TransactOptions } from "./device.ts";
import { chiefDiagnosis, diagnose, type Diagnosis } from "./diagnosis.ts";
import { hasOption, parseGetInfo, type GetInfo } from "./get-info.ts";
import type { InitResponse } from "./init.ts";
import { HID_COMMAND } from "./packet.ts";
import { parsePinRetries, pinRetriesParams, triesLeft, type PinRetries } from "./pin-retries.ts";
import { diagnosePinRetries, diagnosePinUv } from "./pin-uv-diagnosis.ts";
import { describeError, diagnoseError, isRefusal } from "./probe-errors.ts";
import { PROBE_BOUNDS, StepRecord, type ProbeBounds, type ProbeStep, type ProbeStepName } from "./probe-steps.ts";
import { statusError } from "./status.ts";
import { formatChannel, Traffic } from "./traffic.ts";
import type { Transport } from "./transport/transport.ts";

/** What a probe found. */
export interface ProbeReport {
  readonly steps: readonly ProbeStep[];
  readonly diagnosis: Diagnosis;
  /** What else is to be said, in the order in which it was found. */
  readonly warnings: readonly Diagnosis[];
  /** What the card said of itself, as far as the probe came. */
  readonly init: InitResponse | undefined;
  readonly info: GetInfo | undefined;
}

export interface ProbeOptions {
  readonly signal?: AbortSignal | undefined;
  /** Takes CBOR answers with the command of MSG. */
  readonly lenient?: boolean | undefined;
  /** Where others than the usual ones are wanted. */
  readonly bounds?: Partial<ProbeBounds> | undefined;
}

/** Crosses a packet, so that continuation packets are tried both ways; small enough for any card. */
const PING_LENGTH = 100;

const GET_INFO = 0x04;
const CLIENT_PIN = 0x06;
const U2F_VERSION = 0x03;

/**
 * Tries what a program needs of a card, from INIT on, and says what is wrong.
 * It takes the transport over and closes it. Nothing on the card is changed.
 *
 * @param record - of the steps before
 * @throws the reason of the signal
 */
export function probeTransport(transport: Transport, options: ProbeOptions = {}, record?: StepRecord): Promise<ProbeReport> {
  const bounds = { ...PROBE_BOUNDS, ...options.bounds };
  return new Probe(transport, record ?? new StepRecord(bounds.total), bounds, options).run();
}

/** A whole answer came, and there is something wrong with it. */
class Fault extends Error {
  readonly diagnosis: Diagnosis;

  constructor(diagnosis: Diagnosis) {
    super(diagnosis.message);
    this.diagnosis = diagnosis;
  }
}

class Probe {
  readonly #transport: Transport;
  readonly #record: StepRecord;
  readonly #bounds: ProbeBounds;
  readonly #options: ProbeOptions;
  readonly #traffic = new Traffic();
  readonly #found: Diagnosis[] = [];
  #device: CtapDevice | undefined;
  #info: GetInfo | undefined;
  #hasU2f = false;

  constructor(transport: Transport, record: StepRecord, bounds: ProbeBounds, options: ProbeOptions) {
    this.#transport = transport;
    this.#record = record;
    this.#bounds = bounds;
    this.#options = options;
  }

  async run(): Promise<ProbeReport> {
    try {
      await this.#steps();
    } finally {
      await this.#device?.close();
    }
    if (this.#traffic.hasDuplicates) this.#found.push(diagnose("duplicate-replies"));
    const others = this.#traffic.describeOthers();
    if (others !== undefined && !this.#found.some(({ code }) => code === "busy")) this.#found.push(diagnose("other-traffic", others));
    const diagnosis = chiefDiagnosis(this.#found);
    return { steps: this.#record.steps, diagnosis, warnings: this.#found.filter((one) => one !== diagnosis), init: this.#device?.init, info: this.#info };
  }

  /** One after the other, up to one after which the others make no sense. */
  async #steps(): Promise<void> {
    await this.#step("init", () => this.#open());
    const device = this.#device;
    if (device === undefined) return;
    const { wink, cbor, msg } = device.init.capabilities;
    const unless = (isOffered: boolean) => (isOffered ? undefined : "not offered");
    const steps: readonly (readonly [ProbeStepName, whyNot: () => string | undefined, run: () => Promise<string>])[] = [
      ["ping", () => undefined, () => this.#ping(device)],
      ["wink", () => unless(wink), () => this.#wink(device)],
      ["get-info", () => unless(cbor), () => this.#getInfo(device)],
      ["pin-retries", () => unless(cbor) ?? this.#whyNoPin(), () => this.#pinRetries(device)],
      ["u2f-version", () => unless(msg), () => this.#u2fVersion(device)],
    ];
    for (const [name, whyNot, run] of steps) {
      const reason = whyNot();
      if (reason !== undefined) this.#record.skip(name, reason);
      else if (!(await this.#step(name, run))) return;
    }
    if (!cbor) this.#found.push(diagnose(this.#hasU2f ? "u2f-only" : "no-protocol"));
  }

  /** @returns whether the probe can go on */
  async #step(name: ProbeStepName, run: () => Promise<string>): Promise<boolean> {
    try {
      await this.#record.run(name, run, (note) => note);
      return true;
    } catch (error) {
      this.#options.signal?.throwIfAborted();
      if (error instanceof Fault) {
        this.#found.push(error.diagnosis);
        return true;
      }
      if (!(error instanceof CtapError)) throw error;
      this.#found.push(diagnoseError(name, error, this.#traffic));
      return isRefusal(error);
    }
  }

  async #open(): Promise<string> {
    let attempts = 0;
    const device = await CtapDevice.open(this.#transport, {
      signal: this.#options.signal,
      lenient: this.#options.lenient,
      initTimeoutMs: this.#bounds.init,
      onStray: (stray) => this.#traffic.hear(stray),
      random: (length) => {
        attempts += 1;
        const nonce = randomBytes(length);
        this.#traffic.sentNonce(nonce);
        return nonce;
      },
    });
    this.#device = device;
    this.#traffic.forget(device.init.channel);
    if (attempts > 1) this.#found.push(diagnose("slow-init"));
    return describeInit(device.init);
  }

  async #ping(device: CtapDevice): Promise<string> {
    const payload = randomBytes(PING_LENGTH);
    this.#traffic.sentPing(payload);
    const echo = await device.transact(HID_COMMAND.ping, payload, this.#within(this.#bounds.ping));
    if (!equalBytes(echo, payload)) throw new Fault(diagnose("ping-echo", `${echo.length} bytes came back for ${PING_LENGTH}`));
    return `${PING_LENGTH} bytes there and back`;
  }

  async #wink(device: CtapDevice): Promise<string> {
    await device.transact(HID_COMMAND.wink, new Uint8Array(), this.#within(this.#bounds.wink));
    return "the card blinks, if it has a light";
  }

  async #getInfo(device: CtapDevice): Promise<string> {
    const answer = await device.transact(HID_COMMAND.cbor, Uint8Array.of(GET_INFO), this.#within(this.#bounds.getInfo));
    const status = answer[0] ?? 0x7f;
    if (status !== 0) throw new Fault(diagnose("get-info-refused", describeError(statusError(status))));
    const info = readInfo(answer.subarray(1));
    this.#info = info;
    const pinUv = diagnosePinUv(info);
    if (pinUv !== undefined) this.#found.push(pinUv);
    if (info.forcePinChange) this.#found.push(diagnose("pin-change"));
    const [oddity] = info.oddities;
    if (oddity !== undefined) this.#found.push(diagnose("get-info-not-canonical", `${oddity.message}, at byte ${oddity.offset}`));
    return `${info.versions.join(" ") || "no versions"}, ${answer.length - 1} bytes`;
  }

  #whyNoPin(): string | undefined {
    if (this.#info === undefined) return "getInfo is not known";
    return hasOption(this.#info, "clientPin") ? undefined : "no PIN is set";
  }

  async #pinRetries(device: CtapDevice): Promise<string> {
    const protocol = this.#info?.pinUvAuthProtocols.find((number) => number === 1 || number === 2);
    const request = concatBytes(Uint8Array.of(CLIENT_PIN), encodeCbor(pinRetriesParams(protocol)));
    const answer = await device.transact(HID_COMMAND.cbor, request, this.#within(this.#bounds.pinRetries));
    const status = answer[0] ?? 0x7f;
    if (status !== 0) throw statusError(status);
    const pinRetries = readPinRetries(answer.subarray(1));
    const diagnosis = diagnosePinRetries(pinRetries);
    if (diagnosis !== undefined) this.#found.push(diagnosis);
    const { retries, needsPowerCycle } = pinRetries;
    return `${triesLeft(retries)}${retries > 0 && needsPowerCycle ? ", once it was without power" : ""}`;
  }

  async #u2fVersion(device: CtapDevice): Promise<string> {
    const { status, data } = parseApduResponse(await device.transact(HID_COMMAND.msg, encodeApdu({ ins: U2F_VERSION }), this.#within(this.#bounds.u2fVersion)));
    if (status !== STATUS_WORD.noError) throw new Fault(diagnose("u2f-refused", describeStatusWord(status)));
    this.#hasU2f = true;
    return byteString(data);
  }

  /** @param ms - for all of a request; the wait for its first packet has as long */
  #within(ms: number): TransactOptions {
    const bound = this.#record.bound(ms);
    return { signal: this.#options.signal, silenceMs: bound, timeoutMs: bound };
  }
}

function readInfo(data: Uint8Array): GetInfo {
  try {
    return parseGetInfo(data);
  } catch (error) {
    if (!(error instanceof CtapError)) throw error;
    throw new Fault(diagnose(error.code === "CTAP_CBOR" ? "get-info-not-cbor" : "get-info-invalid", error.message));
  }
}

function readPinRetries(data: Uint8Array): PinRetries {
  try {
    const { value } = parseCbor(data);
    return parsePinRetries(isCborMap(value) ? value : new Map());
  } catch (error) {
    if (!(error instanceof CtapError)) throw error;
    throw new Fault(diagnose("pin-retries-refused", error.message));
  }
}

function describeInit({ channel, deviceVersion, capabilities: { wink, cbor, msg } }: InitResponse): string {
  const offers = [wink ? "WINK" : undefined, cbor ? "CBOR" : undefined, msg ? "MSG" : undefined].filter((name) => name !== undefined);
  return `channel ${formatChannel(channel)}, device ${deviceVersion.join(".")}, ${offers.join(" ") || "offers nothing"}`;
}
