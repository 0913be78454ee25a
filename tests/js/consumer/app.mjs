import { load } from "webkiln";

const [, , model, plain] = process.argv;
const loaded = await load(model, { wasm: { plain }, relaxed: false });
const { y } = await loaded.run({ x: [1, 2] });
console.log(JSON.stringify([...y]));
