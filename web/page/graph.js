// SPDX-License-Identifier: MIT
/**
 * Runs the bundle's ONNX graph with onnxruntime-web: WebAssembly, with threads where the page is
 * isolated; WebGPU only when asked for, and its larger runtime is loaded only then.
 */

/**
 * @typedef {import("./numerics/analyzer.js").Graph} Run
 * @typedef {{run: Run, provider: "wasm" | "webgpu", threads: number}} Opened
 */

/** Graphs below this size are a few additions: threads would cost more to start than they save. */
const THREADED_BYTES = 4e6;

/**
 * @param {import("./bundle.js").Bundle} bundle
 * @param {{base: string, webgpu?: boolean}} options base: address of the runtime's folder
 * @returns {Promise<Opened>}
 */
export async function openGraph(bundle, { base, webgpu = false }) {
  const file = webgpu ? "ort.webgpu.min.mjs" : "ort.wasm.min.mjs";
  const ort = await import(new URL(file, base).href);
  ort.env.logLevel = "error";
  ort.env.wasm.wasmPaths = base;
  const cores = globalThis.crossOriginIsolated ? (navigator.hardwareConcurrency ?? 1) : 1;
  const threads = bundle.graph.byteLength >= THREADED_BYTES ? Math.min(4, cores) : 1;
  ort.env.wasm.numThreads = threads;
  const provider = webgpu ? "webgpu" : "wasm";
  const session = await ort.InferenceSession.create(new Uint8Array(bundle.graph), {
    executionProviders: [provider],
    graphOptimizationLevel: "all",
  });
  return { run: runner(ort, session, bundle), provider, threads };
}

/**
 * @param {any} ort
 * @param {any} session
 * @param {import("./bundle.js").Bundle} bundle
 * @returns {Run}
 */
function runner(ort, session, bundle) {
  return async (pictures, batch) => {
    /** @type {Record<string, any>} */
    const feeds = {};
    pictures.forEach((all, index) => {
      const { channels, bins } = bundle.frontEnds[index];
      feeds[bundle.inputs[index]] = new ort.Tensor("float32", all, [batch, channels, bins, 1]);
    });
    const outputs = await session.run(feeds);
    const output = outputs[session.outputNames[0]];
    const values = /** @type {Float32Array} */ (await output.getData());
    const each = values.length / batch;
    return Float32Array.from({ length: batch }, (_, i) => values[i * each]);
  };
}
