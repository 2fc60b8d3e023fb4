// A scripted model for Genkit: finds the repository, starts a run, follows it to its pull request.

import { genkit } from "genkit";

const STEPS = [
  { name: "list_repos", input: { query: "web" } },
  { name: "start_run", input: { repo: "acme/web", prompt: "Fix the flaky test in the checkout flow." } },
];
const ENOUGH_CALLS = 8;

export const MODEL = genkit({ model: "scripted" });

MODEL.defineModel({ name: "scripted", supports: { tools: true } }, async ({ messages, tools }) => {
  const parts = messages.flatMap(({ content }) => content);
  const answers = parts.filter((part) => part.toolResponse).map((part) => JSON.stringify(part.toolResponse.output));
  const done = answers.length >= STEPS.length && answers.at(-1).match(/https:\/\/github\.com\/acme\/web\/pull\/\d+/);
  const run = answers[1]?.match(/"run_id":"([0-9a-f-]{36})"/)?.[1];
  const step = STEPS[answers.length] ?? { name: "tail_run", input: { run_id: run } };
  if (!done && !tools.some(({ name }) => name === step.name)) throw new Error(`no tool ${step.name}`);
  if (!done && answers.length === ENOUGH_CALLS) throw new Error(`no pull request: ${answers.at(-1)}`);
  const toolRequest = { ref: `call-${answers.length}`, ...step };
  const content = [done ? { text: `The pull request: ${done[0]}` } : { toolRequest }];
  return { message: { role: "model", content }, finishReason: "stop" };
});
