// SPDX-License-Identifier: MIT
/** The detector in a thread of its own: blocks in, windows and analyses out; the page stays quick. */

import { HealthMeter } from "./audio/health.js";
import { failure } from "./audio/errors.js";
import { MixMeter, PLAIN, isPlain, mixed } from "./audio/mixing.js";
import { loadBundle, sha256 } from "./bundle.js";
import { openGraph } from "./graph.js";
import { Analyzer } from "./numerics/analyzer.js";
import { withComb } from "./numerics/combs.js";
import { listen } from "./numerics/listening.js";

/**
 * @typedef {import("./audio/mixing.js").Mix} Mix
 * @typedef {{analyzer: Analyzer, meter: HealthMeter, mixer: MixMeter | null, mix: Mix, live: boolean,
 *   next: number}} Track
 */

/** Seconds of new sound between two running verdicts. */
const EVERY_S = 2;

/** @type {import("./bundle.js").Bundle} */
let bundle;
/** @type {import("./graph.js").Opened} */
let graph;
/** @type {Map<number, Track>} */
const tracks = new Map();

/** @type {Record<string, (message: any) => Promise<any>>} */
const actions = {
  async open({ base, webgpu }) {
    const get = async (/** @type {string} */ name) => {
      const answer = await fetch(new URL(name, base));
      if (!answer.ok) throw new Error(`${name}: the page's own file did not come (${answer.status}); load the page again`);
      return answer.arrayBuffer();
    };
    const constants = JSON.parse(new TextDecoder().decode(await get("constants.json")));
    bundle = await loadBundle((name) => get(`bundle/${name}`), constants);
    graph = await openGraph(bundle, { base: new URL("runtime/", base).href, webgpu });
    const { calibration, detector, info, sampleRateHz, windowS } = bundle;
    const { provider, threads } = graph;
    return { constants, calibration, detector, card: info.card, sampleRateHz, windowS, provider, threads };
  },

  async hash({ bytes }) {
    return { sha256: await sha256(bytes), bytes };
  },

  async start({ track, rateHz, live, mix = PLAIN }) {
    tracks.set(track, { ...fresh(rateHz), mixer: null, mix, live, next: EVERY_S });
  },

  async block({ track, channels }) {
    const found = known(track);
    found.mixer ??= new MixMeter(found.meter.rateHz, channels.length, bundle.constants.mixing);
    found.mixer.push(channels);
    if (found.live && isPlain(found.mix) && found.mixer.settled) {
      // Live sound cannot be heard again: where its channels cancel, the measurement begins anew with
      // what comes from here on. Its level may still rise and stays as it is.
      const mix = { ...found.mixer.mix(), gain: 1 };
      if (!isPlain(mix)) Object.assign(found, fresh(found.meter.rateHz), { mix, next: EVERY_S });
    }
    const block = mixed(channels, found.mix);
    found.meter.push(block);
    found.analyzer.push(block);
    const windows = await found.analyzer.settle(graph.run);
    const heardS = found.meter.count / found.meter.rateHz;
    const answer = { windows: windows.map((w) => [w.startS, w.logit]), heardS, running: null, mix: found.mix };
    if (!found.live || heardS < found.next) return answer;
    found.next = heardS + EVERY_S;
    return { ...answer, running: await found.analyzer.snapshot().finish(graph.run) };
  },

  async finish({ track }) {
    const { analyzer, meter, mixer, mix, live } = known(track);
    tracks.delete(track);
    const wanted = mixer && isPlain(mix) && !live ? mixer.mix() : PLAIN;
    if (!isPlain(wanted)) return { again: wanted };
    const analysis = await analyzer.finish(graph.run);
    analysis.evidence = withComb(bundle, analysis);
    analysis.doubt = mixer?.doubt || meter.doubt;
    if (meter.spoilt) analysis.reason ||= analysis.doubt;
    const problem = meter.problem();
    return { analysis, error: problem ? failure(problem) : null, durationS: meter.count / meter.rateHz, notes: meter.notes() };
  },

  async drop({ track }) {
    tracks.delete(track);
  },

  async listen({ samples, rateHz }) {
    const analyzer = new Analyzer(bundle, rateHz);
    analyzer.push(samples);
    const analysis = await analyzer.finish(graph.run);
    if (analysis.logit === null) throw new Error(analysis.reason);
    return listen(samples, rateHz, analysis, bundle.constants.listening);
  },
};

/** @param {number} rateHz */
function fresh(rateHz) {
  return { analyzer: new Analyzer(bundle, rateHz), meter: new HealthMeter(rateHz, bundle.constants.health) };
}

/** @param {number} track */
function known(track) {
  const found = tracks.get(track);
  if (!found) throw new Error("this scan was ended");
  return found;
}

let queue = Promise.resolve();
self.onmessage = (event) => {
  const { id, action, ...message } = event.data;
  // One after the other: blocks must stay in order, and the graph takes one batch at a time.
  queue = queue.then(async () => {
    try {
      const value = await actions[action](message);
      const passed = value?.bytes instanceof ArrayBuffer ? [value.bytes] : [];
      self.postMessage({ id, value }, { transfer: passed });
    } catch (error) {
      self.postMessage({ id, error: failure(error) });
    }
  });
};
