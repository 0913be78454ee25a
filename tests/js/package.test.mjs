import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import test from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import vm from "node:vm";
import { gzipSync } from "node:zlib";
import { readSafetensors, writeSafetensors } from "../../js/safetensors.js";
import { modelFiles, stored } from "./models.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const dist = join(root, "dist");
const require = createRequire(import.meta.url);
const DOUBLE = { inputs: { x: { shape: [2] } }, nodes: [["add", ["x", "x"], "y"]], outputs: { y: { shape: [2] } } };

/** A folder in which the package is installed, as npm would, with a model. */
async function withProject(use) {
  const folder = await mkdtemp(join(tmpdir(), "webkiln-consumer-"));
  try {
    const installed = join(folder, "node_modules", "webkiln");
    await mkdir(installed, { recursive: true });
    await cp(join(root, "package.json"), join(installed, "package.json"));
    await cp(dist, join(installed, "dist"), { recursive: true });
    await symlink(join(root, "node_modules", "@types"), join(folder, "node_modules", "@types"));
    await mkdir(join(folder, "model"));
    for (const [name, content] of modelFiles(DOUBLE)) await writeFile(join(folder, "model", name), content);
    await writeFile(join(folder, "package.json"), '{ "type": "module" }');
    for (const file of ["app.mjs", "consumer.ts"]) await cp(new URL(`consumer/${file}`, import.meta.url), join(folder, file));
    return await use(folder, installed);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("package: every file that it names is there, and the wasm and worker are reachable", async () => {
  const { exports, main, types, version } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const named = [main, types, ...Object.values(exports).flatMap((entry) => (typeof entry === "string" ? entry : Object.values(entry)))].filter((file) => !file.includes("*"));
  for (const file of named) assert.ok(existsSync(join(root, file)), file);
  assert.equal((await import(pathToFileURL(join(dist, "webkiln.min.mjs")))).version, version);
  await withProject(async (folder, installed) => {
    const resolve = createRequire(join(folder, "app.mjs")).resolve;
    assert.equal(resolve("webkiln/webkiln-plain.wasm"), join(installed, "dist", "webkiln-plain.wasm"));
    assert.equal(resolve("webkiln/results"), join(installed, "dist", "webkiln.results.min.mjs"));
    assert.equal(resolve("webkiln/webkiln.worker.min.js"), join(installed, "dist", "webkiln.worker.min.js"));
  });
});

test("package: a TypeScript project finds the types, and mistakes are errors", async () => {
  await withProject(async (folder) => {
    for (const resolution of [["--module", "nodenext"], ["--module", "esnext", "--moduleResolution", "bundler"]]) {
      execFileSync(process.execPath, [require.resolve("typescript/bin/tsc"), "--noEmit", "--strict", "--target", "es2022", "--lib", "es2023,dom", ...resolution, "--types", "node", "consumer.ts"], { cwd: folder, stdio: "pipe" });
    }
  });
});

test("package: runs as it is installed, and bundled into an application", async () => {
  await withProject(async (folder, installed) => {
    const plain = join(installed, "dist", "webkiln-plain.wasm");
    const run = (script) => JSON.parse(execFileSync(process.execPath, [script, join(folder, "model", "model.json"), plain], { encoding: "utf8" }));
    assert.deepEqual(run(join(folder, "app.mjs")), [2, 4]);
    const { build } = await import("esbuild");
    const { warnings } = await build({ entryPoints: [join(folder, "app.mjs")], outfile: join(folder, "out", "app.js"), bundle: true, format: "esm", target: "es2022", minify: true, write: true, logLevel: "silent" });
    assert.deepEqual(warnings, []);
    assert.deepEqual(run(join(folder, "out", "app.js")), [2, 4]);
  });
});

test("package: a script that only has effects is kept in an application", async () => {
  await withProject(async (folder) => {
    const { build } = await import("esbuild");
    const { outputFiles } = await build({ stdin: { contents: 'import "webkiln/webkiln.avatar.min.js";', resolveDir: folder }, bundle: true, format: "esm", write: false, logLevel: "silent" });
    assert.match(outputFiles[0].text, /webkiln\b.*avatar/s);
    assert.ok(outputFiles[0].text.length > 4000);
  });
});

test("bundles: no eval, no import of Node that a page would meet, no address of anyone's server, small modules", async () => {
  for (const file of ["webkiln.mjs", "webkiln.min.mjs", "webkiln.min.js", "webkiln.results.min.js", "webkiln.results.min.mjs", "webkiln.worker.min.js"]) {
    const text = await readFile(join(dist, file), "utf8");
    assert.doesNotMatch(text, /\beval\s*\(|new Function\b|Function\(["'`]/, file);
    assert.doesNotMatch(text, /\bfrom\s*["']node:|import\s*["']node:|import\(["']node:/, file);
    assert.doesNotMatch(text.replaceAll("https://git-lfs", ""), /https?:\/\//, file);
  }
  for (const name of (await readdir(dist)).filter((file) => file.endsWith(".wasm"))) assert.ok(gzipSync(await readFile(join(dist, name)), { level: 9 }).length <= 60 * 1024, name);
});

test("script tag: the global has the public names, and the .wasm lies next to the script", async () => {
  const asked = [];
  const context = vm.createContext({ document: { currentScript: { src: "https://site.test/static/webkiln.min.js" }, baseURI: "https://site.test/app/" }, location: { href: "https://site.test/app/" }, URL, WebAssembly, TextDecoder, TextEncoder, Response, AbortController, AbortSignal, DOMException, Uint8Array });
  vm.runInContext(`${await readFile(join(dist, "webkiln.min.js"), "utf8")}; this.webkiln = webkiln;`, context);
  assert.deepEqual(Object.keys(context.webkiln).sort(), Object.keys(await import("../../js/index.js")).sort());
  context.document.currentScript = null; // it is, as soon as the script has been evaluated
  const fetch = async (address) => {
    asked.push(address);
    return new Response("", { status: 404 });
  };
  await assert.rejects(context.webkiln.load("model/model.json", { fetch, relaxed: false }));
  assert.deepEqual(asked.sort(), ["https://site.test/app/model/model.json", "https://site.test/static/webkiln-plain.wasm"]);
});

test("session: JSON lines in Node drive the source modules and the bundle alike", async () => {
  const files = modelFiles(DOUBLE);
  const sent = new Map();
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    if (request.method === "POST") sent.set(request.url, new Uint8Array(Buffer.concat(chunks)));
    const content = request.url === "/in" ? writeSafetensors([["x", stored("f32", [2], [1, 2])]]) : files.get(request.url.slice(1));
    response.writeHead(request.method === "POST" || content !== undefined ? 200 : 404).end(content);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${server.address().port}`;
  try {
    for (const [script, runtime] of [["js/session_node.mjs", "js/index.js"], ["dist/session_node.mjs", "dist/webkiln.min.mjs"]]) {
      const child = spawn(process.execPath, [join(root, script), pathToFileURL(join(root, runtime)).href], { stdio: ["pipe", "pipe", "inherit"] });
      const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      const call = async (method, args) => {
        child.stdin.write(`${JSON.stringify({ id: 7, method, args })}\n`);
        for (;;) {
          const { value } = await answers.next();
          const answer = JSON.parse(value);
          if (answer.id === 7) return answer;
        }
      };
      const { result: { id, backend, build } } = await call("load", { url: `${address}/model.json`, options: { relaxed: false } });
      assert.deepEqual([backend, build], ["wasm", "plain"]);
      assert.ok((await call("run", { id, inputs: `${address}/in`, outputs: `${address}/out` })).result.milliseconds >= 0);
      const { dtype, shape, bytes } = readSafetensors(sent.get("/out"), "the outputs").get("y");
      assert.deepEqual([dtype, shape, [...new Float32Array(bytes.slice().buffer)]], ["F32", [2], [2, 4]]);
      await call("trace", { id, inputs: `${address}/in`, outputs: `${address}/traced` });
      assert.deepEqual([...readSafetensors(sent.get("/traced"), "the trace").keys()], ["x", "y"]);
      assert.equal((await call("bench", { id, inputs: `${address}/in`, warmup: 1, runs: 4, seconds: 5 })).result.samples.length, 4);
      assert.equal((await call("profile", { id })).result.segments.length, 1);

      const { result: snapshot } = await call("snapshot", { id, inputs: `${address}/in`, memory: `${address}/memory` });
      const bytesBefore = sent.get("/memory");
      const memory = new WebAssembly.Memory({ initial: Math.ceil(bytesBefore.length / 65536), maximum: 65536 });
      new Uint8Array(memory.buffer).set(bytesBefore);
      const { instance } = await WebAssembly.instantiate(await readFile(join(dist, "webkiln-plain.wasm")), { env: { memory } });
      instance.exports.run(snapshot.begin, snapshot.end);
      assert.deepEqual([...new Float32Array(memory.buffer, snapshot.outputs[0].address, 2)], [2, 4], "the same commands, run elsewhere");

      assert.equal((await call("verify", { id })).error.kind, "WebkilnError");
      assert.deepEqual((await call("load", { url: `${address}/nowhere.json` })).error.kind, "FetchError");
      assert.match((await call("fly", {})).error.message, /no method "fly"/);
      await call("dispose", { id });
      assert.match((await call("run", { id })).error.message, /no model/);
      child.stdin.end();
      const [status] = await new Promise((resolve) => child.on("exit", (...result) => resolve(result)));
      assert.equal(status, 0);
    }
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
