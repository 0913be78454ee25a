/** Which renderers of WebGL are programs that run on the processor. */

const SOFTWARE_RENDERERS = /swiftshader|llvmpipe|softpipe|swrast|microsoft basic render|software/i;

/**
 * The name of the renderer, as far as the browser tells it.
 * @param {WebGL2RenderingContext} gl
 */
export const rendererOf = (gl) => String(gl.getParameter(gl.getExtension("WEBGL_debug_renderer_info")?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER));

/**
 * Whether the processor does the work of a graphics card.
 * @param {string} renderer
 */
export const isSoftwareRenderer = (renderer) => SOFTWARE_RENDERERS.test(renderer);
