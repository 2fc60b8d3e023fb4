// Builds the run card: one HTML file without references, whose Content-Security-Policy allows its own script and style
// only. Usage: node build.mjs [FILE]; by default the file that the package ships.
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const output = process.argv[2] ?? here("../server/mogplex_mcp/ui/run_card.html");

async function bundled(entry) {
  const result = await build({
    entryPoints: [here(entry)],
    bundle: true,
    minify: true,
    write: false,
    charset: "utf8",
    format: "iife",
    target: ["es2022", "chrome123", "firefox120", "safari17.5"],
    legalComments: "none",
    logLevel: "warning",
  });
  return result.outputFiles[0].text.trim();
}

const hash = (text) => `'sha256-${createHash("sha256").update(text, "utf8").digest("base64")}'`;

const [template, script, style] = await Promise.all([
  readFile(here("src/card.html"), "utf8"),
  bundled("src/main.ts"),
  bundled("src/card.css"),
]);
if (/<\/(script|style)/i.test(script + style)) throw new Error("the bundle would end its own element");
const parts = { script, style, "script-hash": hash(script), "style-hash": hash(style) };
await writeFile(output, template.replace(/\{\{([a-z-]+)\}\}/g, (_, name) => parts[name]));
