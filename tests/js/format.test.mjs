import assert from "node:assert/strict";
import test from "node:test";
import { readModel } from "../../js/format.js";
import { modelFiles } from "./models.mjs";

const GOOD = JSON.parse(
  modelFiles({
    inputs: { x: { shape: [1, "N"] } },
    constants: { w: { shape: [3], values: [1, 2, 3] } },
    nodes: [["mul", ["x", "w"], "t"], ["relu", ["t"], "y"]],
    outputs: { y: { shape: [1, "N"] } },
    symbols: { N: { minimum: 1 } },
  }).get("model.json"),
);

/** The good model, changed. */
function changed(change) {
  const model = structuredClone(GOOD);
  change(model);
  return model;
}

test("format: a good model is read, and what is unknown is ignored", () => {
  const model = readModel(changed((m) => {
    m.from_the_future = { anything: 1 };
    m.nodes[0].hint = "fast";
    m.signatures[0].inputs[0].note = [];
  }));
  assert.equal(model.nodes.length, 2);
  assert.deepEqual([...model.symbols.get("N") ? ["N"] : []], ["N"]);
});

test("format: names like __proto__ are names", () => {
  const text = JSON.stringify(GOOD).replaceAll('"t"', '"__proto__"').replaceAll('"w"', '"constructor"');
  const model = readModel(JSON.parse(text));
  assert.ok(model.constants.has("constructor"));
  assert.equal(model.nodes[0].outputs[0], "__proto__");
  assert.equal({}.polluted, undefined);
  const attack = JSON.parse(JSON.stringify(GOOD).replace('"attributes":{}', '"attributes":{"__proto__":{"polluted":1}}'));
  assert.throws(() => readModel(attack), /no attribute "__proto__"/);
  assert.equal({}.polluted, undefined);
});

const REFUSED = {
  "not an object": [() => null, /wanted an object/],
  "another format": [(m) => { m.format = "onnx"; return m; }, /"format" is "onnx"/],
  "a TensorFlow.js model": [() => ({ modelTopology: {} }), /TensorFlow\.js.*webkiln convert/],
  "a version of the future": [(m) => { m.version = 2; return m; }, /version 2 .*reads version 1/],
  "features of the future, by name": [(m) => { m.requires = ["state", "sparse3", "fp4"]; return m; }, /"sparse3", "fp4"/],
  "a cycle": [(m) => { m.nodes[0].inputs[0] = "y"; return m; }, /node 0 \(mul\) reads "y", which nothing before it defines/],
  "a dangling name": [(m) => { m.nodes[1].inputs[0] = "nowhere"; return m; }, /reads "nowhere"/],
  "a name defined twice": [(m) => { m.nodes[1].outputs[0] = "t"; return m; }, /"t" is defined twice/],
  "a constant over an input": [(m) => { m.constants.x = m.constants.w; return m; }, /"x" is defined twice/],
  "an output that is nowhere": [(m) => { m.signatures[0].outputs[0].value = "z"; return m; }, /output "z" is not in the graph/],
  "too few inputs": [(m) => { m.nodes[0].inputs.pop(); return m; }, /wanted 2 inputs \(a, b\), got 1/],
  "too many outputs": [(m) => { m.nodes[0].outputs.push("u"); return m; }, /wanted one output/],
  "a left-out input that is needed": [(m) => { m.nodes[0].inputs[0] = ""; return m; }, /input a is left out/],
  "a missing attribute": [(m) => { m.nodes[1] = { op: "concat", inputs: ["t"], outputs: ["y"] }; return m; }, /attribute axis is missing/],
  "an attribute that is not known": [(m) => { m.nodes[1].attributes = { negative_slope: 0.5 }; return m; }, /node.* 1 \(relu\): it has no attribute "negative_slope"; known: none/],
  "an attribute that is misspelt": [(m) => { m.nodes[1] = { op: "concat", inputs: ["t"], outputs: ["y"], attributes: { axis: 1, axes: [1] } }; return m; }, /no attribute "axes"; known: axis/],
  "an attribute of another type": [(m) => { m.nodes[1] = { op: "concat", inputs: ["t"], outputs: ["y"], attributes: { axis: "1" } }; return m; }, /axis: wanted an integer/],
  "an attribute that is not among its choices": [(m) => { m.nodes[1] = { op: "cast", inputs: ["t"], outputs: ["y"], attributes: { to: "f64" } }; return m; }, /to: wanted one of f32, i32/],
  "a symbol that is not declared": [(m) => { m.signatures[0].inputs[0].shape[1] = "M"; return m; }, /symbol "M"/],
  "a dimension that is code": [(m) => { m.signatures[0].inputs[0].shape[1] = "fetch('//x')"; return m; }, /no integer expression/],
  "a negative dimension": [(m) => { m.signatures[0].inputs[0].shape[0] = -1; return m; }, /wanted an integer from 0/],
  "a rank of 9": [(m) => { m.constants.w.shape = new Array(9).fill(1); return m; }, /rank 9/],
  "2⁶⁰ elements": [(m) => { m.constants.w.shape = [2 ** 30, 2 ** 30]; return m; }, /more than 2³¹/],
  "a dimension of 2⁶⁰": [(m) => { m.constants.w.shape = [2 ** 60]; return m; }, /wanted an integer/],
  "a shard outside of the folder": [(m) => { m.shards[0].file = "../../secret"; return m; }, /file name .* is refused/],
  "a shard at another address": [(m) => { m.shards[0].file = "https://elsewhere/x"; return m; }, /file name .* is refused/],
  "a hidden shard": [(m) => { m.shards[0].file = ".htaccess"; return m; }, /file name .* is refused/],
  "a hash that is none": [(m) => { m.shards[0].sha256 = "abc"; return m; }, /64 hexadecimal/],
  "a shard that is not there": [(m) => { m.constants.w.shard = 3; return m; }, /shard: wanted an integer from 0 to 0/],
  "a constant in the golden shard": [(m) => { m.shards[0].role = "golden"; return m; }, /role "golden"/],
  "no signature": [(m) => { m.signatures = []; return m; }, /at least one/],
  "state that is not required": [(m) => { m.state = [{ input: "h", output: "y", shape: [1], dtype: "f32" }]; return m; }, /"requires" does not list "state"/],
  "quantization that is not required": [(m) => { m.constants.w.quantization = { scheme: "affine", bits: 8, signed: true, scale: "s" }; return m; }, /"requires" does not list "quantization"/],
  "a mask beside a scale that is not required": [(m) => { m.requires = ["quantization"]; m.constants.w.quantization = { scheme: "affine", bits: 8, signed: true, scale: "s", mask: "k" }; return m; }, /"requires" does not list "masked"/],
  "quantization with another storage": [(m) => { m.requires = ["quantization"]; m.constants.w.storage = "f16"; m.constants.w.quantization = { scheme: "affine", bits: 8, signed: true, scale: "s" }; return m; }, /no other storage; got f16/],
  "values that are not required": [(m) => withValues(m, {}, []), /"requires" does not list "values"/],
  "values of an output": [(m) => { m.requires = ["values"]; m.signatures[0].outputs[0].values = ["N"]; return m; }, /values are for inputs/],
  "values of floats": [(m) => withValues(m, { dtype: "float32" }), /must hold integers, it is float32/],
  "too few values": [(m) => withValues(m, { values: ["N"] }), /1 symbols for the shape \[2\]/],
  "values of a shape that is open": [(m) => withValues(m, { shape: ["N"] }), /2 symbols for the shape \[N\], which must be fixed/],
  "values of a symbol that is not declared": [(m) => withValues(m, { values: ["N", "elsewhere"] }), /"elsewhere" is not in "symbols"/],
  "too many values": [(m) => withValues(m, { shape: [65], values: new Array(65).fill("N") }), /at most 64/],
  "nodes that are no array": [(m) => { m.nodes = { 0: 1 }; return m; }, /nodes: wanted an array/],
  "golden inputs of another name": [(m) => {
    m.shards.push({ ...m.shards[0], file: "golden.safetensors", role: "golden" });
    m.golden = { generator: "webkiln-mix32", tolerance: 1e-5, cases: [{ signature: "main", inputs: { z: { seed: 1 } }, outputs: {} }] };
    return m;
  }, /"z" is not in the signature/],
};

