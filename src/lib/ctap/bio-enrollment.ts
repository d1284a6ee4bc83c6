import { concatBytes } from "../bytes.ts";
import { CtapError } from "../errors.ts";
import { Answer, BYTES, listOf, MAP, TEXT, UNSIGNED } from "./answer.ts";
import { cborMap, encodeCbor, type CborMap, type CborValue } from "./cbor.ts";
import { CTAP2_COMMAND, type Ctap2 } from "./ctap2.ts";
import { supportsOption, type GetInfo } from "./get-info.ts";
import type { PinUvAuthToken } from "./pin-uv-auth-token.ts";
import { isStatus } from "./status.ts";
import { unsupported } from "./unsupported.ts";

// Source: CTAP 2.1 §6.7, "authenticatorBioEnrollment".

/** A fingerprint that the card knows. */
export interface Fingerprint {
  readonly id: Uint8Array;
  readonly name: string | undefined;
}

export interface SensorInfo {
  readonly kind: "touch" | "swipe" | "unknown";
  /** Good samples that make a fingerprint; nothing where the card does not say. */
  readonly samples: number | undefined;
  /** UTF-8 bytes that a name may have. */
  readonly maxNameLength: number;
}

/** One touch of the sensor. */
export interface Sample {
  /** How it went: `good`, `too-fast`, …; `unknown` for a number that has no meaning. */
  readonly status: SampleStatus;
  /** Samples that are still to come. */
  readonly remaining: number;
}

const SAMPLE_STATUS = [
  "good",
  "too-high",
  "too-low",
  "too-left",
  "too-right",
  "too-fast",
  "too-slow",
  "poor-quality",
  "too-skewed",
  "too-short",
  "merge-failure",
  "exists",
  "unknown",
  "no-user-activity",
  "no-user-presence-transition",
] as const;

export type SampleStatus = (typeof SAMPLE_STATUS)[number];

export interface EnrollOptions {
  /** For each sample; the card's own time where it is not given. */
  readonly timeoutMs?: number | undefined;
  /** Called after each sample. */
  readonly onSample?: ((sample: Sample) => void) | undefined;
}

const SUBCOMMAND = { enrollBegin: 1, enrollNext: 2, cancel: 3, enumerate: 4, setName: 5, remove: 6, sensorInfo: 7 } as const;

const FINGERPRINT_MODALITY = 1;
const INVALID_OPTION = 0x2c;

/** Source: CTAP 2.1 §6.7, maxTemplateFriendlyName. */
const DEFAULT_MAX_NAME_LENGTH = 64;

/** A sensor that wants more samples, bad ones among them, does not work. */
const MAX_SAMPLES = 100;

/** For the word that an enrolment is over, which a card answers at once. */
const CANCEL_TIMEOUT_MS = 150;

/** The fingerprints of one card. */
export class BioEnrollment {
  readonly #ctap2: Ctap2;
  readonly #command: number;
  readonly #token: PinUvAuthToken | undefined;

  /**
   * @param info - of the card
   * @param token - with the permission be; `sensorInfo` does without
   * @throws {CtapError} CTAP_UNSUPPORTED
   */
  constructor(ctap2: Ctap2, info: GetInfo, token?: PinUvAuthToken) {
    this.#ctap2 = ctap2;
    this.#command = bioEnrollmentCommand(info);
    this.#token = token;
  }

  /** @throws {CtapError} CTAP_ANSWER; as `Ctap2.call` */
  async sensorInfo(): Promise<SensorInfo> {
    const answer = await this.#call(SUBCOMMAND.sensorInfo);
    const kind = answer.optional(0x02, UNSIGNED);
    return {
      kind: kind === 1 ? "touch" : kind === 2 ? "swipe" : "unknown",
      samples: answer.optional(0x03, UNSIGNED),
      maxNameLength: answer.optional(0x08, UNSIGNED) ?? DEFAULT_MAX_NAME_LENGTH,
    };
  }

  /** @throws {CtapError} CTAP_ANSWER; as `Ctap2.call` */
  async fingerprints(): Promise<readonly Fingerprint[]> {
    try {
      const answer = await this.#callWithProof(SUBCOMMAND.enumerate);
      return (answer.optional(0x07, listOf(MAP)) ?? []).map((map) => parseFingerprint(new Answer(map, "bioEnrollment")));
    } catch (error) {
      // What a card without any says.
      if (isStatus(error, INVALID_OPTION)) return [];
      throw error;
    }
  }

