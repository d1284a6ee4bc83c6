/**
 * Security keys for Node: CTAP2 and CTAP1 over any transport. A transport is
 * opened, a device takes it over, and `Ctap2`, `Ctap1` and `ClientPin` speak
 * through the device; every request takes an AbortSignal, which cancels it on
 * the card, and a callback for keepalives, which says when to touch the card.
 *
 * ```ts
 * const device = await CtapDevice.open(await openTransport("hidraw:/dev/hidraw0"), { signal });
 * const ctap2 = new Ctap2(device, { signal, onKeepalive: (status) => status === "up-needed" && askForTouch() });
 * const made = await ctap2.makeCredential({ clientDataHash, rp, user, algorithms: [COSE_ALGORITHM.es256] });
 * verifyAttestation(made, { rpId: rp.id, clientDataHash }, [COSE_ALGORITHM.es256]);
 * await device.close();
 * ```
 */
export { CtapError, KeyholeError, UsageError, type ErrorKind } from "../errors.ts";

// The way to a card.
export type { Transport } from "./transport/transport.ts";
export { memoryPair, type MemoryCard } from "./transport/memory.ts";
export { openTransport, type OpenOptions } from "./open.ts";
export { parseDeviceUri, type DeviceUri } from "./device-uri.ts";
export { interfacesOfCards, isSameCard, listHidInterfaces, type CardIdentity, type Enumeration, type HidInterface } from "./hid-interfaces.ts";
export { udevRule } from "./udev-rule.ts";
export { CtapDevice, type DeviceOptions, type Keepalive, type Stray, type TransactOptions } from "./device.ts";

// CTAPHID.
export { BROADCAST_CHANNEL, encodeMessage, HID_COMMAND, MAX_MESSAGE_LENGTH, parsePacket, REPORT_LENGTH, type ContinuationPacket, type InitPacket, type Packet } from "./packet.ts";
export { MessageAssembler, type Message } from "./message.ts";
export { encodeInitResponse, parseInitResponse, type Capabilities, type InitResponse } from "./init.ts";
export { isStatus, statusError, statusName } from "./status.ts";

// CTAP2.
export { Ctap2, CTAP2_COMMAND, type RawAnswer } from "./ctap2.ts";
export { GET_INFO_NAMES, hasOption, isCtap21, parseGetInfo, supportsOption, type Algorithm, type GetInfo } from "./get-info.ts";
export { encodeMakeCredential, parseMadeCredential, type MadeCredential, type MakeCredentialParams } from "./make-credential.ts";
export { encodeGetAssertion, parseAssertion, type Assertion, type GetAssertionParams } from "./get-assertion.ts";
export type { CredentialDescriptor, Rp, User } from "./entities.ts";
export {
  choosePinProtocol,
  ClientPin,
  checkPinLength,
  parsePin,
  PERMISSION,
  PinUvAuthToken,
  type PinRandomness,
  type PinRetries,
  type SharedSecret,
  type Verification,
} from "./client-pin.ts";
export { keyAgreement, pinProtocol, type KeyAgreement, type PinProtocol, type PinProtocolNumber } from "./pin-protocol.ts";
export { CredentialManagement, type CredentialsMetadata, type StoredCredential, type StoredRp } from "./credential-management.ts";
export { BioEnrollment, type EnrollOptions, type Fingerprint, type Sample, type SampleStatus, type SensorInfo } from "./bio-enrollment.ts";
export { findLargeBlob, listLargeBlobs, readLargeBlobs, replaceLargeBlob, writeLargeBlobs, type LargeBlobArray } from "./large-blobs.ts";
export { decryptLargeBlob, encryptLargeBlob, type LargeBlob } from "./large-blob.ts";
export { enableEnterpriseAttestation, isAlwaysUv, isEnterpriseAttestation, setAlwaysUv, setMinPinLength, type MinPinLength } from "./authenticator-config.ts";
export { decryptHmacSecretOutput, encodeHmacSecretInput, HMAC_SECRET, parseSalts } from "./hmac-secret.ts";
export { hashRpId } from "./hash.ts";

// CTAP1.
export { Ctap1, U2F_CONTROL, U2F_INS, type Ctap1Options } from "./ctap1.ts";
export { encodeApdu, parseApduResponse, STATUS_WORD, type ApduCommand, type ApduResponse } from "./apdu.ts";

// Formats, and what is verified of them.
export { cborMap, encodeCbor, isCborMap, parseCbor, type CborItem, type CborMap, type CborValue } from "./cbor.ts";
export { checkCbor, type CborOddity } from "./cbor-check.ts";
export { cborToJson, formatCbor } from "./cbor-text.ts";
export { COSE_ALGORITHM, encodeCosePublicKey, parseCosePublicKey, verifySignature, type CoseKey } from "./cose.ts";
export { encodeAuthenticatorData, parseAuthenticatorData, type AttestedCredential, type AuthenticatorData, type AuthenticatorDataFields, type AuthenticatorFlags } from "./authenticator-data.ts";
export { verifyAssertion, verifyAttestation, type Expected, type VerifiedAttestation } from "./attestation.ts";
export { makeClientData, type ClientData, type ClientDataType } from "./client-data.ts";
export { encodeAuthenticationResponse, encodeRegistrationResponse, type AuthenticationResponseJson, type RegistrationResponseJson } from "./webauthn-json.ts";
export { encodeCredentialFile, parseCredentialFile, type Credential } from "./credential-file.ts";

// What is wrong with a card, and what was said to it.
export { probeTransport, type ProbeOptions, type ProbeReport } from "./probe.ts";
export { DIAGNOSES, type Diagnosis, type DiagnosisCode } from "./diagnosis.ts";
export { recordTransport } from "./trace/recorder.ts";
export type { TraceSink } from "./trace/writer.ts";
export { parseTrace } from "./trace/parse.ts";
export { showTrace } from "./trace/show.ts";
export { redactTrace } from "./trace/redact.ts";
export type { Trace, TraceEvent } from "./trace/trace.ts";

// A software authenticator, for tests and learning.
export { openVirtual, type VirtualOptions } from "./authenticator/virtual.ts";
export { approveAfter, approveAlways, approveNever, type Approval, type Touch, type TouchOutcome } from "./authenticator/approval.ts";
