// SPDX-License-Identifier: MIT
/**
 * Scores raw float32 samples with the page's numerics, for the tests that hold them to Python.
 *
 * node score.mjs BUNDLE CONSTANTS [RUNTIME] < lines of {"samples": path, "rate_hz": 16000,
 * "false_alarm_rate": 0.01, "prior": 0.5} > one line of JSON each. Without RUNTIME (dist/ of
 * onnxruntime-web) the linear part stands in for the graph.
 */

import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";

import { loadBundle } from "../page/bundle.js";
import { Analyzer } from "../page/numerics/analyzer.js";
import { openGraph } from "../page/graph.js";
import { withComb } from "../page/numerics/combs.js";
import { listen } from "../page/numerics/listening.js";
import { makeScore } from "../page/score.js";
import { Words } from "../page/words.js";

const [, , folder, constantsPath, runtime] = process.argv;
const constants = JSON.parse(await readFile(constantsPath, "utf8"));

async function bytes(name) {
  const raw = await readFile(`${folder}/${name}`);
  return raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength);
}

async function linear(bundle) {
  const { baseline, weights, means } = bundle.linear;
  return async (pictures, batch) =>
    Float32Array.from({ length: batch }, (_, item) => {
      let sum = baseline;
      pictures.forEach((all, index) => {
        const size = weights[index].length;
        for (let i = 0; i < size; i += 1) {
          sum += weights[index][i] * (all[item * size + i] - means[index][i]);
        }
      });
      return sum;
    });
}

const bundle = await loadBundle(bytes, constants);
const graph = runtime ? (await openGraph(bundle, { base: `file://${runtime}/` })).run : await linear(bundle);
const words = new Words(constants, bundle);

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  const raw = await readFile(order.samples);
  const samples = new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength));
  const analyzer = new Analyzer(bundle, order.rate_hz);
  const started = process.cpuUsage();
  for (let at = 0; at < samples.length; at += 2 * order.rate_hz) {
    analyzer.push(samples.subarray(at, at + 2 * order.rate_hz));
    await analyzer.settle(graph);
  }
  const found = await analyzer.finish(graph);
  const used = process.cpuUsage(started);
  found.evidence = withComb(bundle, found);
  const facts = { name: "", sha256: "", rateHz: order.rate_hz, channels: 1, codec: "", durationS: samples.length / order.rate_hz };
  const settings = { falseAlarmRate: order.false_alarm_rate, prior: order.prior };
  const pictures = analyzer.moments.map((m) => m.mean());
  const score = makeScore(bundle, facts, found, settings, null);
  const row = {
    ...score,
    bandwidth_hz: found.bandwidthHz,
    statement: words.statement(score),
    odds: score.llr_nats === null ? "" : words.odds(score.llr_nats),
    family_text: words.family(score.family),
    stretches_text: words.stretches(score),
    nearest: found.family,
    family_scores: found.logit === null ? null : bundle.attribution?.scores(pictures),
    spectrogram_sum: found.sketch ? found.sketch.db.reduce((a, b) => a + b, 0) : null,
    spectrogram_frames: found.sketch ? found.sketch.frames : 0,
    share_sum: found.shares ? found.shares.reduce((a, b) => a + b, 0) : null,
    relevance_sums: found.relevance.map((w) => w.shares.reduce((a, b) => a + b, 0)),
    cpu_s: (used.user + used.system) / 1e6,
  };
  if (order.listen && found.logit !== null) {
    const heard = listen(samples, order.rate_hz, found, bundle.constants.listening);
    row.listening = Object.fromEntries(
      Object.entries(heard.sounds).map(([name, sound]) => [name, Array.from(sound)]),
    );
  }
  process.stdout.write(JSON.stringify(row) + "\n");
}
