import { isIPv6 } from "node:net";

const MINUTE_MS = 60_000;
/** Addresses that are remembered; an attacker with more than these is stopped elsewhere. */
const MAX_ADDRESSES = 100_000;

interface Window {
  /** The minute, counted from 1970. */
  minute: number;
  count: number;
  /** In the minute before. */
  before: number;
}

/**
 * How often each address may do something. The last minute counts whole, the
 * one before for as much of it as lies within 60 seconds.
 */
export class RateLimit {
  readonly perMinute: number;
  readonly #windows = new Map<string, Window>();

  constructor(perMinute: number) {
    this.perMinute = perMinute;
  }

  /**
   * @param now - in ms since 1970
   * @returns whether it may; then it counts
   */
  take(address: string, now: number): boolean {
    const key = networkOf(address);
    const minute = Math.floor(now / MINUTE_MS);
    const window = this.#windowOf(key, minute);
    const rest = 1 - (now % MINUTE_MS) / MINUTE_MS;
    if (window.count + window.before * rest + 1 > this.perMinute) return false;
    window.count += 1;
    return true;
  }

  #windowOf(key: string, minute: number): Window {
    const old = this.#windows.get(key);
    if (old?.minute === minute) return old;
    const window = { minute, count: 0, before: old?.minute === minute - 1 ? old.count : 0 };
    // The one that came last stands last.
    this.#windows.delete(key);
    this.#windows.set(key, window);
    if (this.#windows.size > MAX_ADDRESSES) for (const oldest of this.#windows.keys()) {
      this.#windows.delete(oldest);
      break;
    }
    return window;
  }
}

/** A household has a whole /64 of IPv6 addresses. */
function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = "", tail] = address.toLowerCase().split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups = tail === undefined ? first : [...first, ...Array.from({ length: Math.max(0, 8 - first.length - last.length) }, () => "0"), ...last];
  return groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, "")).join(":");
}
