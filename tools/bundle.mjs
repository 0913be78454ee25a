/**
 * Bundles the runtime into dist/ and writes its types.
 *
 *     node tools/bundle.mjs
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { minify } from "terser";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, "js");
const dist = join(root, "dist");
/**
 * Of bundles for pages, minified and gzipped. The goal of the runtime is 45 KB; it is not reached yet, and must not get farther.
 * @type {Record<string, number>}
 */
const LARGEST_KILOBYTES = {
  "webkiln.min.js": 72,
  "webkiln.results.min.js": 6,
  "webkiln.tasks.min.js": 25,
  "webkiln.drawing.min.mjs": 4,
  "webkiln.avatar.min.js": 6,
  "webkiln.character.min.js": 205,
  "webkiln.page.min.js": 16,
};

/** In a bundle, the runtime's own files lie next to the script. @type {import("esbuild").Plugin} */
const bundledAssets = {
  name: "bundled-assets",
  setup({ onResolve }) {
    onResolve({ filter: /\/(assets|runtime)\.js$/ }, ({ path, resolveDir }) => (resolveDir.startsWith(source) ? { path: join(resolveDir, path.replace(/\.js$/, "_bundled.js")) } : null));
  },
};

/** What esbuild leaves to be found, in several passes. @type {import("esbuild").Plugin} */
const smaller = {
  name: "smaller",
  setup({ onEnd, initialOptions: { format } }) {
    onEnd(async ({ outputFiles = [] }) => {
      for (const { path, text } of outputFiles) {
        const { code } = await minify(text, { ecma: 2020, module: format === "esm", compress: { passes: 3, unsafe_arrows: true, pure_getters: true }, format: { comments: "some" } });
        writeFileSync(path, /** @type {string} */ (code));
      }
    });
  },
};

/** @type {import("esbuild").BuildOptions} */
const common = {
  bundle: true,
  target: ["es2022"],
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
  plugins: [bundledAssets],
  banner: { js: `/*! webkiln ${JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version}, Apache-2.0 */` },
};
/** A classic script has no import.meta. */
const classic = { format: /** @type {const} */ ("iife"), define: { "import.meta.url": "undefined" } };

const minified = { minify: true, write: false, plugins: [bundledAssets, smaller] };

mkdirSync(dist, { recursive: true });
/** @type {import("esbuild").BuildOptions[]} */
const bundles = [
  { entryPoints: [join(source, "index.js")], outfile: join(dist, "webkiln.mjs"), format: "esm" },
  { entryPoints: [join(source, "index.js")], outfile: join(dist, "webkiln.min.mjs"), format: "esm", ...minified },
  { entryPoints: [join(source, "script.js")], outfile: join(dist, "webkiln.min.js"), ...classic, globalName: "webkiln", ...minified },
  { entryPoints: [join(source, "worker.js")], outfile: join(dist, "webkiln.worker.min.js"), ...classic, ...minified },
  { entryPoints: [join(source, "results", "results.js")], outfile: join(dist, "webkiln.results.min.mjs"), format: "esm", ...minified },
  { entryPoints: [join(source, "results", "script.js")], outfile: join(dist, "webkiln.results.min.js"), ...classic, ...minified },
  { entryPoints: [join(source, "tasks", "index.js")], outfile: join(dist, "webkiln.tasks.min.mjs"), format: "esm", external: ["./webkiln.min.mjs"], ...minified },
  { entryPoints: [join(source, "tasks", "script.js")], outfile: join(dist, "webkiln.tasks.min.js"), ...classic, ...minified },
  { entryPoints: [join(source, "drawing", "index.js")], outfile: join(dist, "webkiln.drawing.min.mjs"), format: "esm", ...minified },
  { entryPoints: [join(source, "avatar", "index.js")], outfile: join(dist, "webkiln.avatar.min.mjs"), format: "esm", ...minified },
  { entryPoints: [join(source, "avatar", "script.js")], outfile: join(dist, "webkiln.avatar.min.js"), ...classic, ...minified },
  { entryPoints: [join(source, "character", "script.js")], outfile: join(dist, "webkiln.character.min.js"), ...classic, minify: true, legalComments: "eof" },
  { entryPoints: [join(source, "page", "script.js")], outfile: join(dist, "webkiln.page.min.js"), ...classic, ...minified },
  { entryPoints: [join(source, "session.js")], outfile: join(dist, "session.mjs"), format: "esm" },
  { entryPoints: [join(source, "session_node.mjs")], outfile: join(dist, "session_node.mjs"), format: "esm", platform: "node" },
];
await Promise.all(bundles.map((options) => build({ ...common, ...options })));

const bundled = ["three", "@pixiv/three-vrm"].map((name) => `${name}\n\n${readFileSync(join(root, "node_modules", name, "LICENSE"), "utf8")}`);
writeFileSync(join(dist, "webkiln.character.licenses.txt"), `In webkiln.character.min.js:\n\n${bundled.join("\n")}`);

rmSync(join(dist, "types"), { recursive: true, force: true });
const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
execFileSync(process.execPath, [tsc, "-p", join(root, "tsconfig.types.json")], { stdio: "inherit", cwd: root });

for (const file of readdirSync(dist).filter((name) => /\.m?js$/.test(name)).sort()) {
  const bytes = readFileSync(join(dist, file));
  const packed = gzipSync(bytes, { level: 9 }).length;
  console.log(`${file}  ${(bytes.length / 1024).toFixed(1)} KB, ${(packed / 1024).toFixed(1)} KB gzipped`);
  const limit = LARGEST_KILOBYTES[file] ?? Infinity;
  if (packed > limit * 1024) throw new Error(`${file} is larger than ${limit} KB gzipped`);
}
