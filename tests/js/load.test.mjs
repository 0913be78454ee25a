import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { pathToFileURL } from "node:url";
import { load, version } from "../../js/index.js";
import { writeSafetensors } from "../../js/safetensors.js";
import { generate } from "../../js/generator.js";
import { ADDRESS, fetchFrom, loadModel, modelFiles, sha256Of, stored, wasmFiles } from "./models.mjs";

const PARTS = {
  inputs: { x: { shape: [2, 3] } },
  constants: { w: { shape: [3, 4], values: Array.from({ length: 12 }, (_, i) => i / 8) }, b: { shape: [4], values: [1, 2, 3, 4] } },
  nodes: [["matmul", ["x", "w", "b"], "m"], ["relu", ["m"], "y"]],
  outputs: { y: { shape: [2, 4] } },
};
const X = [1, 2, 3, 4, 5, 6];
const Y = [0, 1].flatMap((row) => [0, 1, 2, 3].map((column) => column + 1 + [0, 1, 2].reduce((sum, k) => sum + X[3 * row + k] * ((4 * k + column) / 8), 0)));

/** The files in a folder of their own, and on a server. */
async function served(files, use, { headers = {} } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "webkiln-test-"));
  for (const [name, content] of files) await writeFile(join(folder, name), content);
  const requests = [];
  const server = createServer(async (request, response) => {
    requests.push(request.url);
    const name = request.url.slice(1);
    const content = files.get(name) ?? (name.endsWith(".wasm") ? await readFile(new URL(`../../dist/${name}`, import.meta.url)).catch(() => null) : null);
    if (content === null) return response.writeHead(404).end();
    response.writeHead(200, headers[name] ?? {}).end(content);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await use({ folder, address: `http://127.0.0.1:${server.address().port}/`, requests });
  } finally {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  }
}

test("load: from a path, a file URL, and over HTTP", async () => {
  await served(modelFiles(PARTS), async ({ folder, address, requests }) => {
    for (const url of [join(folder, "model.json"), pathToFileURL(join(folder, "model.json")), pathToFileURL(join(folder, "model.json")).href, `${address}model.json`, new URL("model.json", address)]) {
      const model = await load(url, { backend: "wasm" });
      assert.equal(model.name, "tested");
      assert.deepEqual(model.inputs, [{ name: "x", dtype: "float32", shape: [2, 3] }]);
      assert.deepEqual([...(await model.run({ x: X })).y], Y);
    }
    assert.deepEqual(requests.slice(0, 2), ["/model.json", "/weights-00000.safetensors"]);
    await assert.rejects(load(join(folder, "nowhere", "model.json")), { name: "FetchError", message: /model.json cannot be read from file:.*nowhere/ });
    await assert.rejects(load(`${address}nowhere/model.json`), { name: "FetchError", message: /nowhere\/model.json answered 404/ });
  });
  assert.match(version, /^\d+\.\d+\.\d+$/);
});

test("load: auto is WASM in Node, and says why, in a worker too", async () => {
  await served(modelFiles(PARTS), async ({ address }) => {
    for (const worker of [false, true]) {
      const model = await load(`${address}model.json`, { worker });
      assert.deepEqual([model.backend, model.backendReason], ["wasm", "wasm: there is no WebGL2 here"]);
      assert.deepEqual([...(await model.run({ x: X })).y], Y);
      model.dispose();
      await assert.rejects(load(`${address}model.json`, { worker, backend: "webgl" }), { name: "WebkilnError", message: /there is no WebGL2 here; use the backend "wasm"/ });
    }
  });
});

