// SPDX-License-Identifier: MIT
/** One song's result: verdict, pictures with their tables, reasons, sounds, exports. */

import { h, headRow, icon, scrolling } from "./dom.js";
import { figures } from "./figures.js";
import { UNKNOWN } from "./numerics/attribution.js";
import { probability, stratum, thresholds } from "./numerics/decide.js";
import { exponential, rounded } from "./numerics/text.js";
import { capital, clock, hertz, number, percent, side } from "./words.js";

/**
 * @typedef {import("./score.js").Score} Score
 * @typedef {import("./engine.js").Scanned} Scanned
 * @typedef {import("./words.js").Words} Words
 * @typedef {{score: Score, scanned: Scanned, words: Words, priors: number[], windowS: number,
 *   actions: {json: () => void, png: () => void, print: () => void,
 *     sounds: ((place: HTMLElement) => Promise<void>) | null}}} Result
 */

/**
 * Build the result into an element; returns what redraws its pictures.
 * @param {HTMLElement} place
 * @param {Result} result
 */
export function showResult(place, result) {
  const { score, scanned, words } = result;
  const { analysis } = scanned;
  place.replaceChildren(heading(result));
  let redraw = () => {};
  if (analysis && analysis.logit !== null && analysis.evidence) {
    const calibration = stratum(words.bundle.calibration, analysis.coveredS);
    const limits = thresholds(calibration, score.false_alarm_rate);
    const drawn = figures({ score, analysis, limits, calibration, windowS: result.windowS, stretches: words.stretches(score) });
    redraw = drawn.redraw;
    place.append(...drawn.sections, reasons(score, analysis.evidence, words.family(score.family)), listening(result));
    place.append(meaning(score, result.priors));
  }
  place.append(facts(score, scanned));
  place.hidden = false;
  redraw();
  return redraw;
}

/** @param {Result} result */
function heading({ score, words, actions }) {
  const said = words.statement(score);
  const figuresOf =
    score.logit === null
      ? null
      : h(
          "dl",
          { class: "figures" },
          figure("Probability of AI", percent(score.probability, 1)),
          figure("Logit", number(score.logit, 2, true)),
          figure("Duration", clock(score.duration_s)),
        );
  const word = h("p", null, h("span", { class: "label" }, "Verdict"), h("strong", null, said.headline));
  const buttons = h(
    "p",
    { class: "buttons small" },
    h("button", { type: "button", class: "button", onclick: actions.json, "data-export": "json" }, "Save JSON"),
    score.logit !== null && h("button", { type: "button", class: "button", onclick: actions.png, "data-export": "png" }, "Save picture"),
    h("button", { type: "button", class: "button", onclick: actions.print, "data-export": "pdf" }, "Print or save PDF"),
  );
  return h(
    "header",
    null,
    h("h2", { class: "name" }, h("bdi", null, score.path)),
    h("div", { class: `verdict ${said.key}` }, h("div", { class: "verdict-word" }, icon(said.key, 44), word), figuresOf),
    h("p", { class: "lead" }, capital(said.text)),
    score.error && h("p", { class: "what-to-do" }, h("strong", null, `${score.error.type}. `), said.key === "failed" ? "" : `${score.error.message} `, words.advice(score.error.type)),
    ...score.notes.map((note) => h("p", { class: "fine" }, `Note: ${note}.`)),
    score.llr_nats !== null &&
      h(
        "p",
        { class: "fine" },
        `The probability is calibrated on “${score.calibration}” and assumes that ${percent(score.prior)} of all ` +
          `tracks are AI-generated. ${words.odds(score.llr_nats)}`,
      ),
    h("p", { class: "fine" }, `${said.rate} ${said.caution}`),
    buttons,
  );
}

/** @param {string} name @param {string} value */
const figure = (name, value) => h("div", null, h("dt", null, name), h("dd", null, value));

/**
 * @param {Score} score
 * @param {NonNullable<Score["evidence"]>} evidence
 * @param {string} family in words
 */
function reasons(score, evidence, family) {
  return h(
    "section",
    { "aria-labelledby": "h-evidence" },
    h("h2", { id: "h-evidence" }, "Evidence"),
    h("ul", { class: "words" }, ...evidence.words.map((line) => h("li", null, line))),
    family && h("p", { id: "family", class: "reason" }, family),
    evidence.comb && combLine(evidence.comb),
    sumTable(score, evidence),
    evidence.peaks.length > 0 && peakTable(evidence.peaks),
  );
}

/** @param {import("./numerics/combs.js").Comb} comb */
function combLine(comb) {
  const decoders = comb.explained_by.length ? ` Decoders whose lines would lie there: ${comb.explained_by.join("; ")}.` : "";
  return h(
    "p",
    { id: "comb", class: "reason" },
    "Lines stand at every multiple of ",
    h("strong", null, `${number(comb.spacing_hz)} Hz`),
    ` (p ${exponential(comb.p_value)}). A mains hum, a drone or a steady click can do that too.${decoders}`,
  );
}

/**
 * @param {Score} score
 * @param {NonNullable<Score["evidence"]>} evidence
 */
