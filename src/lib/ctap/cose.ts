import { createPublicKey, verify, type JsonWebKey, type KeyObject } from "node:crypto";
import { encodeHex } from "../bytes.ts";
import { CtapError } from "../errors.ts";
import { cborMap, type CborMap } from "./cbor.ts";

// Public keys of credentials and of the key agreement.
// Sources: RFC 9052 §7, RFC 9053 §2, RFC 8230 §4; WebAuthn §5.8.5.

/** The COSE algorithms that are read here, by their numbers. */
export const COSE_ALGORITHM = { es256: -7, eddsa: -8, es384: -35, rs256: -257, ecdhEs: -25 } as const;

/** A public key as a card sends it. */
export type CoseKey = CborMap;

const KEY_TYPE = 1;
const ALGORITHM = 3;
const CURVE = -1;
const X = -2;
const Y = -3;
const RSA_N = -1;
const RSA_E = -2;

const OKP = 1;
const EC2 = 2;
const RSA = 3;

interface Curve {
  readonly keyType: number;
  readonly number: number;
  /** As in a JSON Web Key. */
  readonly name: string;
  /** Bytes in a coordinate. */
  readonly length: number;
}

const P256: Curve = { keyType: EC2, number: 1, name: "P-256", length: 32 };
const P384: Curve = { keyType: EC2, number: 2, name: "P-384", length: 48 };
const ED25519: Curve = { keyType: OKP, number: 6, name: "Ed25519", length: 32 };

const CURVES: ReadonlyMap<number, Curve> = new Map([
  [COSE_ALGORITHM.es256, P256],
  [COSE_ALGORITHM.ecdhEs, P256],
  [COSE_ALGORITHM.es384, P384],
  [COSE_ALGORITHM.eddsa, ED25519],
]);

/**
 * The y of each Ed25519 point of an order of at most 8, also as itself + p: under
 * such a key anybody's signature is good. Source: those that libsodium refuses
 * (ge25519_has_small_order), encoded as in RFC 8032 §5.1.2.
 */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  "00".repeat(32),
  `01${"00".repeat(31)}`,
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  `ec${"ff".repeat(30)}7f`,
  `ed${"ff".repeat(30)}7f`,
  `ee${"ff".repeat(30)}7f`,
]);

/** 16384 bits; a longer modulus would only cost time. */
const MAX_RSA_MODULUS = 2048;
const MAX_RSA_EXPONENT = 8;

/**
 * @param map - ES256, EdDSA with Ed25519, ES384, RS256 or ECDH-ES + HKDF-256
 * @throws {CtapError} CTAP_COSE_KEY, also where the point is not on its curve, or of a small order
 */
export function parseCosePublicKey(map: CoseKey): KeyObject {
  const algorithm = map.get(ALGORITHM);
  if (algorithm === COSE_ALGORITHM.rs256) return parseRsa(map);
  const curve = typeof algorithm === "number" ? CURVES.get(algorithm) : undefined;
  if (curve === undefined) throw unusable(`public key has the algorithm ${describe(algorithm)}, expected -7, -8, -25, -35 or -257`);
  checkNumber(map, KEY_TYPE, "type", curve.keyType);
  checkNumber(map, CURVE, "curve", curve.number);
  const bytes = coordinate(map, X, "x", curve.length);
  const x = base64url(bytes);
  if (curve.keyType === OKP) {
    checkOrder(bytes);
    return importKey({ kty: "OKP", crv: curve.name, x });
  }
  return importKey({ kty: "EC", crv: curve.name, x, y: base64url(coordinate(map, Y, "y", curve.length)) });
}

/**
 * The reverse of `parseCosePublicKey`.
 *
 * @param algorithm - one that fits the key
 * @throws {CtapError} CTAP_COSE_KEY where it does not
 */
export function encodeCosePublicKey(key: KeyObject, algorithm: number): CoseKey {
  const jwk = key.export({ format: "jwk" });
  if (algorithm === COSE_ALGORITHM.rs256 && jwk.kty === "RSA") {
    return cborMap([KEY_TYPE, RSA], [ALGORITHM, algorithm], [RSA_N, bytesOf(jwk.n)], [RSA_E, bytesOf(jwk.e)]);
  }
  const curve = CURVES.get(algorithm);
  if (curve === undefined || jwk.crv !== curve.name) throw unusable(`${jwk.crv ?? jwk.kty ?? "key"} does not go with the algorithm ${algorithm}`);
  return cborMap(
    [KEY_TYPE, curve.keyType],
    [ALGORITHM, algorithm],
    [CURVE, curve.number],
    [X, bytesOf(jwk.x)],
    [Y, curve.keyType === EC2 ? bytesOf(jwk.y) : undefined],
  );
}

