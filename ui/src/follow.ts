// Follows a run: asks tail_run through the host for what is new since the last cursor, while the card can be seen.
import { type Host, HostError, METHOD_NOT_FOUND, type ToolResult } from "./messages";
import { firstLine, object, text } from "./run";

/** Shorter than any known timeout of hosts that show cards; the server returns earlier where it knows of a shorter one. */
const WAIT_SECONDS = 40;
const ANSWER_SECONDS = 75;
/** Between two calls, however fast the run reports. */
const LEAST_SECONDS = 2;
/** After an answer without news that came at once, and after a failure: doubled each time up to the longest. */
const FIRST_PAUSE_SECONDS = 4;
const LONGEST_PAUSE_SECONDS = 60;
const MOST_FAILURES = 5;

export type Following = "off" | "on" | "paused" | "retrying" | "refused" | "lost";

export class Follower {
  private current = 0;
  private wake = (): void => {};
  private isVisible = true;
  private onScreen = true;

  constructor(
    private readonly host: Host,
    private readonly onResult: (result: ToolResult, fresh: boolean) => void,
    private readonly onState: (state: Following, reason: string) => void,
  ) {
    document.addEventListener("visibilitychange", () => this.look());
    new IntersectionObserver((entries) => {
      this.onScreen = entries.at(-1)?.isIntersecting ?? true;
      this.look();
    }).observe(document.documentElement);
    this.look();
  }

  /** Follows this run, and no other one any more, from its first event on. */
  async follow(runId: string): Promise<void> {
    const mine = ++this.current;
    this.wake();
    let cursor = "";
    let failures = 0;
    let pause = 0;
    let isFirst = true;
    let canWait = true;
    while (true) {
      if (!this.isVisible) this.onState("paused", "");
      while (!this.isVisible && mine === this.current) await new Promise<void>((resolve) => (this.wake = resolve));
      if (mine !== this.current) return;
      if (!failures) this.onState("on", "");
      const began = performance.now();
      try {
        const result = await this.tail(runId, cursor, isFirst || !canWait ? 0 : WAIT_SECONDS);
        if (mine !== this.current) return;
        const facts = object(result.structuredContent);
        if (!facts.run_id) {
          // A host that hands on a task (SEP-2663) in place of a result; a look is never a task.
          canWait = false;
          throw new Error("the app handed on no facts about the run");
        }
        failures = 0;
        this.onResult(result, !cursor);
        const next = text(facts.cursor, Infinity);
        if (!next) return this.onState("off", "");
        // A silent run, or one that never started, is answered at once.
        const isNews = isFirst || object(facts.untrusted).events !== undefined;
        const isLate = performance.now() - began > (WAIT_SECONDS * 1_000) / 4;
        pause = isNews || isLate ? 0 : longer(pause);
        cursor = next;
        isFirst = false;
      } catch (error) {
        if (mine !== this.current) return;
        failures += 1;
        const reason = error instanceof Error ? error.message : "";
        if (error instanceof HostError && error.code === METHOD_NOT_FOUND) return this.onState("refused", reason);
        if (failures === MOST_FAILURES) return this.onState("lost", reason);
        pause = longer(pause);
        this.onState("retrying", reason);
      }
      await this.sleep(Math.max(pause, LEAST_SECONDS - (performance.now() - began) / 1_000));
      if (mine !== this.current) return;
    }
  }

  stop(): void {
    this.current += 1;
    this.wake();
  }

  private async tail(runId: string, cursor: string, seconds: number): Promise<ToolResult> {
    const since = cursor ? { cursor } : {};
    const options = { wait_seconds: seconds, until: "update", max_events: 100 };
    const call = { name: "tail_run", arguments: { run_id: runId, ...since, ...options } };
    const result = await this.host.request("tools/call", call, ANSWER_SECONDS);
    if (result.isError) throw new Error(firstLine(result));
    return result;
  }

  private look(): void {
    this.isVisible = this.onScreen && document.visibilityState === "visible";
    if (this.isVisible) this.wake();
  }

  private sleep(seconds: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, Math.max(0, seconds) * 1_000));
  }
}

function longer(pause: number): number {
  return Math.min(LONGEST_PAUSE_SECONDS, pause ? pause * 2 : FIRST_PAUSE_SECONDS);
}