function sumTable(score, evidence) {
  const terms = Object.entries(evidence.terms).sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
  const rows = terms.map(([name, value]) =>
    h("tr", null, h("th", { scope: "row" }, name), h("td", null, sideMark(rounded(value, 3))), h("td", { class: "n" }, number(value, 3, true))),
  );
  const table = h(
    "table",
    { class: "sum" },
    h("caption", null, "How the logit adds up"),
    headRow("Term", "Speaks for", ["Logit"]),
    h(
      "tbody",
      null,
      h("tr", { class: "quiet-row" }, h("th", { scope: "row" }, "Baseline"), h("td", null), h("td", { class: "n" }, number(evidence.baseline, 3, true))),
      ...rows,
    ),
    h("tfoot", null, h("tr", { class: "total" }, h("th", { scope: "row" }, "Logit of the track"), h("td", null), h("td", { class: "n" }, number(score.logit, 3, true)))),
  );
  return scrolling("Sum behind the logit", table);
}

/** @param {number} value */
function sideMark(value) {
  const key = side(value);
  if (key === "neither") return h("span", { class: "side" }, "neither");
  const sign = h("span", { "aria-hidden": "true" }, key === "AI" ? "▲ " : "▼ ");
  return h("span", { class: `side ${key === "AI" ? "ai" : "human"}` }, sign, key);
}

/** @param {import("./numerics/evidence.js").Peak[]} peaks */
function peakTable(peaks) {
  const rows = peaks.map((peak) =>
    h(
      "tr",
      null,
      h("td", { class: "n" }, hertz(peak.hz)),
      h("td", { class: "n" }, `${number(peak.height_db, 1, true)} dB`),
      h("td", { class: "n" }, number(peak.contribution, 3, true)),
      h("td", null, sideMark(peak.contribution)),
    ),
  );
  const head = headRow(["Frequency"], ["Above envelope"], ["Logit"], "Speaks for");
  return scrolling("Peaks", h("table", { class: "peaks-table" }, h("caption", null, "Peaks that weigh most"), head, h("tbody", null, ...rows)));
}

/** @param {Result} result */
function listening({ actions }) {
  const { sounds } = actions;
  if (!sounds) return "";
  const place = h("div", { class: "sounds" });
  const button = h("button", { type: "button", class: "button", id: "make-sounds" }, "Make the sounds");
  button.addEventListener("click", async () => {
    button.disabled = true;
    button.textContent = "Making the sounds …";
    try {
      await sounds(place);
      button.hidden = true;
      place.querySelector("audio")?.focus();
    } catch (error) {
      button.disabled = false;
      button.textContent = "Try again";
      place.replaceChildren(h("p", { class: "fine", role: "alert" }, error instanceof Error ? error.message : String(error)));
    }
  });
  return h(
    "section",
    { "aria-labelledby": "h-listen", class: "no-print" },
    h("h2", { id: "h-listen" }, "Hear the evidence"),
    h(
      "p",
      { class: "fine" },
      "What speaks for AI in the part where it speaks loudest, alone; the song without it; and the same part amplified. " +
        "All are brought to a safe loudness.",
    ),
    h("p", { class: "buttons small" }, button),
    place,
  );
}

/**
 * @param {Score} score
 * @param {number[]} priors
 */
function meaning(score, priors) {
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById("meaning"));
  const section = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
  const rows = [...new Set([...priors, score.prior])].sort((a, b) => a - b);
  section.querySelector("tbody")?.append(
    ...rows.map((prior) =>
      h(
        "tr",
        { class: prior === score.prior ? "here" : undefined },
        h("td", { class: "n" }, percent(prior) + (prior === score.prior ? " (assumed above)" : "")),
        h("td", { class: "n" }, score.llr_nats === null ? "–" : percent(probability(score.llr_nats, prior), 1)),
      ),
    ),
  );
  return section;
}

/**
 * @param {Score} score
 * @param {Scanned} scanned
 */
function facts(score, scanned) {
  const rows = [
    ["File", score.path],
    ["Duration", score.duration_s ? `${clock(score.duration_s)} (${number(score.duration_s, 1)} s)` : ""],
    ["Covered by the score", score.covered_s ? `${clock(score.covered_s)} (${number(score.covered_s, 1)} s)` : ""],
    ["Sample rate", score.sample_rate_hz ? `${number(score.sample_rate_hz, 0)} Hz` : ""],
    ["Channels", score.channels ? String(score.channels) : ""],
    ["Codec", score.codec],
    ["SHA-256", score.sha256],
    ["Detector", score.detector],
    ["Calibration set", score.calibration],
    ["Nearest family", score.family === UNKNOWN ? "" : (score.family ?? "")],
    ["Notes", scanned.notes.join("; ")],
  ].filter(([, value]) => value);
  return h(
    "section",
    { "aria-labelledby": "h-facts" },
    h("h2", { id: "h-facts" }, "Facts"),
    h(
      "dl",
      { class: "facts" },
      ...rows.map(([name, value]) => h("div", { class: value.length > 44 ? "long" : undefined }, h("dt", null, name), h("dd", null, h("bdi", null, value)))),
    ),
  );
}
