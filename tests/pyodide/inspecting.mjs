// Webkiln in Pyodide: an interpreter with wheels unpacked, and `webkiln.inspect` of a file's bytes. For Node and for a page.

const PROGRAM = `
import sys

import webkiln


def inspect(data):
    """What the file says, and whether NumPy was there for it. An error is text too."""
    try:
        text = str(webkiln.inspect(data.to_py()))
    except webkiln.WebkilnError as error:
        text = f"{type(error).__name__}: {error}"
    return text, "numpy" in sys.modules
`;

/**
 * @param {(options: object) => Promise<any>} loadPyodide
 * @param {object} options  those of `loadPyodide`
 * @param {ArrayBuffer[]} wheels
 * @returns {Promise<(data: Uint8Array) => { text: string, numpy: boolean }>}
 */
export async function inspecting(loadPyodide, options, wheels) {
  const pyodide = await loadPyodide(options);
  for (const wheel of wheels) pyodide.unpackArchive(wheel, "wheel");
  pyodide.runPython(PROGRAM);
  const inspect = pyodide.globals.get("inspect");
  return (data) => {
    const [text, numpy] = inspect(data).toJs();
    return { text, numpy };
  };
}
