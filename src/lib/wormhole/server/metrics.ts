/** A number that only grows, one for each value of its label. */
export class Counter {
  readonly name: string;
  readonly help: string;
  readonly #label: string | undefined;
  readonly #counts = new Map<string, number>();

  /** @param values - of the label, so that each is there from the beginning */
  constructor(name: string, help: string, label?: string, values: readonly string[] = []) {
    this.name = name;
    this.help = help;
    this.#label = label;
    for (const value of label === undefined ? [""] : values) this.#counts.set(value, 0);
  }

  /** @param value - of the label; never what a client chose */
  add(value = "", by = 1): void {
    this.#counts.set(value, (this.#counts.get(value) ?? 0) + by);
  }

  encode(): string {
    const lines = [...this.#counts].map(([value, count]) => `${this.name}${this.#label === undefined ? "" : `{${this.#label}="${value}"}`} ${count}\n`);
    return head(this.name, this.help, "counter") + lines.join("");
  }
}

/** What a server counts. */
export class Metrics {
  readonly connections = new Counter("keyhole_mailbox_connections_total", "WebSocket connections taken.");
  readonly refused = new Counter("keyhole_mailbox_connections_refused_total", "Connections refused, by reason.", "reason", ["full", "draining"]);
  readonly dropped = new Counter("keyhole_mailbox_connections_dropped_total", "Connections dropped, by reason.", "reason", ["silent", "unread"]);
  readonly commands = new Counter("keyhole_mailbox_commands_total", "Frames of clients, by type.", "type", COMMAND_TYPES);
  readonly errors = new Counter("keyhole_mailbox_errors_total", "Errors that clients were told.");
  readonly limited = new Counter("keyhole_mailbox_rate_limited_total", "Claims and allocations refused as too many came from one address.");
  readonly messages = new Counter("keyhole_mailbox_messages_total", "Messages added.");
  readonly ended = new Counter("keyhole_mailbox_ended_total", "Mailboxes that ended, by result.", "result", RESULTS);
  readonly notices = new Counter("keyhole_mailbox_notices_total", "Notices sent, by kind.", "notice", ["crowded", "silent-claim"]);
  readonly transactions = new Counter("keyhole_mailbox_transactions_total", "Transactions committed.");
  readonly transactionSeconds = new Counter("keyhole_mailbox_transaction_seconds_total", "Time that transactions took.");
  readonly storeErrors = new Counter("keyhole_mailbox_store_errors_total", "Transactions that failed.");

  /** @param gauges - numbers of this moment, by name, with what they mean */
  encode(gauges: readonly Gauge[]): string {
    const counters = Object.values(this).filter((value) => value instanceof Counter);
    return [...counters.map((counter) => counter.encode()), ...gauges.map(({ name, help, value }) => `${head(name, help, "gauge")}${name} ${value}\n`)].join("");
  }
}

const COMMAND_TYPES = ["ping", "bind", "list", "allocate", "claim", "release", "open", "add", "close", "invalid", "unknown", "malformed"];
const RESULTS = ["happy", "lonely", "scary", "errory", "pruney", "crowded"];

export interface Gauge {
  readonly name: string;
  readonly help: string;
  readonly value: number;
}

/** Source: Prometheus, text-based exposition format. */
function head(name: string, help: string, type: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}
