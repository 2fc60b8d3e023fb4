// Typed results: which runs are open, with any MCP client of TypeScript.
//
//   npm install typescript
//   npx tsc --noEmit --strict --target es2022 --module nodenext typed-results.ts
//
// results.ts is generated from the output schemas that the server publishes.

import type { Results } from "./results.js";

/** What is needed of a client: `Client` of either MCP TypeScript SDK is one. */
interface Caller {
  callTool(request: { name: string; arguments?: Record<string, unknown> }): Promise<{
    isError?: boolean;
    structuredContent?: unknown;
  }>;
}

/** The result of a tool, with the type that belongs to it. */
export async function call<Name extends keyof Results>(
  client: Caller,
  name: Name,
  args: Record<string, unknown> = {},
): Promise<Results[Name]> {
  const result = await client.callTool({ name, arguments: args });
  if (result.isError || result.structuredContent === undefined) throw new Error(`${name} failed`);
  return result.structuredContent as Results[Name];
}

/** A line for each run that is going on, with its age in minutes. */
export async function openRuns(client: Caller): Promise<string[]> {
  const { runs, left_out = 0 } = await call(client, "list_runs", { status: "open" });
  const lines = runs.map(({ run_id, repo, status, started }) => {
    const minutes = started ? Math.round((Date.now() - Date.parse(started)) / 60_000) : undefined;
    return `${run_id} on ${repo ?? "an unknown repository"}: ${status}, ${minutes ?? "?"} min`;
  });
  return left_out ? [...lines, `and ${left_out} more`] : lines;
}
