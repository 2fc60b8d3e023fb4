// The run card: it shows the run of the tool call next to which its host puts it, and follows that run.
import { Follower, type Following } from "./follow";
import { Host, type HostCapabilities, type HostContext, PROTOCOL_VERSION, type ToolResult } from "./messages";
import { firstLine, hasEnded, object, type Run, text, unknownRun, withResult } from "./run";
import { applyTheme, reportSize } from "./theme";
import { View } from "./view";
import { following, headline } from "./words";

const ANSWER_SECONDS = 10;
const CALL_SECONDS = 90;
const TASK_CHARACTERS = 200;

const host = new Host();
let capabilities: HostCapabilities = {};
let context: HostContext = {};
let run: Run = unknownRun();
let state: Following = "off";
let reason = "";
/** The run of which the follower has brought news, so that it knows it better than an older result. */
let known = "";

const view = new View({ openLink, stop, continueWith, tryAgain: follow });
const follower = new Follower(
  host,
  (result, fresh) => {
    known = run.id;
    apply(result, fresh);
  },
  (now, why) => {
    [state, reason] = [now, why];
    showFooting();
  },
);

function update(next: Run): void {
  const hadEnded = hasEnded(run);
  const isSame = run.id === next.id;
  run = next;
  view.showRun(run);
  showFooting();
  if (isSame && hasEnded(run) && !hadEnded) tellModel(`${headline(run)}.${run.pullRequest ? ` ${run.pullRequest}` : ""}`);
}

function apply(result: ToolResult, fresh: boolean): void {
  update(withResult(run, result, fresh, performance.now()));
}

function showFooting(): void {
  const canCall = !!capabilities.serverTools && state !== "refused";
  const isOver = hasEnded(run);
  view.showFooting({
    note: run.id && !isOver ? following(state, reason, canCall) : "",
    isLive: state === "on" && !isOver,
    canRetry: state === "lost" || state === "refused",
    canCall,
  });
}

function follow(): void {
  if (!capabilities.serverTools || !run.id || !run.actions.includes("follow")) return;
  void follower.follow(run.id);
}

async function call(name: string, given: Record<string, unknown>): Promise<ToolResult> {
  const result = await host.request("tools/call", { name, arguments: given }, CALL_SECONDS);
  if (result.isError) throw new Error(firstLine(result) || `${name} failed.`);
  return result;
}

async function stop(): Promise<void> {
  const result = await call("cancel_run", { run_id: run.id });
  apply(result, false);
  follow();
}

async function continueWith(prompt: string): Promise<void> {
  const result = await call("start_run", { continue_run: run.id, prompt });
  view.clearFollowUp();
  apply(result, true);
  tellModel("The user started this run from the run card, as a follow-up.");
  follow();
}

function openLink(url: string): void {
  const shown = (): void => view.showAddress(url);
  if (!capabilities.openLinks) return shown();
  view.showAddress("");
  host.request("ui/open-link", { url }, ANSWER_SECONDS).then((result) => result.isError && shown(), shown);
}

/** Tells the model what it did not see happen, for its next turn; only facts, nothing that others wrote. */
function tellModel(what: string): void {
  if (!capabilities.updateModelContext) return;
  const content = [{ type: "text" as const, text: `Mogplex run ${run.id} on ${run.repo}: ${what}` }];
  host.request("ui/update-model-context", { content }, ANSWER_SECONDS).catch(() => {});
}

function adopt(changed: HostContext): void {
  context = { ...context, ...changed };
  applyTheme(changed);
  if ("locale" in changed || "timeZone" in changed) view.setLocale(text(context.locale), text(context.timeZone));
}

host.on("ui/notifications/host-context-changed", adopt);
host.on("ui/notifications/tool-input", (params) => {
  const input = object(params.arguments);
  const task = text(input.prompt).split("\n")[0] ?? "";
  const [first] = Array.isArray(input.run_ids) ? input.run_ids : [];
  update(unknownRun(text(input.run_id) || text(first), task.slice(0, TASK_CHARACTERS), text(input.repo)));
  follow();
});
host.on("ui/notifications/tool-result", (result) => {
  if (result.isError) {
    if (!known) view.showError(firstLine(result));
    return;
  }
  const id = text(object(result.structuredContent).run_id);
  if (known && (!id || id === known)) return;
  const isFollowed = id === run.id;
  if (id) apply(result, true);
  else view.showError(firstLine(result));
  if (!isFollowed) follow();
});
host.on("ui/notifications/tool-cancelled", () => {
  if (!run.id) view.showError("The call was cancelled before there was a run to show.");
});
host.on("ui/resource-teardown", () => follower.stop());

view.setLocale("", "");
view.showRun(run);
showFooting();
setInterval(() => view.tick(), 1_000);
const greeting = {
  appInfo: { name: "mogplex-run-card", version: "1" },
  appCapabilities: { availableDisplayModes: ["inline"] as ["inline"] },
  protocolVersion: PROTOCOL_VERSION,
};
host.request("ui/initialize", greeting, CALL_SECONDS).then(
  (welcome) => {
    capabilities = welcome.hostCapabilities ?? {};
    adopt(welcome.hostContext ?? {});
    host.notify("ui/notifications/initialized", {});
    reportSize((width, height) => host.notify("ui/notifications/size-changed", { width, height }));
  },
  () => view.showError("The app that shows this card did not answer."),
);
