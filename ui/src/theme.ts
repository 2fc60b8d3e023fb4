// The look of the host: its theme, and its variables where the card uses them.
import type { HostContext } from "./messages";
import { object } from "./run";

export function applyTheme(context: HostContext): void {
  const root = document.documentElement;
  if (context.theme === "light" || context.theme === "dark") root.style.colorScheme = context.theme;
  for (const [name, value] of Object.entries(object(context.styles?.variables))) {
    if (name.startsWith("--") && typeof value === "string") root.style.setProperty(name, value);
  }
}

/** Reports the size of the card to the host each time it changes. */
export function reportSize(report: (width: number, height: number) => void): void {
  let last = "";
  new ResizeObserver(() => {
    const { width, height } = document.body.getBoundingClientRect();
    const size = [Math.ceil(width), Math.ceil(height)] as const;
    if (String(size) === last) return;
    last = String(size);
    report(...size);
  }).observe(document.body);
}
