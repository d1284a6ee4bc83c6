import { equalBytes } from "../../bytes.ts";
import { CtapError } from "../../errors.ts";
import { encodeCbor, isCborMap, parseCbor, type CborItem, type CborMap, type CborValue } from "../cbor.ts";
import { Refusal, STATUS } from "./refusal.ts";

type Guard<Kind extends CborValue> = (value: CborValue) => value is Kind;

// What a parameter may be.

export const isBytes: Guard<Uint8Array> = (value) => value instanceof Uint8Array;
export const isText: Guard<string> = (value) => typeof value === "string";
export const isFlag: Guard<boolean> = (value) => typeof value === "boolean";
export const isInteger: Guard<number> = (value): value is number => typeof value === "number" && Number.isSafeInteger(value);
export const isUnsigned: Guard<number> = (value): value is number => isInteger(value) && value >= 0;
export const isMap: Guard<CborMap> = isCborMap;
export const isList: Guard<readonly CborValue[]> = (value): value is readonly CborValue[] => Array.isArray(value);

/** A map of a request, whose values are taken by key and type. Unknown keys are ignored. */
export class Parameters {
  readonly map: CborMap;

  constructor(map: CborMap) {
    this.map = map;
  }

  /**
   * Reads what follows the command byte; nothing counts as an empty map.
   *
   * @throws {Refusal} CTAP2_ERR_INVALID_CBOR also where it is not canonical, CTAP2_ERR_CBOR_UNEXPECTED_TYPE
   */
  static parse(bytes: Uint8Array): Parameters {
    if (bytes.length === 0) return new Parameters(new Map());
    const { value, oddities } = readCbor(bytes);
    // Parts of requests are authenticated over their bytes, which are those of encoding them again.
    if (oddities.length > 0 || !equalBytes(encodeCbor(value), bytes)) throw new Refusal(STATUS.invalidCbor);
    if (!isMap(value)) throw new Refusal(STATUS.unexpectedType);
    return new Parameters(value);
  }

  /** @throws {Refusal} CTAP2_ERR_CBOR_UNEXPECTED_TYPE */
  optional<Kind extends CborValue>(key: number | string, guard: Guard<Kind>): Kind | undefined {
    const value = this.map.get(key);
    if (value === undefined) return undefined;
    if (!guard(value)) throw new Refusal(STATUS.unexpectedType);
    return value;
  }

  /** @throws {Refusal} CTAP2_ERR_MISSING_PARAMETER, CTAP2_ERR_CBOR_UNEXPECTED_TYPE */
  required<Kind extends CborValue>(key: number | string, guard: Guard<Kind>): Kind {
    const value = this.optional(key, guard);
    if (value === undefined) throw new Refusal(STATUS.missingParameter);
    return value;
  }

  /** A map within it; empty where it is not there. */
  inner(key: number | string): Parameters {
    return new Parameters(this.optional(key, isMap) ?? new Map());
  }

  /** A list of maps within it. */
  maps(key: number | string): readonly Parameters[] | undefined {
    return this.optional(key, isList)?.map((value) => {
      if (!isMap(value)) throw new Refusal(STATUS.unexpectedType);
      return new Parameters(value);
    });
  }
}

function readCbor(bytes: Uint8Array): CborItem {
  try {
    return parseCbor(bytes);
  } catch (error) {
    if (error instanceof CtapError) throw new Refusal(STATUS.invalidCbor);
    throw error;
  }
}
