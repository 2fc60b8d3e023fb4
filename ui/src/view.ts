// The card on the screen. It is made once; what changes is put into it.
import { button, element, show } from "./dom";
import { hasEnded, PHASES, type Run, type RunEvent } from "./run";
import { duration, elapsed, headline, phaseName, state } from "./words";

export interface Actions {
  openLink(url: string): void;
  stop(): Promise<void>;
  continueWith(prompt: string): Promise<void>;
  tryAgain(): void;
}

export interface Footing {
  note: string;
  isLive: boolean;
  canRetry: boolean;
  /** Whether the card may call tools, so that it can stop and continue. */
  canCall: boolean;
}

export class View {
  private readonly repo = element("h1", { id: "repo" });
  private readonly branches = element("p", { class: "branches" });
  private readonly state = element("span", { class: "state" });
  private readonly task = element("p", { class: "task", dir: "auto" });
  private readonly phases = element("ol", { class: "phases", "aria-label": "Phases" });
  private readonly headline = element("span");
  private readonly elapsed = element("span", { class: "elapsed" });
  private readonly failure = element("p", { class: "failure", dir: "auto", tabindex: "0" });
  private readonly error = element("p", { class: "error", role: "alert", dir: "auto" });
  private readonly address = element("p", { class: "address" });
  private readonly events = element("ol");
  private readonly count = element("h2", { id: "events" });
  // It would read out every event; what matters is announced in the status.
  private readonly log = element(
    "div",
    { role: "log", "aria-live": "off", "aria-labelledby": "events", tabindex: "0" },
    this.events,
  );
  private readonly history = element("section", { class: "events" }, this.count, this.log);
  private readonly pullRequest: HTMLButtonElement;
  private readonly stopButton: HTMLButtonElement;
  private readonly page: HTMLButtonElement;
  private readonly retry: HTMLButtonElement;
  private readonly question: HTMLElement;
  private readonly followUp: HTMLElement;
  private readonly prompt: HTMLTextAreaElement;
  private readonly note = element("p", { class: "note" });
  private readonly announced = element("p", { class: "unseen", role: "status" });
  private shown: RunEvent[] = [];
  private run: Run | undefined;
  private time: (at: string) => string = () => "";

  constructor(private readonly actions: Actions) {
    this.pullRequest = button("", "primary", () => this.run && actions.openLink(this.run.pullRequest));
    this.page = button("Open in Mogplex", "plain", () => this.run && actions.openLink(this.run.webPage));
    this.retry = button("Try again", "plain", () => actions.tryAgain());
    this.stopButton = button("Stop run", "plain", () => this.ask(true));
    this.question = this.makeQuestion();
    this.prompt = element("textarea", { id: "follow-up", rows: "2", maxlength: "100000", dir: "auto" });
    this.followUp = this.makeFollowUp();
    for (const later of [this.failure, this.error, this.address, this.history, this.note, this.pullRequest]) later.hidden = true;
    document.body.append(
      element(
        "main",
        { class: "card", "aria-labelledby": "repo" },
        element("header", {}, element("div", { class: "where" }, this.repo, this.branches), this.state),
        this.task,
        this.phases,
        element("p", { class: "headline" }, this.headline, this.elapsed),
        this.failure,
        this.history,
        this.question,
        element("div", { class: "buttons" }, this.pullRequest, this.stopButton, this.page, this.retry),
        this.followUp,
        this.error,
        this.address,
        this.note,
        this.announced,
      ),
    );
  }

  /** How times are written: in the language and time zone of the host, where it tells them. */
  setLocale(locale: string, timeZone: string): void {
    const format = timeFormat(locale, timeZone);
    this.time = (at) => (Number.isNaN(Date.parse(at)) ? "" : format.format(new Date(at)));
    this.shown = [];
    if (this.run) this.showRun(this.run);
  }

  showRun(run: Run): void {
    const before = this.run && headline(this.run);
    this.run = run;
    show(this.repo, run.repo || "Mogplex run");
    this.branches.replaceChildren(...branchNames(run));
    this.branches.hidden = !this.branches.firstChild;
    show(this.task, run.task);
    const [name, tone] = state(run);
    show(this.state, name);
    this.state.dataset.tone = tone;
    this.phases.replaceChildren(...this.steps(run));
    show(this.headline, headline(run));
    this.tick();
    show(this.failure, hasEnded(run) || run.isSilent ? reasons(run) : "");
    this.showEvents(run.events);
    show(this.pullRequest, run.pullRequest ? `Review pull request${pullRequestNumber(run.pullRequest)}` : "");
    this.page.hidden = !run.webPage;
    if (before !== headline(run)) this.announced.textContent = `${run.repo} ${headline(run)}`.trim();
  }

  showFooting({ note, isLive, canRetry, canCall }: Footing): void {
    const run = this.run;
    show(this.note, note);
    this.note.classList.toggle("live", isLive);
    this.retry.hidden = !canRetry;
    if (canRetry) this.announced.textContent = note;
    const canStop = canCall && !!run?.id && !hasEnded(run) && run.actions.includes("stop");
    if (!canStop && !this.question.hidden) this.ask(false);
    this.stopButton.hidden = !canStop || !this.question.hidden;
    this.followUp.hidden = !(canCall && run?.id && hasEnded(run) && run.actions.includes("continue"));
  }

