/**
 * A session in Node: JSON lines { id, method, args } (or `arguments`) on stdin, { id, result } or { id, error } on stdout.
 *
 *     node session_node.mjs RUNTIME_MODULE_URL
 */

import { createInterface } from "node:readline";
import { createSession } from "./session.js";

const [address] = process.argv.slice(2);
if (!address) {
  process.stderr.write("usage: node session_node.mjs RUNTIME_MODULE_URL\n");
  process.exit(2);
}
const session = createSession({ webkiln: await import(address) });

/** @param {unknown} answer */
function write(answer) {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

write({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  if (!line.trim()) continue;
  const { id, method, ...rest } = JSON.parse(line);
  const args = rest.args ?? rest.arguments;
  const call = Object.hasOwn(session, method) ? session[method] : null;
  const result = call ? await call(args) : { error: { kind: "WebkilnError", message: `the session has no method ${JSON.stringify(method)}` } };
  if (result && typeof result === "object" && "error" in result) write({ id, error: result.error });
  else write({ id, result });
}
