/** The avatar's poses on the frames of a JSON file, and its tables, as JSON on the standard output. */

import { readFileSync } from "node:fs";
import * as avatar from "../../js/avatar/index.js";

const runs = JSON.parse(readFileSync(process.argv[2], "utf8"));
const poses = runs.map(({ options, frames }) => {
  const one = new avatar.Avatar(options);
  return frames.map(({ timestamp, ...seen }) => one.update(seen, timestamp));
});
const { LIMITS, PARENTS, REST } = avatar;
process.stdout.write(JSON.stringify({ poses, tables: { LIMITS, PARENTS, REST } }));
