// A host of MCP Apps for tests: the host bridge of ext-apps between a card and this server. It builds the card's
// Content-Security-Policy as the specification says, and refuses every sink of markup on top (Trusted Types).
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import {
  AppBridge,
  getToolUiResourceUri,
  PostMessageTransport,
  RESOURCE_MIME_TYPE,
} from "@modelcontextprotocol/ext-apps/app-bridge";

interface Opening {
  token: string;
  tool: string;
  arguments: Record<string, unknown>;
  /** What the host can do, as it tells the card. */
  capabilities: Record<string, object>;
  context: Record<string, unknown>;
  /** The result to show, in place of that of the server; null for one that never comes. */
  result?: never;
  /** What becomes of the card's tool calls. */
  calls: "forwarded" | "refused" | "held" | "tasks";
}

const PATIENCE_MS = 60_000;
const messages: { from: "card" | "host"; message: unknown }[] = [];
const links: string[] = [];
const contexts: unknown[] = [];
const bridges: AppBridge[] = [];

function policy(csp: Record<string, string[]> = {}): string {
  const some = (domains: string[] | undefined, otherwise: string): string => domains?.join(" ") || otherwise;
  const resources = some(csp.resourceDomains, "");
  return [
    "default-src 'none'",
    `script-src 'self' 'unsafe-inline' ${resources}`,
    `style-src 'self' 'unsafe-inline' ${resources}`,
    `connect-src ${some(csp.connectDomains, "'none'")}`,
    `img-src 'self' data: ${resources}`,
    `frame-src ${some(csp.frameDomains, "'none'")}`,
    "object-src 'none'",
    `base-uri ${some(csp.baseUriDomains, "'self'")}`,
    "require-trusted-types-for 'script'",
  ].join("; ");
}

async function open(opening: Opening): Promise<void> {
  const client = new Client(
    { name: "test-host", version: "1" },
    { capabilities: { extensions: { "io.modelcontextprotocol/ui": { mimeTypes: [RESOURCE_MIME_TYPE] } } } },
  );
  const headers = { Authorization: `Bearer ${opening.token}` };
  await client.connect(new StreamableHTTPClientTransport(new URL("/mcp", location.href), { requestInit: { headers } }));
  const tool = (await client.listTools()).tools.find(({ name }) => name === opening.tool)!;
  const { contents } = await client.readResource({ uri: getToolUiResourceUri(tool)! });
  const page = contents[0] as { mimeType: string; text: string; _meta: { ui: { csp: Record<string, string[]> } } };
  if (page.mimeType !== RESOURCE_MIME_TYPE) throw new Error(page.mimeType);

  const frame = document.createElement("iframe");
  frame.sandbox.add("allow-scripts");
  document.body.append(frame);
  const view = frame.contentWindow!;
  window.addEventListener("message", (event) => {
    if (event.source === view) messages.push({ from: "card", message: event.data });
  });
  const bridge = new AppBridge(
    opening.calls === "forwarded" ? client : null,
    { name: "test-host", version: "1" },
    opening.capabilities,
    { hostContext: { toolInfo: { tool }, displayMode: "inline", ...opening.context } },
  );
  bridge.onopenlink = async ({ url }) => {
    links.push(url);
    return {};
  };
  bridge.onupdatemodelcontext = async (params) => {
    contexts.push(params);
    return {};
  };
  bridge.onsizechange = ({ height }) => {
    frame.style.height = `${height}px`;
  };
  if (opening.calls === "refused") {
    bridge.oncalltool = async () => {
      throw new Error("The user does not allow this");
    };
  } else if (opening.calls === "held") {
    bridge.oncalltool = () => new Promise(() => {});
  } else if (opening.calls === "tasks") {
    // A call that may wait becomes a task, which this host does not follow up.
    bridge.oncalltool = async (params) => {
      const waits = params.arguments?.wait_seconds !== 0;
      return waits ? { content: [], resultType: "task", taskId: "t" } : client.callTool(params);
    };
  }
  const transport = new PostMessageTransport(view, view);
  const send = transport.send.bind(transport);
  transport.send = (message) => {
    messages.push({ from: "host", message });
    return send(message);
  };
  const initialized = new Promise<void>((resolve, reject) => {
    bridge.oninitialized = () => resolve();
    setTimeout(() => reject(new Error("The card did not introduce itself")), PATIENCE_MS);
  });
  await bridge.connect(transport);
  bridges.push(bridge);
  frame.srcdoc = page.text.replace(
    "<head>",
    () => `<head><meta http-equiv="Content-Security-Policy" content="${policy(page._meta.ui.csp)}">`,
  );
  await initialized;
  await bridge.sendToolInput({ arguments: opening.arguments });
  if (opening.result === null) return;
  const call = { name: opening.tool, arguments: opening.arguments };
  await bridge.sendToolResult(opening.result ?? (await client.callTool(call)));
}

Object.assign(window, {
  host: {
    open,
    messages,
    links,
    contexts,
    change: (context: Record<string, unknown>) => bridges.at(-1)!.sendHostContextChange(context),
    close: async () => {
      const answered = await bridges.at(-1)!.teardownResource({});
      document.querySelector("iframe")!.remove();
      return answered;
    },
  },
});
