/** The runtime's own WebGL backend, an operation at a time. The page's server has the runtime's sources at `js/`. */

import { WebglBackend } from "./js/backends/webgl/backend.js";
import { Context } from "./js/backends/webgl/context.js";

/** @typedef {{ shape: number[], data?: Float32Array }} Value */
/**
 * A graph of a few operations.
 * @typedef {object} Graph
 * @property {Record<string, Value>} inputs
 * @property {Record<string, Value>} constants
 * @property {{ op: string, inputs: string[], output: string, attributes: Record<string, any>, shape: number[] }[]} nodes
 */

export class Backend {
  /** @param {number} layers R */
  constructor(layers) {
    this.context = new Context({ layers });
    this.pixel = new Float32Array(4);
    /** @type {WebglBackend[]} */
    this.open = [];
  }

  /**
   * @param {Graph} graph
   */
  async operation({ inputs, constants, nodes }) {
    const { context } = this;
    const { gl } = context;
    const f32 = (/** @type {Value} */ { shape }) => ({ shape, dtype: "f32" });
    const types = new Map([...Object.entries({ ...inputs, ...constants }), ...nodes.map((node) => [node.output, node])].map(([name, value]) => [name, f32(value)]));
    const sourceOf = (/** @type {string} */ name) => ({ bytes: new Uint8Array(constants[name].data.buffer), half: false, dtype: "f32", shape: constants[name].shape });
    const backend = new WebglBackend(context, [], sourceOf);
    this.open.push(backend);
    const output = nodes[nodes.length - 1].output;
    const operations = nodes.map((node) => ({ ...node, name: "" }));
    const graph = { operations, types, inputs: Object.keys(inputs), outputs: [output], constants: new Set(Object.keys(constants)), state: [] };
    const plan = backend.prepare(graph);
    await backend.ready(plan);
    backend.write(plan, new Map(Object.entries(inputs).map(([name, { data }]) => [name, data])));
    const last = plan.device.steps[plan.device.steps.length - 1].surface;
    return {
      text: plan.draws.map(({ recipe }) => JSON.stringify(recipe)).join(),
      draw: () => backend.draw(plan),
      finish: () => {
        gl.bindFramebuffer(gl.FRAMEBUFFER, last.framebuffer);
        gl.readBuffer(gl.COLOR_ATTACHMENT0);
        gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.FLOAT, this.pixel);
      },
      async read() {
        backend.draw(plan);
        return /** @type {Float32Array} */ ((await backend.read(plan)).get(output).data);
      },
    };
  }

  release() {
    this.open.forEach((backend) => backend.dispose());
    this.open = [];
  }
}