test("load: the .wasm from a folder, with the wrong MIME type, and what is no .wasm", async () => {
  const files = modelFiles(PARTS);
  const headers = { "webkiln-plain.wasm": { "content-type": "text/plain" } };
  await served(files, async ({ address, requests }) => {
    const model = await load(`${address}model.json`, { wasm: address, relaxed: false });
    assert.deepEqual([...(await model.run({ x: X })).y], Y);
    assert.ok(requests.includes("/webkiln-plain.wasm"));
    assert.equal(model.build, "plain");
  }, { headers });
  await served(new Map([...files, ["webkiln-plain.wasm", "<!DOCTYPE html><p>not here"]]), async ({ address }) => {
    await assert.rejects(load(`${address}model.json`, { wasm: address, relaxed: false }), { name: "FetchError", message: /webkiln-plain\.wasm answered an HTML page.*where the option wasm says/s });
    await assert.rejects(load(`${address}model.json`, { wasm: `${address}elsewhere`, relaxed: false }), { name: "FetchError", message: /elsewhere\/webkiln-plain\.wasm answered 404/ });
  });
  const bytes = await wasmFiles();
  await loadModel(PARTS, { wasm: { plain: bytes.plain.buffer.slice(bytes.plain.byteOffset, bytes.plain.byteOffset + bytes.plain.length) } });
  await assert.rejects(loadModel(PARTS, { wasm: { plain: new Uint8Array([1, 2, 3, 4]) } }), { name: "FetchError", message: /no WebAssembly: it starts with the bytes \[1, 2, 3, 4\]/ });
  await assert.rejects(loadModel(PARTS, { wasm: {} }), { name: "WebkilnError", message: /gives no plain build/ });
});

test("load: options that are not known are named", async () => {
  await assert.rejects(loadModel(PARTS, { backend: "cuda" }), { message: /backend "cuda" is unknown; this version has "auto", "wasm"/ });
  await assert.rejects(loadModel(PARTS, { onprogress() {} }), { message: /does not know the option onprogress; it knows backend, onProgress/ });
  await assert.rejects(loadModel(PARTS, { signature: "other" }), { message: /no signature "other"; it has "main"/ });
  await assert.rejects(load(42), { message: /wants the address/ });
});

test("load: damaged, truncated, foreign shards are named with what to do", async () => {
  const change = (edit) => {
    const files = modelFiles(PARTS);
    edit(files);
    return files;
  };
  const shard = "weights-00000.safetensors";
  const flipped = change((files) => (files.get(shard)[files.get(shard).length - 1] ^= 1));
  await assert.rejects(loadModel(flipped), { name: "HashError", message: /weights-00000\.safetensors.*has the sha256 [0-9a-f]{64}, and model.json says/ });
  await assert.rejects(loadModel(change((files) => files.set(shard, files.get(shard).slice(0, -4)))), { name: "FormatError", message: /truncated/ });
  await assert.rejects(loadModel(change((files) => files.set(shard, new Uint8Array(100_000)))), { name: "FormatError", message: /more than the \d+ bytes/ });
  await assert.rejects(loadModel(change((files) => files.delete(shard))), { name: "FetchError", message: /weights-00000\.safetensors answered 404 Not Found; is the address right/ });
  await assert.rejects(loadModel(change((files) => files.set(shard, "version https://git-lfs.github.com/spec/v1\noid sha256:0"))), { name: "FetchError", message: /Git LFS pointer/ });
  await assert.rejects(loadModel(change((files) => files.set("model.json", "<html><body>app"))), { name: "FetchError", message: /HTML page/ });
  await assert.rejects(loadModel(change((files) => files.set("model.json", "{"))), { name: "FormatError", message: /no JSON/ });

  const lying = change((files) => {
    const bytes = writeSafetensors([["w", stored("f32", [3, 3], new Array(9).fill(0))], ["b", stored("f32", [4], [1, 2, 3, 4])]]);
    const json = JSON.parse(files.get("model.json"));
    Object.assign(json.shards[0], { bytes: bytes.length, sha256: sha256Of(bytes) });
    files.set(shard, bytes).set("model.json", JSON.stringify(json));
  });
  await assert.rejects(loadModel(lying), { name: "FormatError", message: /"w" of the shape \[3, 4\] takes 48 bytes; its tensor has 36/ });
});

test("load: without crypto.subtle the hash is checked all the same", async () => {
  const { crypto } = globalThis;
  Object.defineProperty(globalThis, "crypto", { value: undefined, configurable: true });
  try {
    assert.deepEqual([...(await (await loadModel(PARTS)).run({ x: X })).y], Y);
    const files = modelFiles(PARTS);
    files.get("weights-00000.safetensors")[60] ^= 1;
    await assert.rejects(loadModel(files), { name: "HashError" });
  } finally {
    Object.defineProperty(globalThis, "crypto", { value: crypto, configurable: true });
  }
});

