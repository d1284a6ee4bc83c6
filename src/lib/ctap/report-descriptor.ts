/** What a HID interface is for, in the numbers of the HID Usage Tables. */
export interface Usage {
  readonly page: number;
  readonly id: number;
}

/** Of CTAPHID. Source: CTAP 2.1 §11.2.8.2. */
export const FIDO_USAGE: Usage = { page: 0xf1d0, id: 0x01 };

const FIRST_VENDOR_PAGE = 0xff00;

const LONG_ITEM = 0xfe;
const USAGE_PAGE = 0x04;
const PUSH = 0xa4;
const POP = 0xb4;
const USAGE = 0x08;
const COLLECTION = 0xa0;
const END_COLLECTION = 0xc0;

/**
 * The usages of an interface: one for each collection that is not within
 * another. Source: Device Class Definition for HID 1.11 §6.2.2.
 *
 * @returns those up to where the descriptor ends or cannot be read
 */
export function parseReportDescriptor(bytes: Uint8Array): readonly Usage[] {
  const usages: Usage[] = [];
  const pages: number[] = [];
  let page = 0;
  let usage: Usage | undefined;
  let depth = 0;
  for (const { tag, value, length } of items(bytes)) {
    if (tag === USAGE_PAGE) page = value;
    else if (tag === PUSH) pages.push(page);
    else if (tag === POP) page = pages.pop() ?? page;
    // The first of several is the one that names a collection.
    else if (tag === USAGE) usage ??= length === 4 ? { page: value >>> 16, id: value & 0xffff } : { page, id: value };
    else if (tag === COLLECTION) {
      if (depth === 0 && usage !== undefined) usages.push(usage);
      depth += 1;
    } else if (tag === END_COLLECTION) depth -= 1;
    if (isMain(tag)) usage = undefined;
  }
  return usages;
}

interface Item {
  /** Type and tag, without the length. */
  readonly tag: number;
  readonly value: number;
  /** Of the value. */
  readonly length: number;
}

function* items(bytes: Uint8Array): Generator<Item> {
  for (let offset = 0; offset < bytes.length; ) {
    const prefix = bytes[offset] ?? 0;
    if (prefix === LONG_ITEM) {
      offset += 3 + (bytes[offset + 1] ?? 0);
      continue;
    }
    const length = (prefix & 3) === 3 ? 4 : prefix & 3;
    const data = bytes.subarray(offset + 1, offset + 1 + length);
    if (data.length < length) return;
    yield { tag: prefix & 0xfc, value: data.reduceRight((value, byte) => value * 256 + byte, 0), length };
    offset += 1 + length;
  }
}

/** Input, output, feature and collections end what was said for them alone. */
function isMain(tag: number): boolean {
  return (tag & 0x0c) === 0;
}

export function isFidoUsage({ page, id }: Usage): boolean {
  return page === FIDO_USAGE.page && id === FIDO_USAGE.id;
}

export function isVendorUsage({ page }: Usage): boolean {
  return page >= FIRST_VENDOR_PAGE;
}