  showError(text: string): void {
    show(this.error, text);
  }

  /** An address that the host did not open, to be copied. */
  showAddress(url: string): void {
    this.address.replaceChildren("Open this address: ", element("code", { tabindex: "0" }, url));
    this.address.hidden = !url;
  }

  /** Writes how long the run takes; called once a second. */
  tick(): void {
    const seconds = this.run && elapsed(this.run, performance.now());
    show(this.elapsed, seconds === undefined ? "" : ` · ${duration(seconds)}`);
  }

  private steps(run: Run): HTMLElement[] {
    const reached = new Map(run.times.map(({ name, at }) => [name, at]));
    const names: string[] = PHASES.filter((one) => one !== "done");
    names.push(hasEnded(run) ? run.phase : "done");
    return names.map((name) => {
      const isCurrent = name === run.phase;
      const at = this.time(reached.get(name) ?? "");
      const kind = isCurrent ? (hasEnded(run) ? `end ${name}` : "current") : reached.has(name) ? "past" : "ahead";
      const said = isCurrent ? "" : kind === "past" ? ", done" : hasEnded(run) ? ", not reached" : ", to come";
      const label = element("span", { class: "name" }, phaseName(name), element("span", { class: "unseen" }, said));
      return element(
        "li",
        { class: kind, ...(isCurrent ? { "aria-current": "step" } : {}) },
        label,
        element("span", { class: "time" }, at),
      );
    });
  }

  private showEvents(events: RunEvent[]): void {
    const isLonger = this.shown.every((one, index) => one === events[index]);
    const isAtEnd = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 24;
    const added = (isLonger ? events.slice(this.shown.length) : events).map((one) => this.line(one));
    if (isLonger) this.events.append(...added);
    else this.events.replaceChildren(...added);
    this.shown = events;
    this.history.hidden = !events.length;
    show(this.count, `Events (${events.reduce((sum, one) => sum + one.count, 0)})`);
    if (isAtEnd) this.log.scrollTop = this.log.scrollHeight;
  }

  private line({ at, kind, count, message }: RunEvent): HTMLElement {
    const times = count > 1 ? ` ×${count}` : "";
    return element(
      "li",
      {},
      element("span", { class: "time" }, this.time(at)),
      element("span", { class: "kind", dir: "auto" }, kind.replace(/^(log|tool) /, "").replaceAll("_", " ") + times),
      element("span", { class: "message", dir: "auto" }, message),
    );
  }

  private makeQuestion(): HTMLElement {
    const stop = button("Stop it", "danger", () => void this.while(stop, this.actions.stop).then(() => this.ask(false)));
    const keep = button("Keep it running", "plain", () => this.ask(false));
    const text = element("p", { id: "question" }, "Stop this run for good? Work that it has not pushed is lost.");
    const group = { class: "question", role: "group", "aria-labelledby": "question" };
    const made = element("div", group, text, element("div", { class: "buttons" }, keep, stop));
    made.hidden = true;
    made.addEventListener("keydown", (event) => event.key === "Escape" && this.ask(false));
    return made;
  }

  private ask(isAsking: boolean): void {
    this.question.hidden = !isAsking;
    this.stopButton.hidden = isAsking;
    if (isAsking) this.question.querySelector("button")?.focus();
    else this.stopButton.focus();
  }

  private makeFollowUp(): HTMLElement {
    const send = (): void => {
      const prompt = this.prompt.value.trim();
      if (!prompt || start.disabled) return;
      void this.while(start, () => this.actions.continueWith(prompt));
    };
    const start = button("Start follow-up run", "plain", send);
    this.prompt.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send();
    });
    const label = element("label", { for: "follow-up" }, "Continue on the same branch");
    const made = element("div", { class: "follow-up" }, label, this.prompt, element("div", { class: "buttons" }, start));
    made.hidden = true;
    return made;
  }

  clearFollowUp(): void {
    this.prompt.value = "";
  }

  private async while(pressed: HTMLButtonElement, act: () => Promise<void>): Promise<void> {
    pressed.disabled = true;
    this.showError("");
    try {
      await act();
    } catch (error) {
      this.showError(error instanceof Error ? error.message : "That did not work.");
    } finally {
      pressed.disabled = false;
    }
  }
}

function branchNames({ workingBranch, baseBranch }: Run): Node[] {
  if (!workingBranch && !baseBranch) return [];
  const working = element("bdi", {}, workingBranch || baseBranch);
  if (!workingBranch || !baseBranch || workingBranch === baseBranch) return [working];
  return [working, element("span", {}, " from "), element("bdi", {}, baseBranch)];
}

function reasons(run: Run): string {
  const reason = run.phase === "failed" ? run.failure || run.failureCode : "";
  return reason || (run.otherLink && !run.pullRequest ? `It reported another address: ${run.otherLink}` : "");
}

function pullRequestNumber(url: string): string {
  const number = /\/pull\/(\d+)$/.exec(url)?.[1];
  return number ? ` #${number}` : "";
}

function timeFormat(locale: string, timeZone: string): Intl.DateTimeFormat {
  const options: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  try {
    return new Intl.DateTimeFormat(locale || undefined, timeZone ? { ...options, timeZone } : options);
  } catch {
    // A host's locale or time zone that this browser does not know.
    return new Intl.DateTimeFormat(undefined, options);
  }
}