test("load: progress goes up to the whole, and nothing is fetched that is not needed", async () => {
  const fetch = fetchFrom(modelFiles(PARTS));
  const seen = [];
  await loadModel(PARTS, { fetch, onProgress: (progress) => seen.push(progress) });
  assert.deepEqual(fetch.log, ["model.json", "weights-00000.safetensors"]);
  assert.ok(seen.every(({ loaded, total }, i) => loaded <= total && (i === 0 || loaded >= seen[i - 1].loaded)));
  assert.equal(seen.at(-1).stage, "ready");
  assert.equal(seen.at(-1).loaded, seen.at(-1).total);
});

test("load: an abort stops it, before and while it fetches", async () => {
  await assert.rejects(loadModel(PARTS, { signal: AbortSignal.abort() }), { name: "AbortError" });
  const controller = new AbortController();
  const files = fetchFrom(modelFiles(PARTS));
  const fetch = async (address, options) => {
    if (String(address).endsWith("safetensors")) {
      setTimeout(() => controller.abort(), 5);
      return new Promise((_, reject) => options.signal.addEventListener("abort", () => reject(options.signal.reason)));
    }
    return files(address, options);
  };
  await assert.rejects(loadModel(PARTS, { fetch, signal: controller.signal }), { name: "AbortError" });
});

test("load: Cache Storage keeps the files; damaged ones are fetched again; model.json is kept for when there is no network", async () => {
  const kept = new Map();
  const cache = { match: async (key) => kept.get(key)?.clone(), put: async (key, response) => void kept.set(key, response), delete: async (key) => kept.delete(key) };
  globalThis.caches = { open: async () => cache };
  try {
    const fetch = fetchFrom(modelFiles(PARTS));
    await loadModel(PARTS, { fetch, cache: "models" });
    await loadModel(PARTS, { fetch, cache: "models" });
    assert.deepEqual(fetch.log, ["model.json", "weights-00000.safetensors", "model.json"]);
    const shard = [...kept.keys()].find((key) => key.endsWith("safetensors"));
    kept.set(shard, new Response(new Uint8Array(3)));
    await loadModel(PARTS, { fetch, cache: "models" });
    assert.deepEqual(fetch.log.slice(3), ["model.json", "weights-00000.safetensors"]);
    const offline = async () => {
      throw new TypeError("no network");
    };
    const model = await loadModel(PARTS, { fetch: offline, cache: "models" });
    assert.deepEqual([...(await model.run({ x: X })).y], Y);
    await assert.rejects(loadModel(PARTS, { fetch: offline }), { name: "FetchError", message: /no network/ });
  } finally {
    delete globalThis.caches;
  }
});

