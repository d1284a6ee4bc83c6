import { wipe } from "../../lib/bytes.ts";
import { readCredentialFile } from "../../lib/ctap/credential-file.ts";
import type { Ctap2 } from "../../lib/ctap/ctap2.ts";
import { MAX_BLOB_LENGTH } from "../../lib/ctap/large-blob.ts";
import { checkLargeBlobs, findLargeBlob, largeBlobCapacity, listLargeBlobs, readLargeBlobs, replaceLargeBlob, writeLargeBlobs, type LargeBlobArray } from "../../lib/ctap/large-blobs.ts";
import { encodeUnpaddedBase64url } from "../../lib/ctap/unpadded-base64url.ts";
import { CtapError } from "../../lib/errors.ts";
import { checkNewFile, readFile, writeNewFile } from "../../lib/files.ts";
import { byteString, decodeUtf8, escapeUnsafe } from "../../lib/text.ts";
import type { Arguments } from "../arguments.ts";
import { isTerminal, readWholeInput, say, STDOUT, writeJson, writeResult } from "../io.ts";
import { EXIT_OK } from "../report.ts";
import { withCtap2 } from "./ctap2-card.ts";
import { withManagedCard } from "./managed-card.ts";
import { count, writeOutcome } from "./outcome.ts";

/** keyhole ctap blobs list */
export function blobsList(args: Arguments): Promise<number> {
  return withCtap2(args, async (_card, ctap2) => {
    const array = await read(args, ctap2);
    const { length: used, isCorrupt: corrupt } = array;
    const capacity = largeBlobCapacity(await ctap2.getInfo());
    const blobs = listLargeBlobs(array).map(({ ciphertext, originalLength }) => ({ length: originalLength, storedLength: ciphertext.length }));
    const lines = blobs.map(({ length, storedLength }) => `${count(length, "byte")}, ${storedLength} on the card`);
    return writeOutcome(args, { blobs, used, capacity, corrupt }, ...lines, `${count(blobs.length, "blob")}, ${used} of ${capacity} bytes used`);
  });
}

/** keyhole ctap blobs get */
export async function blobsGet(args: Arguments): Promise<number> {
  const out = args.optional("out");
  if (out !== undefined) checkNewFile(out, "blob");
  return withKey(args, (key) =>
    withCtap2(args, async (_card, ctap2) => {
      const blob = findLargeBlob(await read(args, ctap2), key);
      if (blob === undefined) throw noBlob();
      return deliver(args, blob, out);
    }),
  );
}

/** keyhole ctap blobs set */
export async function blobsSet(args: Arguments): Promise<number> {
  return withKey(args, (key) => {
    const data = readData(args);
    return withManagedCard(args, { permission: "lbw", check: checkLargeBlobs }, async ({ ctap2, info, authorise }) => {
      const entries = replaceLargeBlob(await read(args, ctap2), key, data);
      const used = await writeLargeBlobs(ctap2, entries, await authorise());
      const capacity = largeBlobCapacity(info);
      return writeOutcome(args, { length: data.length, used, capacity }, `wrote a blob of ${count(data.length, "byte")}; ${used} of ${capacity} bytes used`);
    });
  });
}

/** keyhole ctap blobs delete */
export async function blobsDelete(args: Arguments): Promise<number> {
  return withKey(args, (key) =>
    withManagedCard(args, { permission: "lbw", check: checkLargeBlobs }, async ({ ctap2, info, authorise }) => {
      const array = await read(args, ctap2);
      const entries = replaceLargeBlob(array, key);
      if (entries.length === array.entries.length) throw noBlob();
      const used = await writeLargeBlobs(ctap2, entries, await authorise());
      const capacity = largeBlobCapacity(info);
      return writeOutcome(args, { deleted: true, used, capacity }, `deleted the blob; ${used} of ${capacity} bytes used`);
    }),
  );
}

/** Reads the credential file before anything is sent. @throws {CtapError} CTAP_LARGE_BLOB_KEY, CTAP_CREDENTIAL_FILE; {FileError} FILE_… */
async function withKey(args: Arguments, run: (key: Uint8Array) => Promise<number>): Promise<number> {
  const path = args.required("credential");
  const { largeBlobKey } = readCredentialFile(path);
  if (largeBlobKey === undefined) {
    throw new CtapError("CTAP_LARGE_BLOB_KEY", `credential file ${path} has no large-blob key`, { hint: "make the credential with --discoverable --large-blob-key --out FILE" });
  }
  try {
    return await run(largeBlobKey);
  } finally {
    wipe(largeBlobKey);
  }
}

async function read(args: Arguments, ctap2: Ctap2): Promise<LargeBlobArray> {
  const array = await readLargeBlobs(ctap2);
  if (array.isCorrupt && !args.flag("quiet")) say("warning: the card's large blobs are damaged and count as none");
  return array;
}

/** @throws {FileError} FILE_…, STDIN */
function readData(args: Arguments): Uint8Array {
  const path = args.optional("in");
  return path === undefined ? readWholeInput("blob", MAX_BLOB_LENGTH) : readFile(path, "blob", MAX_BLOB_LENGTH).bytes;
}

function deliver(args: Arguments, blob: Uint8Array, out: string | undefined): number {
  const { length } = blob;
  if (out !== undefined) {
    writeNewFile(out, "blob", blob);
    return writeOutcome(args, { length, out }, `read a blob of ${count(length, "byte")} into ${escapeUnsafe(out)}`);
  }
  if (args.flag("json")) writeJson({ length, blob: encodeUnpaddedBase64url(blob) });
  else writeResult(isTerminal(STDOUT) ? `${escapeUnsafe(decodeUtf8(byteString(blob)))}\n` : blob);
  return EXIT_OK;
}

function noBlob(): CtapError {
  return new CtapError("CTAP_NO_BLOB", "card has no large blob of this credential", { kind: "no", hint: "keyhole ctap blobs set writes one" });
}
