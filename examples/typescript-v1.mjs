// The MCP TypeScript SDK 1, without a model: from a repository to a pull request, with progress.
//
//   npm install @modelcontextprotocol/sdk
//   node typescript-v1.mjs [ADDRESS]

import { pathToFileURL } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { getDefaultEnvironment, StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { COMMAND, ENVIRONMENT } from "./launch.mjs";

const CALL_MILLISECONDS = 120_000; // a tool call ends after 60 seconds unless the call says otherwise

/** The server as a process of this program. */
export function overStdio() {
  return new StdioClientTransport({
    command: COMMAND,
    env: { ...getDefaultEnvironment(), ...ENVIRONMENT },
  });
}

/** A server that `mogplex-mcp http` runs. */
export function overHttp(url = "http://127.0.0.1:8765/mcp") {
  const headers = { Authorization: `Bearer ${process.env.MOGPLEX_API_KEY}` };
  return new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
}

/** The address of the pull request that a run opened; undefined if it opened none. */
export async function delegate(mogplex, repo, task) {
  const client = new Client({ name: "example", version: "1.0.0" });
  await client.connect(mogplex);
  try {
    const started = await client.callTool({ name: "start_run", arguments: { repo, prompt: task } });
    const { run_id } = started.structuredContent;
    let news = { cursor: "" };
    while (news.cursor !== undefined) {
      const position = { run_id, cursor: news.cursor };
      const answer = await client.callTool({ name: "tail_run", arguments: position }, undefined, {
        timeout: CALL_MILLISECONDS,
        onprogress: ({ message }) => console.log(`  ${message}`),
      });
      news = answer.structuredContent;
      console.log(news.summary);
    }
    return news.pull_request;
  } finally {
    await client.close();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const address = process.argv[2];
  console.log(await delegate(address ? overHttp(address) : overStdio(), "acme/web", "Fix the flaky test."));
}