test("load: half, quantized and masked constants", async () => {
  const half = { bytes: new Uint8Array(Uint16Array.of(0x3c00, 0xc000, 0x3800, 0x7bff, 0x0001, 0).buffer), dtype: "F16", shape: [6] };
  const shard = writeSafetensors([
    ["half", half],
    ["q8", { dtype: "I8", shape: [2, 3], bytes: new Uint8Array(Int8Array.of(-128, 0, 127, 1, 2, 3).buffer) }],
    ["scale", stored("f32", [2], [0.5, 2])],
    ["zero", stored("i32", [2], [0, 1])],
    ["q4", { dtype: "U8", shape: [3], bytes: Uint8Array.of(0x1f, 0x80, 0x72) }],
    ["one", stored("f32", [], [0.25])],
    ["q16", { dtype: "U8", shape: [12], bytes: new Uint8Array(Int16Array.of(-32768, -1, 0, 1, 256, 32767).buffer) }],
    ["blocks", stored("f32", [1, 2], [1, 10])],
    ["present", stored("f32", [2], [7, 8])],
    ["mask", { dtype: "U8", shape: [1], bytes: Uint8Array.of(0b010010) }],
  ]);
  const constant = (tensor, more, shape = [6]) => ({ dtype: "f32", shape, shard: 0, tensor, ...more });
  const affine = (more) => ({ quantization: { scheme: "affine", bits: 8, signed: true, axis: null, scale: "one", ...more } });
  const files = modelFiles({
    inputs: { x: { shape: [6] } },
    nodes: [["add", ["x", "half"], "h"], ["reshape", ["q8"], "f8", { shape: [6] }], ["add", ["x", "f8"], "a8"], ["add", ["x", "q4"], "a4"], ["add", ["x", "q16"], "a16"], ["reshape", ["block"], "fb", { shape: [6] }], ["add", ["x", "fb"], "ab"], ["add", ["x", "sparse"], "s"]],
    constants: {},
    outputs: Object.fromEntries(["h", "a8", "a4", "a16", "ab", "s"].map((name) => [name, { shape: [6] }])),
    more: {
      requires: ["quantization"],
      shards: [{ file: "weights-00000.safetensors", bytes: shard.length, sha256: sha256Of(shard), role: "weights" }],
      constants: {
        half: constant("half", { storage: "f16" }),
        q8: constant("q8", affine({ axis: 0, scale: "scale", zero_point: "zero" }), [2, 3]),
        q4: constant("q4", affine({ bits: 4 })),
        q16: constant("q16", affine({ bits: 16 })),
        block: constant("q8", affine({ axis: 0, block: 2, scale: "blocks3" }), [2, 3]),
        sparse: constant("present", { quantization: { scheme: "mask", mask: "mask" } }),
      },
    },
  });
  await assert.rejects(loadModel(files.set("weights-00000.safetensors", shard)), { name: "FormatError", message: /"block": its tensor "blocks3" is not in the shard/ });
  const json = JSON.parse(files.get("model.json"));
  json.constants.block.quantization = { ...json.constants.block.quantization, scale: "pairs", axis: 1 };
  const withPairs = writeSafetensors([...(await import("../../js/safetensors.js")).readSafetensors(shard, "it"), ["pairs", stored("f32", [2, 2], [1, 10, 100, 1000])]]);
  Object.assign(json.shards[0], { bytes: withPairs.length, sha256: sha256Of(withPairs) });
  const model = await loadModel(new Map([["model.json", JSON.stringify(json)], ["weights-00000.safetensors", withPairs]]));
  const { h, a8, a4, a16, ab, s } = await model.run({ x: new Float32Array(6) });
  assert.deepEqual([...h], [1, -2, 0.5, 65504, 2 ** -24, 0]);
  assert.deepEqual([...a8], [-64, 0, 63.5, 0, 2, 4]);
  assert.deepEqual([...a4], [-0.25, 0.25, 0, -2, 0.5, 1.75]);
  assert.deepEqual([...a16], [-8192, -0.25, 0, 0.25, 64, 8191.75]);
  assert.deepEqual([...ab], [-128, 0, 1270, 100, 200, 3000]);
  assert.deepEqual([...s], [0, 7, 0, 0, 8, 0]);
});

