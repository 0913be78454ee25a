/** The bundle of the pages that `webkiln page` writes; it comes after the runtime's. Which page it is on, `data-page` says. */

import { startRunning } from "./run_page.js";
import { startVerifying } from "./verify_page.js";

if (document.documentElement.dataset.page === "verify") startVerifying();
else startRunning();
