// What the card says of a run, from facts alone.
import { hasEnded, type Phase, type Run } from "./run";
import type { Following } from "./follow";

export type Tone = "quiet" | "info" | "success" | "warning" | "danger";

const STATES: Record<Phase, [string, Tone]> = {
  queued: ["Queued", "quiet"],
  preparing: ["Preparing", "info"],
  working: ["Working", "info"],
  delivering: ["Delivering", "info"],
  done: ["Done", "success"],
  failed: ["Failed", "danger"],
  cancelled: ["Stopped", "warning"],
};

export function phaseName(phase: string): string {
  return STATES[phase as Phase]?.[0] ?? phase;
}

export function state(run: Run): [string, Tone] {
  if (!run.phase) return ["Starting", "quiet"];
  return run.isSilent && !hasEnded(run) ? ["Silent", "warning"] : STATES[run.phase];
}

export function headline(run: Run): string {
  if (run.isSilent && !hasEnded(run)) return "Nothing was heard of the run for a while. It may have died.";
  switch (run.phase) {
    case "":
      return "Waiting for the first news";
    case "queued":
      return run.isReplay ? "This run was started before; no second one was started" : "Waiting for a sandbox";
    case "preparing":
      return "The sandbox is being prepared";
    case "working":
      return run.pullRequest ? "The pull request is open, and the agent goes on" : "The agent is at work";
    case "delivering":
      return run.pullRequest ? "The pull request is open" : "The changes are being delivered";
    case "done":
      if (run.pullRequest) return "The pull request is open for review";
      if (run.changed === false) return "The agent changed nothing, so there is no pull request";
      return "The run reported no pull request";
    case "failed":
      return run.pullRequest ? "The run failed, but a pull request was opened" : "The run failed";
    case "cancelled":
      return "The run was stopped";
  }
}

export function following(state: Following, reason: string, canCall: boolean): string {
  switch (state) {
    case "on":
      return "Live";
    case "paused":
      return "Paused while hidden";
    case "retrying":
      return "No connection, trying again";
    case "refused":
      return `This app doesn't let the card ask for news. ${HOW_TO_FOLLOW}`;
    case "lost":
      return `The card got no more news${reason ? `: ${reason}` : "."}`;
    case "off":
      return canCall ? "" : `This is how the run stood when it was looked at. ${HOW_TO_FOLLOW}`;
  }
}

const HOW_TO_FOLLOW = "Ask the assistant to follow the run.";

export function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return `${Math.max(0, Math.floor(seconds))} s`;
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** How long the run has taken, or took; undefined where that is not known. `now` is on the page's own clock, in ms. */
export function elapsed(run: Run, now: number): number | undefined {
  const first = run.times[0];
  const last = run.times.at(-1);
  if (hasEnded(run) && first && last && last !== first) return (Date.parse(last.at) - Date.parse(first.at)) / 1_000;
  return run.age === undefined || hasEnded(run) ? undefined : run.age + (now - run.readAt) / 1_000;
}
