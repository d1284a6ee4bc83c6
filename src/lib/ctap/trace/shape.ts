/**
 * What may stand at one place of a message: its name for people, and what of it
 * may go into a bug report. What a shape does not expect is hidden.
 */
export type Shape =
  /** A secret, or what identifies a person; `what` names it. */
  | { readonly kind: "hidden"; readonly what: string }
  /** A public key, or a part of one, which its digest stands for. */
  | { readonly kind: "digest"; readonly what: string }
  /** The same for an attestation certificate. */
  | { readonly kind: "certificate" }
  /** A number or boolean; numbers may have names. */
  | { readonly kind: "number"; readonly names?: Names }
  | { readonly kind: "text" }
  /** Bytes that tell nothing, known by their length. */
  | { readonly kind: "bytes"; readonly length: number }
  /** SHA-256 of an rp id. */
  | { readonly kind: "rp-id-hash" }
  | { readonly kind: "rp-id" }
  | { readonly kind: "authenticator-data" }
  | { readonly kind: "list"; readonly of: Shape }
  | { readonly kind: "map"; readonly fields: Fields; readonly others: Shape | undefined };

export type Names = ReadonlyMap<number, string>;

export type Fields = ReadonlyMap<number | string, Field>;

export interface Field {
  /** As the specification has it. */
  readonly name: string;
  readonly shape: Shape;
}

export const NUMBER: Shape = { kind: "number" };
export const TEXT: Shape = { kind: "text" };
export const RP_ID: Shape = { kind: "rp-id" };
export const RP_ID_HASH: Shape = { kind: "rp-id-hash" };
export const CERTIFICATE: Shape = { kind: "certificate" };
export const AUTHENTICATOR_DATA: Shape = { kind: "authenticator-data" };

export function hidden(what: string): Shape {
  return { kind: "hidden", what };
}

export function digest(what: string): Shape {
  return { kind: "digest", what };
}

export function bytes(length: number): Shape {
  return { kind: "bytes", length };
}

export function list(of: Shape): Shape {
  return { kind: "list", of };
}

/** A number with names for its values, from 1 on; a gap is an empty name. */
export function named(names: Readonly<Record<number, string>>): Shape {
  return { kind: "number", names: new Map(Object.entries(names).map(([value, name]) => [Number(value), name])) };
}

/** A map with integer keys, each with its name and shape. */
export function numbered(fields: Readonly<Record<number, readonly [name: string, shape: Shape]>>, others?: Shape): Shape {
  return { kind: "map", fields: new Map(Object.entries(fields).map(([key, [name, shape]]) => [Number(key), { name, shape }])), others };
}

/**
 * A map whose keys are names.
 *
 * @param others - shape of those that are not named here; without it they are
 *   hidden, names and all
 */
export function record(fields: Readonly<Record<string, Shape>>, others?: Shape): Shape {
  return { kind: "map", fields: new Map(Object.entries(fields).map(([name, shape]) => [name, { name, shape }])), others };
}
