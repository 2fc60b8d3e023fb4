// A scripted model for the Vercel AI SDK: finds the repository, starts a run, follows it to its pull request.

import { MockLanguageModelV4 } from "ai/test";

const STEPS = [
  { toolName: "list_repos", input: { query: "web" } },
  { toolName: "start_run", input: { repo: "acme/web", prompt: "Fix the flaky test in the checkout flow." } },
];
const ENOUGH_CALLS = 8;

export const MODEL = new MockLanguageModelV4({
  doGenerate: async ({ prompt, tools }) => {
    const answers = prompt.filter(({ role }) => role === "tool").map((message) => JSON.stringify(message));
    const done = answers.length > STEPS.length - 1 && answers.at(-1).match(/https:\/\/github\.com\/acme\/web\/pull\/\d+/);
    const step = STEPS[answers.length] ?? { toolName: "tail_run", input: {} };
    if (!done && !tools.some(({ name }) => name === step.toolName)) throw new Error(`no tool ${step.toolName}`);
    if (!done && answers.length === ENOUGH_CALLS) throw new Error(`no pull request: ${answers.at(-1)}`);
    const call = { type: "tool-call", toolCallId: `call-${answers.length}`, ...step, input: JSON.stringify(step.input) };
    return {
      content: [done ? { type: "text", text: `The pull request: ${done[0]}` } : call],
      finishReason: { unified: done ? "stop" : "tool-calls", raw: undefined },
      usage: { inputTokens: { total: 1 }, outputTokens: { total: 1 } },
      warnings: [],
    };
  },
});
