/** Reads gestures in Node: a list of hands' points on the standard input, what is read on the output. */

import { readFileSync } from "node:fs";
import { readGesture } from "../../js/tasks/gestures.js";

console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(readGesture)));
