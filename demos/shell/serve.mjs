/** Serves this folder to this machine: `npm start`, or `node serve.mjs [PORT]`. */

import { readFile, realpath, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** @type {Record<string, string>} */
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".webp": "image/webp",
  ".wasm": "application/wasm",
};
const root = await realpath(fileURLToPath(new URL(".", import.meta.url)));
const inside = root.endsWith(sep) ? root : root + sep;

/** @param {string} address */
async function find(address) {
  const path = decodeURIComponent(new URL(address, "http://localhost").pathname);
  const found = await realpath(join(root, path));
  if (found !== root && !found.startsWith(inside)) throw new Error("outside of the folder");
  return (await stat(found)).isDirectory() ? join(found, "index.html") : found;
}

const server = createServer(async ({ url = "/", method }, response) => {
  if (method !== "GET" && method !== "HEAD") return void response.writeHead(405).end();
  try {
    const file = await find(url);
    const data = await readFile(file);
    response.writeHead(200, { "Content-Type": TYPES[extname(file).toLowerCase()] ?? "application/octet-stream", "Content-Length": data.length, "X-Content-Type-Options": "nosniff" });
    response.end(method === "HEAD" ? undefined : data);
  } catch {
    response.writeHead(404, { "Content-Type": "text/plain" }).end("404 Not Found\n");
  }
});
const port = Number(process.argv[2] ?? process.env.PORT ?? 8000);
server.on("error", (error) => {
  console.error(`could not serve on port ${port}: ${error.message}; choose another: node serve.mjs 8080`);
  process.exitCode = 1;
});
server.listen(port, "127.0.0.1", () => console.log(`http://localhost:${/** @type {import("node:net").AddressInfo} */ (server.address()).port}/`));
