// SPDX-License-Identifier: MIT
/**
 * How the page would mix WAV files: node mix.mjs CONSTANTS < paths, one a line > one line of JSON
 * each, {"channel", "gain", "doubt", "rms"} with the root mean square of what is judged.
 */

import { openAsBlob } from "node:fs";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";

import { MixMeter, mixed } from "../page/audio/mixing.js";
import { wavBlocks, wavLayout } from "../page/audio/wav.js";

const { mixing } = JSON.parse(await readFile(process.argv[2], "utf8"));

for await (const path of createInterface({ input: process.stdin })) {
  const file = await openAsBlob(path);
  const layout = await wavLayout(file);
  const meter = new MixMeter(layout.rateHz, layout.channels, mixing);
  for await (const block of wavBlocks(file, layout, 2)) meter.push(block);
  const mix = meter.mix();
  let [energy, count] = [0, 0];
  for await (const block of wavBlocks(file, layout, 2)) {
    for (const v of mixed(block, mix)) energy += v * v;
    count += block[0].length;
  }
  process.stdout.write(`${JSON.stringify({ ...mix, doubt: meter.doubt, rms: Math.sqrt(energy / count) })}\n`);
}
