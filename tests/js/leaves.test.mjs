import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";
import { evaluateDim, parseDim, symbolsOf } from "../../js/dims.js";
import { generate, mix32 } from "../../js/generator.js";
import { halfToNumber, numberToHalf } from "../../js/half.js";
import { readSafetensors, writeSafetensors } from "../../js/safetensors.js";
import { sha256, sha256Plain } from "../../js/sha256.js";
import { compare } from "../../js/compare.js";
import { bindSymbols } from "../../js/graph.js";
import { random } from "./models.mjs";

test("dims: arithmetic rounds towards minus infinity, as in Python", () => {
  const symbols = new Map([["H", 7], ["W_1", 3]]);
  const cases = {
    "H": 7, "2*H + 1": 15, "H - W_1 - 1": 3, "-H": -7, "floordiv(H, 2)": 3, "floordiv(-H, 2)": -4, "mod(-H, 3)": 2, "mod(H, -3)": -2,
    "min(H, W_1)": 3, "max(H, 2*W_1)": 7, "(H + 1)*(W_1 - 1)": 16, "floordiv(H - 1, 2)*2 + mod(H, 2)": 7, "H*W_1*2 - 40": 2, "0*H": 0, "min(H, 5, W_1)": 3,
  };
  for (const [text, value] of Object.entries(cases)) assert.equal(evaluateDim(text, symbols), value, text);
  assert.deepEqual([...symbolsOf("floordiv(H, 2)*W_1 + min(H, 3)")].sort(), ["H", "W_1"]);
});