test("load: parts of packed constants that do not fit are told before any run", async () => {
  const shard = writeSafetensors([
    ["w", { dtype: "U8", shape: [3], bytes: Uint8Array.of(1, 2, 3) }],
    ["scale", stored("f32", [], [0.25])],
    ["scales", stored("f32", [4], [1, 2, 3, 4])],
    ["mask", { dtype: "U8", shape: [1], bytes: Uint8Array.of(0b010011) }],
    ["full", { dtype: "U8", shape: [1], bytes: Uint8Array.of(0b111111) }],
    ["long", { dtype: "U8", shape: [2], bytes: Uint8Array.of(0, 0) }],
    ["present", stored("f32", [3], [7, 8, 9])],
  ]);
  const load = (/** @type {any} */ constant) => loadModel(modelFiles({
    inputs: { x: { shape: [6] } },
    nodes: [["add", ["x", "c"], "y"]],
    constants: {},
    outputs: { y: { shape: [6] } },
    more: {
      requires: ["quantization", "masked"],
      shards: [{ file: "weights-00000.safetensors", bytes: shard.length, sha256: sha256Of(shard), role: "weights" }],
      constants: { c: { dtype: "f32", shape: [6], shard: 0, tensor: "w", ...constant } },
    },
  }).set("weights-00000.safetensors", shard));
  const affine = (/** @type {any} */ more) => ({ quantization: { scheme: "affine", bits: 8, signed: false, axis: null, scale: "scale", mask: "mask", ...more } });
  const { y } = await (await load(affine({}))).run({ x: new Float32Array(6) });
  assert.deepEqual([...y], [0.25, 0.5, 0, 0, 0.75, 0]);
  const sparse = await load({ tensor: "present", quantization: { scheme: "mask", mask: "mask" } });
  assert.deepEqual([...(await sparse.run({ x: new Float32Array(6) })).y], [7, 8, 0, 0, 9, 0]);
  for (const [constant, message] of [
    [affine({ mask: "full" }), /6 values of 8 bits take 6 bytes; its tensor has 3/],
    [affine({ mask: "long" }), /its mask must be 1 bytes of U8; got 2 of U8/],
    [affine({ mask: "scale" }), /its mask must be 1 bytes of U8; got 4 of F32/],
    [affine({ scale: "scales" }), /its scale has 4 values; wanted 1/],
    [affine({ zero_point: "scales" }), /its zero_point has 4 values; wanted 1/],
    [affine({ axis: 0, block: 2, scale: "scales" }), /its scale has 4 values; wanted 3/],
    [{ tensor: "present", quantization: { scheme: "mask", mask: "full" } }, /whose mask has 6 elements, takes 24 bytes; its tensor has 12/],
    [{ tensor: "present", storage: "f16", quantization: { scheme: "mask", mask: "mask" } }, /is stored as F32; model.json says F16/],
  ]) await assert.rejects(load(constant), { name: "FormatError", message: /** @type {RegExp} */ (message) });
});

test("load: integers in the fewest bits that hold them, from any byte on", async () => {
  const bytes = (array) => new Uint8Array(array.buffer);
  const tensors = {
    odd: { dtype: "U8", shape: [3], bytes: Uint8Array.of(0, 128, 255) },
    u16: { dtype: "U16", shape: [3], bytes: bytes(Uint16Array.of(0, 256, 65535)) }, // at an odd byte
    i16: { dtype: "I16", shape: [3], bytes: bytes(Int16Array.of(-32768, -1, 32767)) },
    i8: { dtype: "I8", shape: [3, 2], bytes: bytes(Int8Array.of(-128, 1, -1, 2, 127, 3)) },
    one: { dtype: "I8", shape: [], bytes: bytes(Int8Array.of(-7)) },
    first: { dtype: "I8", shape: [1, 2], bytes: bytes(Int8Array.of(-3, 5)) },
  };
  const files = modelFiles({
    inputs: { x: { dtype: "i32", shape: [1, 3] } },
    nodes: [
      ...["odd", "u16", "i16"].map((name) => /** @type {const} */ (["add", ["x", name], `${name} sum`])),
      ["matmul", ["x", "i8"], "product"], ["add", ["product", "h"], "next"], ["mul", ["x", "one"], "scaled"],
    ],
    outputs: { ...Object.fromEntries(["odd sum", "u16 sum", "i16 sum", "scaled"].map((name) => [name, { dtype: "i32", shape: [1, 3] }])), next: { dtype: "i32", shape: [1, 2] } },
    state: [{ input: "h", output: "next", initial: "first", dtype: "i32", shape: [1, 2] }],
  });
  const shard = writeSafetensors(Object.entries(tensors));
  const json = JSON.parse(files.get("model.json"));
  json.constants = Object.fromEntries(Object.entries(tensors).map(([name, { dtype, shape }]) => [name, { dtype: "i32", shape, shard: 0, tensor: name, storage: dtype.toLowerCase() }]));
  Object.assign(json.shards[0], { bytes: shard.length, sha256: sha256Of(shard) });
  const given = (edited) => new Map([["model.json", JSON.stringify(edited)], ["weights-00000.safetensors", shard]]);
  const model = await loadModel(given(json));
  const once = await model.run({ x: Int32Array.of(1, -2, 3) });
  assert.deepEqual([...once["odd sum"]], [1, 126, 258]);
  assert.deepEqual([...once["u16 sum"]], [1, 254, 65538]);
  assert.deepEqual([...once["i16 sum"]], [-32767, -3, 32770]);
  assert.deepEqual([...once.scaled], [-7, 14, -21]);
  assert.deepEqual([...once.next], [-128 + 2 + 381 - 3, 1 - 4 + 9 + 5]);
  assert.deepEqual([...(await model.run({ x: Int32Array.of(0, 0, 0) })).next], [252, 11]);
  const edit = (change) => given({ ...json, constants: { ...json.constants, odd: { ...json.constants.odd, ...change } } });
  await assert.rejects(loadModel(edit({ dtype: "f32" })), { name: "FormatError", message: /stored as u8, so its dtype must be i32; got f32/ });
  await assert.rejects(loadModel(edit({ storage: "i8" })), { name: "FormatError", message: /"odd" is stored as U8; model.json says I8/ });
  await assert.rejects(loadModel(edit({ storage: "i64" })), { name: "FormatError", message: /storage/ });
});

