// The server that the examples start over stdio: that of this checkout, else an installed one (see launch.py).

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const programs = process.platform === "win32" ? "../.venv/Scripts/mogplex-mcp.exe" : "../.venv/bin/mogplex-mcp";
const checkout = fileURLToPath(new URL(programs, import.meta.url));

export const COMMAND = existsSync(checkout) ? checkout : "mogplex-mcp";
// Clients pass on few variables. Without MOGPLEX_API_KEY, the token that `mogplex-mcp login` stored is used.
export const ENVIRONMENT = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => name.startsWith("MOGPLEX_")),
);
