/** Whether there is a graphics card. */

/** As `js/backends/webgl/software.js` has it, which pages do not get as a module. */
const SOFTWARE_RENDERERS = /swiftshader|llvmpipe|softpipe|swrast|microsoft basic render|software/i;

/** Whether the processor draws in place of a graphics card: a canvas that lies in memory is then many times as fast as one "on the card". */
export function drawsInSoftware() {
  const context = document.createElement("canvas").getContext("webgl2");
  if (!context) return true;
  const names = context.getExtension("WEBGL_debug_renderer_info");
  const name = String(context.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : context.RENDERER));
  context.getExtension("WEBGL_lose_context")?.loseContext();
  return SOFTWARE_RENDERERS.test(name);
}