/** The model with golden vectors, of which `edit` may change the expected ones. */
function goldenFiles(edit = (values) => values, more = {}) {
  const x = generate({ seed: 4, low: -1, high: 1 }, "float32", 6).map(Math.fround);
  const y = [0, 1].flatMap((row) => [0, 1, 2, 3].map((column) => Math.max(0, column + 1 + [0, 1, 2].reduce((sum, k) => sum + x[3 * row + k] * ((4 * k + column) / 8), 0))));
  const golden = writeSafetensors([["0/y", stored("f32", [edit(y).length], edit(y))]]);
  const files = modelFiles(PARTS);
  const json = JSON.parse(files.get("model.json"));
  json.shards.push({ file: "golden.safetensors", bytes: golden.length, sha256: sha256Of(golden), role: "golden" });
  json.golden = { generator: "webkiln-mix32", tolerance: 1e-5, cases: [{ signature: "main", symbols: {}, inputs: { x: { seed: 4, low: -1, high: 1 } }, outputs: { y: { shape: [2, 4], tensor: "0/y", ...more } } }] };
  return files.set("model.json", JSON.stringify(json)).set("golden.safetensors", golden);
}

test("verify: golden vectors are fetched then, and pass", async () => {
  const fetch = fetchFrom(goldenFiles());
  const model = await loadModel(goldenFiles(), { fetch });
  assert.ok(!fetch.log.includes("golden.safetensors"));
  const report = await model.verify();
  assert.ok(fetch.log.includes("golden.safetensors"));
  assert.equal(report.passed, true);
  assert.equal(report.cases.length, 1);
  assert.ok(report.cases[0].outputs[0].maximumError < 1e-6);
  assert.equal(report.diverging, null);
});

test("verify and constants of one element: from a path as over the network", async () => {
  const files = goldenFiles();
  await served(files, async ({ folder }) => {
    const model = await load(join(folder, "model.json"));
    assert.equal((await model.verify()).passed, true);
  });
  const scalars = { inputs: { x: { shape: [2] } }, constants: { pad: { shape: [3], values: [9, 9, 9] }, one: { shape: [], values: [0.5] } }, nodes: [["mul", ["x", "one"], "y"]], outputs: { y: { shape: [2] } } };
  await served(modelFiles(scalars), async ({ folder }) => {
    const model = await load(join(folder, "model.json"));
    assert.deepEqual([...(await model.run({ x: [2, 4] })).y], [1, 2]);
  });
});

test("verify: a wrong result fails, and the report says where the fault is not", async () => {
  for (const wrong of [(values) => values.map((value, i) => (i === 5 ? value + 1e-3 : value)), (values) => values.map((value, i) => (i === 0 ? NaN : value))]) {
    const report = await (await loadModel(goldenFiles(wrong))).verify();
    assert.equal(report.passed, false);
    assert.equal(report.diverging, null);
    assert.match(report.explanation, /differs from the reference/);
  }
  const statistics = await (await loadModel(goldenFiles((values) => values.slice(0, 2), { samples: 2, minimum: 0, maximum: 50, l2: 1 }))).verify();
  assert.equal(statistics.passed, false);
  await assert.rejects((await loadModel(PARTS)).verify(), { message: /no golden vectors/ });
});