/** The coordinates of a P-256 point. */
export interface Point {
  /** 32 bytes. */
  readonly x: Uint8Array;
  /** 32 bytes. */
  readonly y: Uint8Array;
}

/**
 * Reads the shape of a P-256 key; whether the point is on the curve is for the
 * one who uses it.
 *
 * @param algorithms - that it may have
 * @throws {CtapError} CTAP_COSE_KEY
 */
export function parseP256Key(map: CoseKey, ...algorithms: readonly number[]): Point {
  const algorithm = map.get(ALGORITHM);
  if (!algorithms.some((known) => known === algorithm)) throw unusable(`public key has the algorithm ${describe(algorithm)}, expected ${algorithms.join(" or ")}`);
  checkNumber(map, KEY_TYPE, "type", P256.keyType);
  checkNumber(map, CURVE, "curve", P256.number);
  return { x: coordinate(map, X, "x", P256.length), y: coordinate(map, Y, "y", P256.length) };
}

/** The reverse of `parseP256Key`. */
export function encodeP256Key(algorithm: number, { x, y }: Point): CoseKey {
  return cborMap([KEY_TYPE, P256.keyType], [ALGORITHM, algorithm], [CURVE, P256.number], [X, x], [Y, y]);
}

/**
 * @param signature - as WebAuthn §6.5.5 has it: DER for ECDSA, 64 bytes for Ed25519, PKCS #1 v1.5 for RSA
 * @throws {CtapError} CTAP_COSE_KEY where the algorithm is not one that signs, or does not fit the key
 */
export function verifySignature(algorithm: number, key: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  const details = key.asymmetricKeyType === "ec" ? key.asymmetricKeyDetails?.namedCurve : key.asymmetricKeyType;
  switch (`${algorithm} ${details ?? ""}`) {
    case `${COSE_ALGORITHM.es256} prime256v1`:
    case `${COSE_ALGORITHM.rs256} rsa`:
      return verify("sha256", message, key, signature);
    case `${COSE_ALGORITHM.es384} secp384r1`:
      return verify("sha384", message, key, signature);
    case `${COSE_ALGORITHM.eddsa} ed25519`:
      return verify(null, message, key, signature);
    default:
      throw unusable(`signature has the algorithm ${algorithm}, which does not go with the key, ${details ?? "unknown"}`);
  }
}

function parseRsa(map: CoseKey): KeyObject {
  checkNumber(map, KEY_TYPE, "type", RSA);
  const n = map.get(RSA_N);
  const e = map.get(RSA_E);
  if (!(n instanceof Uint8Array) || n.length === 0 || n.length > MAX_RSA_MODULUS) throw unusable("RSA key has no modulus of a usable length");
  if (!(e instanceof Uint8Array) || e.length === 0 || e.length > MAX_RSA_EXPONENT) throw unusable("RSA key has no exponent of a usable length");
  return importKey({ kty: "RSA", n: base64url(n), e: base64url(e) });
}

function importKey(key: JsonWebKey): KeyObject {
  try {
    return createPublicKey({ key, format: "jwk" });
  } catch (error) {
    throw unusable("public key is not one: its point is not on the curve, or its numbers do not fit", error);
  }
}

/** Without the sign, which is the highest bit. */
function checkOrder(point: Uint8Array): void {
  if (SMALL_ORDER.has(encodeHex(point.with(31, (point[31] ?? 0) & 0x7f)))) throw unusable("Ed25519 key is a point of small order, expected one under which only its owner can sign");
}

function checkNumber(map: CoseKey, label: number, name: string, expected: number): void {
  const found = map.get(label);
  if (found !== expected) throw unusable(`public key has the ${name} ${describe(found)}, expected ${expected}`);
}

function coordinate(map: CoseKey, label: number, name: string, length: number): Uint8Array {
  const bytes = map.get(label);
  if (!(bytes instanceof Uint8Array)) throw unusable(`public key has no ${name}`);
  if (bytes.length !== length) throw unusable(`${name} of the public key is ${bytes.length} bytes, expected ${length}`);
  return bytes;
}

function describe(value: unknown): string {
  return typeof value === "number" || typeof value === "bigint" ? String(value) : "of another type";
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

function bytesOf(text: string | undefined): Uint8Array {
  return new Uint8Array(Buffer.from(text ?? "", "base64url"));
}

function unusable(message: string, cause?: unknown): CtapError {
  return new CtapError("CTAP_COSE_KEY", message, { kind: "outside", cause });
}
