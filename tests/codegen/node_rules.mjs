// Answers, for every line of questions in a JSON file, what the rendered rules say. Used by test_rules.py.
import { readFileSync, writeFileSync } from "node:fs";

import { gradients } from "../../js/generated/gradients.js";
import { RuleError, operators } from "../../js/generated/operators.js";

/** A builder that only writes down the nodes that a gradient rule adds. */
class Recorder {
  constructor(shapes) {
    this.shapes = new Map(shapes);
    this.log = [];
  }

  add(entry, shape) {
    const name = `v${this.log.length}`;
    this.log.push(entry);
    this.shapes.set(name, shape);
    return name;
  }

  node(op, inputs, attributes) {
    const filled = {};
    for (const [name, { default: value }] of Object.entries(operators[op].attributes)) filled[name] = attributes[name] ?? value;
    const [shape] = operators[op].shape(inputs.map((name) => this.shapes.get(name)), filled);
    return this.add(["node", op, inputs, attributes], shape);
  }

  shape(name) {
    return [...this.shapes.get(name)];
  }

  scalar(number) {
    return this.add(["scalar", number], []);
  }

  sum_to(name, shape) {
    return this.add(["sum_to", name, shape], [...shape]);
  }
}

const words = (value) =>
  value === Infinity ? "Infinity" : value === -Infinity ? "-Infinity" : Array.isArray(value) ? value.map(words) : value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, words(item)])) : Object.is(value, -0) ? "-0" : value;

function answer({ op, shapes, dtypes, attributes, gradient }) {
  const operator = operators[op];
  const tried = (run) => {
    try {
      return { value: words(run()) };
    } catch (error) {
      if (error instanceof RuleError) return { refused: error.message };
      return { broken: String(error.stack) };
    }
  };
  const result = { shape: tried(() => operator.shape(shapes, attributes)), dtype: tried(() => operator.dtype(dtypes, attributes)) };
  if (gradient) {
    result.gradient = tried(() => {
      const inputs = shapes.map((_, i) => `x${i}`);
      const recorder = new Recorder([...inputs.map((name, i) => [name, shapes[i]]), ["y", operator.shape(shapes, attributes)[0]], ["dy", operator.shape(shapes, attributes)[0]]]);
      const results = gradients[op](recorder, inputs, "y", "dy", attributes);
      return { results, log: recorder.log };
    });
  }
  return result;
}

const [questions, answers] = process.argv.slice(2);
const registry = Object.fromEntries(Object.entries(operators).map(([name, one]) => [name, { ...one, shape: undefined, dtype: undefined, gradient: Array.isArray(gradients[name]) ? gradients[name] : typeof gradients[name] }]));
writeFileSync(answers, JSON.stringify({ answers: JSON.parse(readFileSync(questions, "utf8")).map(answer), registry: words(registry) }));