test("dims: what is no expression is refused", () => {
  for (const text of ["", "H +", "(H", "H)", "2 H", "H.constructor", "floordiv(H)", "floordiv(H, 2, 3)", "H ** 2", "1e3", "alert(1)", "H // 2", "99999999999999999999", "(".repeat(5000) + "H", "1".repeat(20000)]) {
    assert.throws(() => parseDim(text), { name: "FormatError" }, text.slice(0, 30));
  }
  assert.throws(() => evaluateDim("constructor", new Map()), /which no input's shape gives/);
  assert.throws(() => evaluateDim("floordiv(H, 0)", new Map([["H", 1]])), /cannot be computed/);
  assert.throws(() => evaluateDim("H*H*H*H", new Map([["H", 2 ** 31]])), /cannot be computed/);
});

test("dims: symbols are bound and checked, with the input and the symbol named", () => {
  const ranges = new Map([["H", { minimum: 2, maximum: 100, multiple: 2 }], ["W", { minimum: 0, maximum: 1000, multiple: 1 }]]);
  const declared = [{ name: "a", shape: [1, "H", "2*W + 1"] }, { name: "b", shape: ["H", "H + W"] }];
  const bind = (a, b) => bindSymbols(declared, new Map([["a", a], ["b", b]]), ranges);
  assert.deepEqual(bind([1, 8, 11], [8, 13]), new Map([["H", 8], ["W", 5]]));
  assert.throws(() => bind([1, 8, 11], [6, 13]), { name: "InputError", message: /"b".*H, is 6.*"a" makes it 8/ });
  assert.throws(() => bind([1, 7, 11], [7, 12]), { name: "InputError", message: /"a".*H, is 7; wanted a multiple of 2/ });
  assert.throws(() => bind([1, 0, 11], [0, 5]), { name: "InputError", message: /at least 2/ });
  assert.throws(() => bind([1, 102, 11], [102, 107]), { name: "InputError", message: /at most 100/ });
  assert.throws(() => bind([1, 8, 12], [8, 13]), { name: "InputError", message: /no W makes 2\*W \+ 1 that/ });
  assert.throws(() => bind([1, 8, 11], [8, 14]), { name: "InputError", message: /wanted H \+ W = 13/ });
});

test("sha256: the plain one agrees with Node's for every length around a block", async () => {
  const { integer } = random(1);
  for (const length of [0, 1, 3, 54, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 129, 1000, 100_003]) {
    const bytes = Uint8Array.from({ length }, () => integer(0, 256));
    const wanted = createHash("sha256").update(bytes).digest("hex");
    assert.equal(sha256Plain(bytes), wanted, `${length} bytes`);
    assert.equal(sha256Plain(new Uint8Array([9, ...bytes, 9]).subarray(1, length + 1)), wanted, "a window");
    assert.equal(await sha256(bytes), wanted);
  }
});

test("half: every half survives the way there and back, and rounding is to even", () => {
  for (let half = 0; half < 65536; half++) {
    const value = halfToNumber(half);
    if (Number.isNaN(value)) assert.ok(Number.isNaN(halfToNumber(numberToHalf(value))));
    else assert.equal(numberToHalf(value), half);
  }
  const cases = [[65519.99, 0x7bff], [65520, 0x7c00], [-1e9, 0xfc00], [2 ** -25, 0], [2 ** -25 * 1.0001, 1], [2049, 0x6800], [2051, 0x6802], [-0, 0x8000], [1 + 2 ** -11, 0x3c00], [1 + 2 ** -11 + 2 ** -30, 0x3c01], [2 ** -14 - 2 ** -26, 0x0400]];
  for (const [value, half] of cases) assert.equal(numberToHalf(value), half, String(value));
});

test("generator: the numbers of the specification", () => {
  // mix32 by its definition, in integers of any size.
  const reference = (h) => {
    const m = 2n ** 32n;
    h = BigInt(h) % m;
    h ^= h >> 16n; h = (h * 0x7feb352dn) % m; h ^= h >> 15n; h = (h * 0x846ca68bn) % m; h ^= h >> 16n;
    return Number(h);
  };
  for (const h of [0, 1, 2, 12345, 2 ** 31, 2 ** 32 - 1]) assert.equal(mix32(h), reference(h));
  const u = (seed, i) => reference((BigInt(seed) + BigInt(i) * 0x9e3779b9n) % 2n ** 32n);
  for (const seed of [0, 1, 77, 2 ** 31, 2 ** 32 - 1]) {
    const floats = generate({ seed, low: -1, high: 3 }, "float32", 100);
    const integers = generate({ seed, low: -5, high: 250 }, "int32", 100);
    const bools = generate({ seed }, "bool", 100);
    for (let i = 0; i < 100; i++) {
      assert.equal(floats[i], -1 + 4 * ((u(seed, i) >>> 8) / 2 ** 24));
      assert.equal(integers[i], -5 + (u(seed, i) % 255));
      assert.equal(bools[i], u(seed, i) & 1);
    }
  }
  assert.deepEqual(generate({ seed: 3, low: 0, high: 1 }, "float16", 50), generate({ seed: 3, low: 0, high: 1 }, "float32", 50).map((x) => halfToNumber(numberToHalf(x))));
});

test("safetensors: what is written is read", () => {
  const tensors = new Map([
    ["__proto__", { dtype: "F32", shape: [2, 3], bytes: new Uint8Array(24).fill(1) }],
    ["bool", { dtype: "BOOL", shape: [3], bytes: new Uint8Array([1, 0, 1]) }],
    ["constructor", { dtype: "I64", shape: [], bytes: new Uint8Array(8).fill(7) }],
    ["empty", { dtype: "F16", shape: [0, 4], bytes: new Uint8Array(0) }],
  ]);
  const file = writeSafetensors(tensors);
  assert.equal(new DataView(file.buffer).getUint32(0, true) % 8, 0);
  assert.deepEqual(readSafetensors(file, "it"), tensors);
});

test("safetensors: damage and claims are refused", () => {
  const file = writeSafetensors([["a", { dtype: "F32", shape: [4], bytes: new Uint8Array(16) }]]);
  const withHeader = (header, data = 16) => {
    const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
    const bytes = new Uint8Array(8 + text.length + data);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
    bytes.set(text, 8);
    return bytes;
  };
  const entry = (more) => ({ a: { dtype: "F32", shape: [4], data_offsets: [0, 16], ...more } });
  const huge = file.slice();
  new DataView(huge.buffer).setBigUint64(0, 2n ** 60n, true);
  const refused = {
    "no bytes": new Uint8Array(0), "too few": file.subarray(0, 5), "truncated header": file.subarray(0, 20), "truncated data": file.subarray(0, file.length - 1),
    "a header of 2⁶⁰ bytes": huge, "no JSON": withHeader("{"), "no object": withHeader([1]), "unknown dtype": withHeader(entry({ dtype: "Q7" })), "dtype of the prototype": withHeader(entry({ dtype: "constructor" })),
    "negative shape": withHeader(entry({ shape: [-4] })), "fractional shape": withHeader(entry({ shape: [1.5] })), "2⁶⁰ elements": withHeader(entry({ shape: [2 ** 30, 2 ** 30] })), "rank 9": withHeader(entry({ shape: [1, 1, 1, 1, 1, 1, 1, 1, 4] })),
    "size differs": withHeader(entry({ shape: [3] })), "outside": withHeader(entry({ data_offsets: [8, 24] })), "backwards": withHeader(entry({ data_offsets: [16, 0] })),
    "overlap": withHeader({ ...entry({}), b: { dtype: "F32", shape: [1], data_offsets: [12, 16] } }), "no entry": withHeader({ a: null }),
  };
  for (const [what, bytes] of Object.entries(refused)) assert.throws(() => readSafetensors(bytes, "it"), { name: "FormatError" }, what);
});

test("compare: NaN, infinities, integers, magnitudes", () => {
  const rule = { tolerance: 1e-5, isFloat: true };
  assert.ok(compare([NaN, Infinity, -Infinity, 1], [NaN, Infinity, -Infinity, 1], rule).passed);
  for (const [a, b] of [[[NaN], [1]], [[1], [NaN]], [[Infinity], [-Infinity]], [[1e30], [Infinity]], [[1, 2], [1]]]) assert.ok(!compare(a, b, rule).passed);
  assert.ok(compare([100, 1e-4], [100, 0], rule).passed);
  assert.ok(!compare([100, 2e-3], [100, 0], rule).passed);
  assert.ok(!compare([100, 1e-4], [100, 0], { ...rule, channelOf: (i) => i % 2 }).passed);
  assert.ok(!compare([3], [4], { tolerance: 1, isFloat: false }).passed);
});
