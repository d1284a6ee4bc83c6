// The rules of a mailbox server as far as a client meets them, in memory and
// without any waiting, for tests that want to know all that is said.

export interface Command {
  readonly side: string;
  readonly type: string;
  readonly [field: string]: unknown;
}

interface Mailbox {
  readonly opened: Set<string>;
  readonly seen: Set<string>;
  readonly messages: object[];
  readonly listeners: Set<ModelConnection>;
}

interface Nameplate {
  readonly mailbox: string;
  readonly claimed: Set<string>;
  readonly seen: Set<string>;
}

export class MailboxModel {
  welcome: object = {};
  readonly nameplates = new Map<string, Nameplate>();
  readonly mailboxes = new Map<string, Mailbox>();
  /** All that clients said after `bind`, in order. */
  readonly commands: Command[] = [];
  #next = 1;

  connect(deliver: (frame: object) => void): ModelConnection {
    return new ModelConnection(this, deliver);
  }

  /** As if the server came back without its database. */
  forget(): void {
    this.nameplates.clear();
    this.mailboxes.clear();
  }

  allocate(side: string): string {
    const nameplate = String(this.#next++);
    this.claim(nameplate, side);
    return nameplate;
  }

  /** @returns the mailbox, or the error */
  claim(name: string, side: string): { readonly mailbox: string } | string {
    let nameplate = this.nameplates.get(name);
    if (nameplate === undefined) {
      nameplate = { mailbox: `mailbox${this.#next++}`, claimed: new Set(), seen: new Set() };
      this.nameplates.set(name, nameplate);
    }
    if (nameplate.seen.has(side) && !nameplate.claimed.has(side)) return "reclaimed";
    nameplate.claimed.add(side);
    nameplate.seen.add(side);
    const mailbox = this.open(nameplate.mailbox, side);
    return typeof mailbox === "string" ? mailbox : { mailbox: nameplate.mailbox };
  }

  release(name: string, side: string): void {
    const nameplate = this.nameplates.get(name);
    nameplate?.claimed.delete(side);
    if (nameplate?.claimed.size === 0) this.nameplates.delete(name);
  }

  open(id: string, side: string): Mailbox | "crowded" {
    let mailbox = this.mailboxes.get(id);
    if (mailbox === undefined) {
      mailbox = { opened: new Set(), seen: new Set(), messages: [], listeners: new Set() };
      this.mailboxes.set(id, mailbox);
    }
    if (!mailbox.seen.has(side)) mailbox.opened.add(side);
    mailbox.seen.add(side);
    return mailbox.seen.size > 2 ? "crowded" : mailbox;
  }

  add(id: string, message: object): void {
    const mailbox = this.mailboxes.get(id);
    mailbox?.messages.push(message);
    for (const listener of mailbox?.listeners ?? []) listener.deliver({ type: "message", ...message });
  }

  close(id: string, side: string): void {
    const mailbox = this.mailboxes.get(id);
    mailbox?.opened.delete(side);
    if (mailbox?.opened.size !== 0) return;
    // What magic-wormhole's server stumbles over.
    for (const [name, nameplate] of this.nameplates) {
      if (nameplate.mailbox !== id) continue;
      if (nameplate.claimed.has(side)) throw new Error(`mailbox closed by ${side}, which has not released ${name}`);
      this.nameplates.delete(name);
    }
    this.mailboxes.delete(id);
  }
}

export class ModelConnection {
  readonly deliver: (frame: object) => void;
  readonly #model: MailboxModel;
  readonly #once = new Set<string>();
  #side: string | undefined;
  #mailbox: string | undefined;

  constructor(model: MailboxModel, deliver: (frame: object) => void) {
    this.#model = model;
    this.deliver = deliver;
    deliver({ type: "welcome", welcome: model.welcome });
  }

  end(): void {
    for (const mailbox of this.#model.mailboxes.values()) mailbox.listeners.delete(this);
  }

  hear(message: Readonly<Record<string, unknown>> & { readonly type: string }): void {
    this.deliver({ type: "ack", id: message.id ?? null });
    const error = this.#obey(message);
    if (error !== undefined) this.deliver({ type: "error", error, orig: message });
  }

  #obey(message: Readonly<Record<string, unknown>> & { readonly type: string }): string | undefined {
    const { type } = message;
    if (type === "ping") return void this.deliver({ type: "pong", pong: message.ping });
    if (type === "submit-permissions") return undefined;
    if (type === "bind") {
      if (this.#side !== undefined) return "already bound";
      this.#side = String(message.side);
      return undefined;
    }
    const side = this.#side;
    if (side === undefined) return "must bind first";
    this.#model.commands.push({ ...message, side });
    if (type !== "add" && type !== "list" && this.#once.has(type)) return `only one ${type} per connection`;
    this.#once.add(type);
    switch (type) {
      case "list":
        return void this.deliver({ type: "nameplates", nameplates: [...this.#model.nameplates.keys()].map((id) => ({ id })) });
      case "allocate":
        return void this.deliver({ type: "allocated", nameplate: this.#model.allocate(side) });
      case "claim": {
        const claimed = this.#model.claim(String(message.nameplate), side);
        return typeof claimed === "string" ? claimed : void this.deliver({ type: "claimed", ...claimed });
      }
      case "release":
        this.#model.release(String(message.nameplate), side);
        return void this.deliver({ type: "released" });
      case "open":
        return this.#open(String(message.mailbox), side);
      case "add":
        if (this.#mailbox === undefined) return "must open mailbox before adding";
        return void this.#model.add(this.#mailbox, { side, phase: message.phase, body: message.body, id: null });
      case "close":
        return this.#close(String(message.mailbox), side);
      default:
        return "unknown type";
    }
  }

  #open(id: string, side: string): string | undefined {
    const mailbox = this.#model.open(id, side);
    if (mailbox === "crowded") return mailbox;
    this.#mailbox = id;
    mailbox.listeners.add(this);
    for (const message of mailbox.messages) this.deliver({ type: "message", ...message });
    return undefined;
  }

  #close(id: string, side: string): string | undefined {
    const mailbox = this.#model.open(id, side);
    if (mailbox === "crowded") return mailbox;
    mailbox.listeners.delete(this);
    this.#model.close(id, side);
    return void this.deliver({ type: "closed" });
  }
}
