// Vercel AI SDK: an agent that delegates coding tasks to Mogplex.
//
//   npm install ai @ai-sdk/mcp
//   AI_GATEWAY_API_KEY=… node vercel-ai-sdk.mjs [ADDRESS]

import { pathToFileURL } from "node:url";
import { createMCPClient } from "@ai-sdk/mcp";
import { StdioMCPTransport } from "@ai-sdk/mcp/mcp-stdio";
import { generateText, isStepCount } from "ai";
import { COMMAND, ENVIRONMENT } from "./launch.mjs";


/** The server as a process of this program. */
export function overStdio() {
  return {
    transport: new StdioMCPTransport({ command: COMMAND, env: ENVIRONMENT }),
    protocolVersionDiscovery: false, // it would give the process one second to start
  };
}

/** A server that `mogplex-mcp http` runs. */
export function overHttp(url = "http://127.0.0.1:8765/mcp") {
  return { transport: { type: "http", url, headers: { Authorization: `Bearer ${process.env.MOGPLEX_API_KEY}` } } };
}

/** What the agent answers when it is done with the task. */
export async function ask(mogplex, prompt, model = "openai/gpt-5") {
  const client = await createMCPClient(mogplex);
  try {
    const { text } = await generateText({
      model,
      tools: await client.tools(),
      instructions: "Delegate coding tasks to Mogplex.",
      prompt,
      stopWhen: isStepCount(40),
    });
    return text;
  } finally {
    await client.close();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const address = process.argv[2];
  const mogplex = address ? overHttp(address) : overStdio();
  console.log(await ask(mogplex, "Fix the flaky test in acme/web and give me the pull request."));
}
