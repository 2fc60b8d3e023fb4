// Genkit: an agent that delegates coding tasks to Mogplex.
//
//   npm install genkit @genkit-ai/mcp @genkit-ai/google-genai
//   GEMINI_API_KEY=… node genkit-agent.mjs [ADDRESS]

import { pathToFileURL } from "node:url";
import { googleAI } from "@genkit-ai/google-genai";
import { createMcpClient } from "@genkit-ai/mcp";
import { genkit } from "genkit";
import { COMMAND, ENVIRONMENT } from "./launch.mjs";

/** The server as a process of this program. */
export function overStdio() {
  return { command: COMMAND, env: ENVIRONMENT };
}

/** A server that `mogplex-mcp http` runs. */
export function overHttp(url = "http://127.0.0.1:8765/mcp") {
  return { url, requestInit: { headers: { Authorization: `Bearer ${process.env.MOGPLEX_API_KEY}` } } };
}

/** What the agent, whose model is that of a Genkit instance, answers when it is done with the task. */
export async function ask(mogplex, prompt, ai = genkit({ plugins: [googleAI()], model: "googleai/gemini-flash-latest" })) {
  const client = createMcpClient({ name: "mogplex", mcpServer: mogplex });
  try {
    await client.ready();
    const { text } = await ai.generate({
      tools: await client.getActiveTools(ai),
      system: "Delegate coding tasks to Mogplex.",
      prompt,
      maxTurns: 40,
    });
    return text;
  } finally {
    await client.disable();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const address = process.argv[2];
  const mogplex = address ? overHttp(address) : overStdio();
  console.log(await ask(mogplex, "Fix the flaky test in acme/web and give me the pull request."));
}
