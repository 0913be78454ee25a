/** Shows what `model.verify()` found. */

/**
 * @param {HTMLElement} where
 * @param {{ passed: boolean, build: string, cases: { outputs: { name: string, maximumError: number, tolerance: number, passed: boolean }[] }[], explanation: string | null }} report
 */
export function showParity(where, report) {
  const verdict = text("p", report.passed ? `Same numbers as the reference (${report.build} build).` : "The numbers differ from the reference.");
  verdict.className = `verdict ${report.passed ? "passed" : "failed"}`;
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const title of ["Output", "Largest error", "Allowed"]) {
    const cell = text("th", title);
    cell.setAttribute("scope", "col");
    head.append(cell);
  }
  const body = table.createTBody();
  for (const { name, maximumError, tolerance, passed } of report.cases.flatMap(({ outputs }) => outputs)) {
    const row = body.insertRow();
    const error = text("td", maximumError.toExponential(1));
    error.className = passed ? "passed" : "failed";
    row.append(text("td", name), error, text("td", tolerance.toExponential(0)));
  }
  where.replaceChildren(verdict, table, ...(report.explanation ? [text("p", report.explanation)] : []));
}

/**
 * @param {string} kind
 * @param {string} content
 */
function text(kind, content) {
  const made = document.createElement(kind);
  made.textContent = content;
  return made;
}