  /**
   * Takes samples until the card knows the finger. Where that does not come to
   * its end, the card is told to forget them.
   *
   * @returns the id of the new fingerprint
   * @throws {CtapError} CTAP_USER_TIMEOUT where nobody touches the sensor, CTAP_BIO_SAMPLES where it wants more than 100;
   *   CTAP2_ERR_FP_DATABASE_FULL; as `Ctap2.call`
   */
  async enroll({ timeoutMs, onSample = () => undefined }: EnrollOptions = {}): Promise<Uint8Array> {
    let answer = await this.#callWithProof(SUBCOMMAND.enrollBegin, cborMap([0x03, timeoutMs]));
    try {
      const id = answer.required(0x04, BYTES);
      const next = cborMap([0x01, id], [0x03, timeoutMs]);
      for (let count = 1; ; count++) {
        const sample = parseSample(answer);
        onSample(sample);
        if (sample.status === "no-user-activity") throw new CtapError("CTAP_USER_TIMEOUT", "nobody touched the sensor in time", { kind: "no", hint: "run it again and touch the sensor when it blinks" });
        if (sample.remaining === 0) return id;
        if (count === MAX_SAMPLES) throw new CtapError("CTAP_BIO_SAMPLES", `sensor still wants samples after ${MAX_SAMPLES}`, { kind: "outside", hint: "clean sensor and finger, and try again" });
        answer = await this.#callWithProof(SUBCOMMAND.enrollNext, next);
      }
    } catch (error) {
      await this.#cancel();
      throw error;
    }
  }

  /** @param name - as long as `SensorInfo` says, not empty. @throws {CtapError} as `Ctap2.call` */
  async rename(id: Uint8Array, name: string): Promise<void> {
    await this.#callWithProof(SUBCOMMAND.setName, cborMap([0x01, id], [0x02, name]));
  }

  /** @throws {CtapError} as `Ctap2.call` */
  async remove(id: Uint8Array): Promise<void> {
    await this.#callWithProof(SUBCOMMAND.remove, cborMap([0x01, id]));
  }

  async #cancel(): Promise<void> {
    try {
      // Not with the options of the rest: the signal that may have ended them would end this too.
      await this.#ctap2.call(this.#command, this.#request(SUBCOMMAND.cancel), { timeoutMs: CANCEL_TIMEOUT_MS, silenceMs: CANCEL_TIMEOUT_MS });
    } catch {
      // There may be nothing to cancel, or nobody there; what went before counts.
    }
  }

  async #call(subCommand: number): Promise<Answer> {
    return new Answer(await this.#ctap2.call(this.#command, this.#request(subCommand)), "bioEnrollment");
  }

  async #callWithProof(subCommand: number, params: CborMap = new Map()): Promise<Answer> {
    const sent = params.size === 0 ? undefined : params;
    const message = concatBytes(Uint8Array.of(FINGERPRINT_MODALITY, subCommand), sent === undefined ? new Uint8Array() : encodeCbor(sent));
    const request = this.#request(subCommand, [0x03, sent], [0x04, this.#token?.protocol], [0x05, this.#token?.authenticate(message)]);
    return new Answer(await this.#ctap2.call(this.#command, request), "bioEnrollment");
  }

  #request(subCommand: number, ...entries: readonly (readonly [number, CborValue])[]): CborMap {
    return cborMap([0x01, FINGERPRINT_MODALITY], [0x02, subCommand], ...entries);
  }
}

/**
 * The command of the card: that of CTAP 2.1, or of its preview.
 *
 * @throws {CtapError} CTAP_UNSUPPORTED where there is none
 */
export function bioEnrollmentCommand(info: GetInfo): number {
  if (supportsOption(info, "bioEnroll")) return CTAP2_COMMAND.bioEnrollment;
  if (supportsOption(info, "userVerificationMgmtPreview")) return CTAP2_COMMAND.bioEnrollmentPreview;
  throw unsupported("learn fingerprints", "the option bioEnroll");
}

function parseFingerprint(answer: Answer): Fingerprint {
  return { id: answer.required(0x01, BYTES), name: answer.optional(0x02, TEXT) };
}

function parseSample(answer: Answer): Sample {
  return { status: SAMPLE_STATUS[answer.required(0x05, UNSIGNED)] ?? "unknown", remaining: answer.required(0x06, UNSIGNED) };
}
