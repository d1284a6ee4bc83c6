import { CtapError } from "../errors.ts";
import { isCborMap, type CborMap, type CborValue } from "./cbor.ts";

/** A type that a value of a card's answer may have. */
export interface Kind<T> {
  /** As a sentence names it: `a byte string`. */
  readonly name: string;
  /** @returns nothing where the value is of another type */
  readonly read: (value: CborValue) => T | undefined;
}

export const BYTES: Kind<Uint8Array> = { name: "a byte string", read: (value) => (value instanceof Uint8Array ? value : undefined) };
export const TEXT: Kind<string> = { name: "text", read: (value) => (typeof value === "string" ? value : undefined) };
export const BOOLEAN: Kind<boolean> = { name: "a boolean", read: (value) => (typeof value === "boolean" ? value : undefined) };
export const INTEGER: Kind<number> = { name: "an integer", read: (value) => (Number.isSafeInteger(value) ? Number(value) : undefined) };
export const UNSIGNED: Kind<number> = { name: "an unsigned integer", read: (value) => (Number.isSafeInteger(value) && Number(value) >= 0 ? Number(value) : undefined) };
export const MAP: Kind<CborMap> = { name: "a map", read: (value) => (isCborMap(value) ? value : undefined) };

/** @param length - the only one that is taken */
export function bytesOfLength(length: number): Kind<Uint8Array> {
  return { name: `${length} bytes`, read: (value) => (value instanceof Uint8Array && value.length === length ? value : undefined) };
}

export function listOf<T>(kind: Kind<T>): Kind<readonly T[]> {
  return {
    name: `a list, each ${kind.name}`,
    read: (value) => (Array.isArray(value) ? allOrNothing(value.map((item: CborValue) => kind.read(item))) : undefined),
  };
}

/** A map from text to one type. */
export function mapOf<T>(kind: Kind<T>): Kind<ReadonlyMap<string, T>> {
  return {
    name: `a map from text to ${kind.name}`,
    read: (value) => {
      if (!isCborMap(value)) return undefined;
      const keys = allOrNothing([...value.keys()].map((key) => TEXT.read(key)));
      const values = allOrNothing([...value.values()].map((entry) => kind.read(entry)));
      return keys === undefined || values === undefined ? undefined : new Map(values.map((entry, i) => [keys[i] ?? "", entry]));
    },
  };
}

/** A map of a card's answer, read value by value. Keys that are not asked for are ignored. */
export class Answer {
  readonly map: CborMap;
  readonly #name: string;

  /** @param name - of what is read, for error messages: `makeCredential` */
  constructor(map: CborMap, name: string) {
    this.map = map;
    this.#name = name;
  }

  /** @throws {CtapError} CTAP_ANSWER where it is of another type */
  optional<T>(key: number | string, kind: Kind<T>): T | undefined {
    if (!this.map.has(key)) return undefined;
    const value = kind.read(this.map.get(key));
    if (value === undefined) throw this.#wrong(key, "another type or value", kind.name);
    return value;
  }

  /** @throws {CtapError} CTAP_ANSWER where it is missing, or of another type */
  required<T>(key: number | string, kind: Kind<T>): T {
    const value = this.optional(key, kind);
    if (value === undefined) throw this.#wrong(key, "nothing", kind.name);
    return value;
  }

  /** @throws {CtapError} CTAP_ANSWER */
  inner(key: number | string): Answer | undefined {
    const map = this.optional(key, MAP);
    return map === undefined ? undefined : new Answer(map, `${this.#name}, ${describe(key)}`);
  }

  #wrong(key: number | string, found: string, expected: string): CtapError {
    return new CtapError("CTAP_ANSWER", `answer to ${this.#name} has ${found} under ${describe(key)}, expected ${expected}`, { kind: "outside" });
  }
}

function describe(key: number | string): string {
  return typeof key === "number" ? `0x${key.toString(16).padStart(2, "0")}` : key;
}

function allOrNothing<T>(values: readonly (T | undefined)[]): readonly T[] | undefined {
  const all = values.filter((value) => value !== undefined);
  return all.length === values.length ? all : undefined;
}