test("verify: the operator whose relaxed result differs from the plain one is named", async () => {
  const { default: verifyModule } = { default: await import("../../js/verify.js") };
  const values = { a: Object.assign(Float32Array.of(1, 2), { shape: [2] }), b: Object.assign(Float32Array.of(3, 4), { shape: [2] }) };
  const operation = (output, op) => ({ index: 0, op, name: `layer/${output}`, inputs: [], output, attributes: {} });
  const graph = { operations: [operation("a", "exp"), operation("b", "matmul")], types: new Map([["a", { dtype: "f32", shape: [2] }], ["b", { dtype: "f32", shape: [2] }]]) };
  const report = await verifyModule.verify({
    description: { golden: { tolerance: 1e-5, cases: [{ signature: "main", symbols: new Map(), inputs: new Map(), outputs: new Map([["b", { shape: [2], tensor: "b" }]]) }] } },
    signature: { name: "main", inputs: [], outputs: [{ name: "b", value: "b", dtype: "float32", shape: [2] }] },
    build: "relaxed",
    golden: async () => new Map([["b", stored("f32", [2], [9, 9])]]),
    run: () => ({ b: values.b }),
    trace: async (_, build) => ({ graph, values: build === "plain" ? { ...values, b: Object.assign(Float32Array.of(3, 5), { shape: [2] }) } : values }),
  });
  assert.equal(report.passed, false);
  assert.deepEqual(report.diverging, { node: "layer/b", op: "matmul", error: 0.2 });
});

test("worker: inputs also go by the names of their values in the graph", async () => {
  const files = modelFiles(PARTS);
  const json = JSON.parse(files.get("model.json"));
  json.signatures[0].inputs[0].name = "features";
  await served(files.set("model.json", JSON.stringify(json)), async ({ address }) => {
    const model = await load(`${address}model.json`, { worker: true });
    try {
      for (const name of ["features", "x"]) assert.deepEqual([...(await model.run({ [name]: X })).y], Y);
      await assert.rejects(model.run({ features: X, x: X }), { name: "InputError", message: /given twice/ });
    } finally {
      model.dispose();
    }
  });
});

test("worker: the same model in a thread: results, errors, progress, abort, dispose", async () => {
  await served(goldenFiles(), async ({ address, folder }) => {
    const seen = [];
    const model = await load(`${address}model.json`, { worker: true, relaxed: false, onProgress: (progress) => seen.push(progress.stage) });
    try {
      assert.equal(model.name, "tested");
      assert.equal(model.build, "plain");
      assert.ok(seen.includes("weights") && seen.at(-1) === "ready");
      const x = Float32Array.from(X);
      const [{ y }, again] = await Promise.all([model.run({ x }), model.run({ x: { data: X, shape: [2, 3] } })]);
      assert.deepEqual([...y], Y);
      assert.deepEqual([...again.y], Y);
      assert.deepEqual(y.shape, [2, 4]);
      assert.equal(x.length, 6, "what was given was not taken away");
      assert.equal((await model.verify()).passed, true);
      assert.equal((await model.profile()).commands.length, 1);
      assert.equal(model.plan.segments.length, 1);
      assert.deepEqual([...(await model.trace({ x })).m].length, 8);
      await model.warmup();
      await model.reset();
      await assert.rejects(model.run({ z: x }), { name: "InputError", message: /missing: "x"/ });
      await assert.rejects(model.run({ x: () => 1 }), { name: "WebkilnError", message: /cannot be sent/ });
    } finally {
      model.dispose();
    }
    await assert.rejects(model.run({ x: X }), { message: /disposed/ });
    await assert.rejects(load(`${address}nowhere.json`, { worker: true }), { name: "FetchError", message: /404/ });
    await assert.rejects(load(`${address}model.json`, { worker: true, signal: AbortSignal.abort() }), { name: "AbortError" });
    const controller = new AbortController();
    const aborted = load(`${address}model.json`, { worker: true, signal: controller.signal });
    controller.abort();
    await assert.rejects(aborted, { name: "AbortError" });
    await assert.rejects(load(`${address}model.json`, { worker: true, workerUrl: join(folder, "nowhere.js") }), { name: "FetchError", message: /the worker .*nowhere\.js\) failed/ });
    await assert.rejects(load(`${address}model.json`, { worker: true, fetch: () => {} }), { message: /fetch is a function/ });
  });
});
