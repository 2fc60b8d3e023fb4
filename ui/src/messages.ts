// The messages between the card and its host: the part of MCP Apps (SEP-1865, version 2026-01-26) that the card uses.
// JSON-RPC 2.0 over postMessage. The official package would add 600 kB to a page of 20.

export const PROTOCOL_VERSION = "2026-01-26";

export interface ToolResult {
  content?: unknown;
  structuredContent?: unknown;
  isError?: boolean;
  _meta?: unknown;
}

export interface HostContext {
  theme?: unknown;
  styles?: { variables?: unknown };
  locale?: unknown;
  timeZone?: unknown;
}

export interface HostCapabilities {
  openLinks?: object;
  serverTools?: object;
  updateModelContext?: object;
}

/** Requests of the card, with their parameters and results. */
interface Requests {
  "ui/initialize": {
    params: {
      appInfo: { name: string; version: string };
      appCapabilities: { availableDisplayModes: ["inline"] };
      protocolVersion: string;
    };
    result: { hostCapabilities?: HostCapabilities; hostContext?: HostContext };
  };
  "tools/call": { params: { name: string; arguments: Record<string, unknown> }; result: ToolResult };
  "ui/open-link": { params: { url: string }; result: { isError?: boolean } };
  "ui/update-model-context": { params: { content: { type: "text"; text: string }[] }; result: object };
}

/** Notifications of the card. */
interface Notifications {
  "ui/notifications/initialized": Record<string, never>;
  "ui/notifications/size-changed": { width: number; height: number };
  "notifications/cancelled": { requestId: number; reason: string };
}

/** What the host sends; `ui/resource-teardown` is a request, and waits until the handler has returned. */
interface Received {
  "ui/notifications/tool-input": { arguments?: unknown };
  "ui/notifications/tool-result": ToolResult;
  "ui/notifications/tool-cancelled": { reason?: unknown };
  "ui/notifications/host-context-changed": HostContext;
  "ui/resource-teardown": object;
}

interface Message {
  jsonrpc: "2.0";
  id?: number | string;
  method?: string;
  params?: unknown;
  result?: unknown;
  error?: { code?: unknown; message?: unknown };
}

export const METHOD_NOT_FOUND = -32_601;
const TIMED_OUT = -32_001;

/** A request that the host refused, or did not answer in time. */
export class HostError extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

type Handler = (params: never) => void;

export class Host {
  private nextId = 1;
  private readonly waiting = new Map<number, (message: Message) => void>();
  private readonly handlers = new Map<string, Handler>();

  constructor() {
    window.addEventListener("message", (event) => {
      if (event.source === window.parent && isMessage(event.data)) this.receive(event.data);
    });
  }

  on<M extends keyof Received>(method: M, handler: (params: Received[M]) => void): void {
    this.handlers.set(method, handler as Handler);
  }

  /** Sends a request; rejects with a HostError where the host refuses it or gives no answer within `seconds`. */
  request<M extends keyof Requests>(
    method: M,
    params: Requests[M]["params"],
    seconds: number,
  ): Promise<Requests[M]["result"]> {
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        if (method === "tools/call") this.notify("notifications/cancelled", { requestId: id, reason: "no answer" });
        reject(new HostError(TIMED_OUT, `no answer within ${seconds} seconds`));
      }, seconds * 1_000);
      this.waiting.set(id, ({ result, error }) => {
        clearTimeout(timer);
        if (error) reject(new HostError(Number(error.code) || 0, String(error.message ?? "")));
        else resolve((result ?? {}) as Requests[M]["result"]);
      });
      this.send({ jsonrpc: "2.0", id, method, params });
    });
  }

  notify<M extends keyof Notifications>(method: M, params: Notifications[M]): void {
    this.send({ jsonrpc: "2.0", method, params });
  }

  private receive(message: Message): void {
    const { id, method, params } = message;
    if (method === undefined) {
      const answered = this.waiting.get(id as number);
      this.waiting.delete(id as number);
      answered?.(message);
      return;
    }
    const handler = this.handlers.get(method);
    handler?.((params ?? {}) as never);
    if (id === undefined) return;
    if (handler || method === "ping") this.send({ jsonrpc: "2.0", id, result: {} });
    else this.send({ jsonrpc: "2.0", id, error: { code: METHOD_NOT_FOUND, message: `Unknown method: ${method}` } });
  }

  private send(message: Message): void {
    // The origin of a host is not known to its pages; nothing secret is in these messages.
    window.parent.postMessage(message, "*");
  }
}

function isMessage(data: unknown): data is Message {
  return typeof data === "object" && data !== null && (data as Message).jsonrpc === "2.0";
}
