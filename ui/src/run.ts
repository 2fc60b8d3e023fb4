// What is known of a run, read from results of the tools start_run, tail_run, get_run and cancel_run. Every field is
// checked: what others wrote is in them, and hosts may leave parts out.
import type { ToolResult } from "./messages";

export const PHASES = ["queued", "preparing", "working", "delivering", "done"] as const;
export type Phase = (typeof PHASES)[number] | "failed" | "cancelled";

const DATA = "com.mogplex/run-card";
const MOST_EVENTS = 400;
const LONGEST = 600;
const ENDED: Record<string, Phase> = { success: "done", failed: "failed", cancelled: "cancelled" };

export interface RunEvent {
  at: string;
  kind: string;
  count: number;
  message: string;
}

export interface Run {
  id: string;
  repo: string;
  baseBranch: string;
  workingBranch: string;
  task: string;
  phase: Phase | "";
  times: { name: string; at: string }[];
  events: RunEvent[];
  pullRequest: string;
  webPage: string;
  otherLink: string;
  failure: string;
  failureCode: string;
  changed: boolean | undefined;
  isSilent: boolean;
  isReplay: boolean;
  /** Seconds since the run was created, and when that was read on the page's own clock (ms). */
  age: number | undefined;
  readAt: number;
  actions: string[];
}

export function unknownRun(id = "", task = "", repo = ""): Run {
  return {
    ...{ id, repo, task, baseBranch: "", workingBranch: "", phase: "", times: [], events: [], pullRequest: "" },
    ...{ webPage: "", otherLink: "", failure: "", failureCode: "", changed: undefined, isSilent: false },
    ...{ isReplay: false, age: undefined, readAt: 0, actions: ["follow", "stop"] },
  };
}

export function hasEnded(run: Run): boolean {
  return run.phase === "done" || run.phase === "failed" || run.phase === "cancelled";
}

/** The run after a result; `fresh` says that the result tells all events, so that those before are dropped. */
export function withResult(run: Run, result: ToolResult, fresh: boolean, now: number): Run {
  const facts = object(result.structuredContent);
  const data = object(object(result._meta)[DATA]);
  const others = { ...object(facts.untrusted), ...object(data.untrusted) };
  const id = text(facts.run_id) || run.id;
  const before = run.id && id !== run.id ? unknownRun() : run;
  const events = list(others.events).map(event).filter((one) => one.message || one.kind);
  return {
    id,
    repo: text(data.repo) || text(facts.repo) || before.repo,
    baseBranch: text(others.base_branch) || before.baseBranch,
    workingBranch: text(others.working_branch) || before.workingBranch,
    task: text(others.task) || before.task,
    phase: ENDED[text(facts.status)] ?? phase(facts.phase) ?? (before.phase || "queued"),
    times: "phases" in data ? list(data.phases).map(time) : before.times,
    events: (fresh ? events : [...before.events, ...events]).slice(-MOST_EVENTS),
    pullRequest: link(facts.pull_request) || before.pullRequest,
    webPage: link(facts.web_page) || before.webPage,
    otherLink: text(others.reported_link) || before.otherLink,
    failure: text(others.failure) || before.failure,
    failureCode: text(facts.failure_code) || before.failureCode,
    changed: typeof facts.changed === "boolean" ? facts.changed : before.changed,
    isSilent: facts.stale === true,
    isReplay: facts.replayed === true || before.isReplay,
    age: typeof data.age_seconds === "number" ? data.age_seconds : before.age,
    readAt: typeof data.age_seconds === "number" ? now : before.readAt,
    actions: "actions" in data ? list(data.actions).map((one) => text(one)) : before.actions,
  };
}

/** The first line of a result's text: what happened, where a tool failed. */
export function firstLine(result: ToolResult): string {
  const [block] = list(result.content);
  return text(object(block).text).split("\n")[0] ?? "";
}

export function object(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

export function text(value: unknown, longest = LONGEST): string {
  return typeof value === "string" ? value.slice(0, longest).toWellFormed() : "";
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function link(value: unknown): string {
  return text(value).startsWith("https://") ? text(value) : "";
}

function phase(value: unknown): Phase | undefined {
  return [...PHASES, "failed" as const, "cancelled" as const].find((one) => one === value);
}

function time(value: unknown): { name: string; at: string } {
  const { name, at } = object(value);
  return { name: text(name), at: text(at) };
}

/** An event: data for the card, or the line that a model reads where a host leaves that out. */
function event(value: unknown): RunEvent {
  if (typeof value === "string") return { at: "", kind: "", count: 1, message: text(value) };
  const { at, kind, count, message } = object(value);
  return { at: text(at), kind: text(kind), count: typeof count === "number" ? count : 1, message: text(message) };
}