/** An input of two integers that are symbols. */
function withValues(model, changes, requires = ["values"]) {
  model.requires = requires;
  model.signatures[0].inputs.push({ name: "k", value: "k", dtype: "int64", shape: [2], values: ["N", "N"], ...changes });
  return model;
}

test("format: an input may give symbols by its elements", () => {
  assert.deepEqual(readModel(withValues(structuredClone(GOOD), {})).signatures[0].inputs.at(-1).values, ["N", "N"]);
});

for (const [what, [change, message]] of Object.entries(REFUSED)) {
  test(`format: refused: ${what}`, () => {
    assert.throws(() => readModel(change(structuredClone(GOOD))), { name: "FormatError", message });
  });
}

test("format: unknown operators are named all at once, and where", () => {
  const model = changed((m) => {
    m.nodes[0].op = "quantum_fold";
    m.nodes[0].name = "head/fold";
    m.nodes[1].op = "toString";
  });
  assert.throws(() => readModel(model), (error) => {
    assert.equal(error.name, "UnsupportedOperatorError");
    assert.match(error.message, /"quantum_fold" \(1×, at head\/fold\)/);
    assert.match(error.message, /"toString"/);
    return true;
  });
});

test("format: every single damage gives an error of ours or a model, never anything else", () => {
  const junk = [null, undefined, -1, 1e300, "x", "__proto__", [], {}, true, [[]], NaN];
  const paths = [];
  const walk = (value, path) => {
    paths.push(path);
    if (typeof value === "object" && value !== null) for (const key of Object.keys(value)) walk(value[key], [...path, key]);
  };
  walk(GOOD, []);
  for (const path of paths.slice(1)) {
    for (const value of junk) {
      const model = structuredClone(GOOD);
      const holder = path.slice(0, -1).reduce((object, key) => object[key], model);
      holder[path.at(-1)] = value;
      try {
        readModel(model);
      } catch (error) {
        assert.match(error.name, /^(FormatError|UnsupportedOperatorError)$/, `${path.join(".")} = ${JSON.stringify(value)}: ${error.stack}`);
      }
    }
  }
});
