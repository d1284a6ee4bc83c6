import { concatBytes, parseHex } from "../../bytes.ts";
import { encodeUtf8 } from "../../text.ts";

// The one X.509 certificate that U2F cannot do without. Sources: RFC 5280 §4.1,
// RFC 5480 §2; FIDO U2F Authenticator Transports Extension §3.1.

const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_IDENTIFIER = 0x06;
const UTF8_STRING = 0x0c;
const GENERALIZED_TIME = 0x18;
const EXPLICIT_0 = 0xa0;
const EXPLICIT_3 = 0xa3;

const ECDSA_WITH_SHA256 = der(SEQUENCE, der(OBJECT_IDENTIFIER, hex("2a8648ce3d040302")));
const EC_PUBLIC_KEY_P256 = der(SEQUENCE, der(OBJECT_IDENTIFIER, hex("2a8648ce3d0201")), der(OBJECT_IDENTIFIER, hex("2a8648ce3d030107")));
const COMMON_NAME = der(OBJECT_IDENTIFIER, hex("550403"));
const U2F_TRANSPORTS = der(OBJECT_IDENTIFIER, hex("2b0601040182e51c020101"));

const VERSION_3 = der(EXPLICIT_0, der(INTEGER, Uint8Array.of(2)));
const SERIAL_NUMBER = der(INTEGER, Uint8Array.of(1));
const NAME = der(SEQUENCE, der(SET, der(SEQUENCE, COMMON_NAME, der(UTF8_STRING, encodeUtf8("Keyhole virtual authenticator")))));
/** The last is the time for "no end". Source: RFC 5280 §4.1.2.5. */
const VALIDITY = der(SEQUENCE, der(GENERALIZED_TIME, encodeUtf8("20000101000000Z")), der(GENERALIZED_TIME, encodeUtf8("99991231235959Z")));
/** Bit 2: USB. */
const USB = der(BIT_STRING, Uint8Array.of(5, 0x20));
const EXTENSIONS = der(EXPLICIT_3, der(SEQUENCE, der(SEQUENCE, U2F_TRANSPORTS, der(OCTET_STRING, USB))));

/**
 * Makes a certificate that a key signs for itself: it attests to no maker and
 * links no two credentials.
 *
 * @param point - of P-256, uncompressed, 65 bytes
 * @param sign - ECDSA with SHA-256, in DER
 * @returns DER
 */
export function selfSignedCertificate(point: Uint8Array, sign: (message: Uint8Array) => Uint8Array): Uint8Array {
  const publicKey = der(SEQUENCE, EC_PUBLIC_KEY_P256, der(BIT_STRING, Uint8Array.of(0), point));
  const contents = der(SEQUENCE, VERSION_3, SERIAL_NUMBER, ECDSA_WITH_SHA256, NAME, VALIDITY, NAME, publicKey, EXTENSIONS);
  return der(SEQUENCE, contents, ECDSA_WITH_SHA256, der(BIT_STRING, Uint8Array.of(0), sign(contents)));
}

/** tag(1) | length(1 to 3) | contents */
function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const contents = concatBytes(...parts);
  const { length } = contents;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return concatBytes(Uint8Array.of(tag, ...size), contents);
}

function hex(text: string): Uint8Array {
  return parseHex(text) ?? new Uint8Array();
}
