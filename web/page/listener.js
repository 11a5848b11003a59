// SPDX-License-Identifier: MIT
/** The page's controls for live sound: microphone, tab, running verdict, stop. */

import { openMicrophone, openTab } from "./audio/capture.js";
import { byId } from "./dom.js";
import { scanLive } from "./live.js";
import { decide } from "./numerics/decide.js";
import { clock, number } from "./words.js";

/**
 * @typedef {{engine: () => import("./engine.js").Engine, words: () => import("./words.js").Words,
 *   detector: () => import("./engine.js").Detector, settings: () => import("./score.js").Settings,
 *   onProblem: (error: unknown) => void,
 *   onDone: (scanned: import("./engine.js").Scanned, last: {samples: Float32Array, rateHz: number}) => void}} Wiring
 */

const NOTES = {
  microphone:
    "A loudspeaker, the room and the microphone hide the traces: AI can be found here, “human” is never said.",
  tab: "The sound comes straight from the tab. The verdict is on all that was heard since the start, and changes at a few times only.",
};

const DOUBTS = {
  microphone: "a loudspeaker, the room and the microphone hide the traces: none found is no sign of a human",
  tab: "",
};

export class Listener {
  /** @param {Wiring} wiring */
  constructor(wiring) {
    this.wiring = wiring;
    /** @type {{stop: () => void} | null} */
    this.running = null;
    this.buttons = { microphone: byId("microphone", HTMLButtonElement), tab: byId("tab", HTMLButtonElement) };
    this.buttons.microphone.addEventListener("click", () => this._start("microphone", openMicrophone));
    this.buttons.tab.addEventListener("click", () => this._start("tab", openTab));
    byId("stop", HTMLButtonElement).addEventListener("click", () => this.running?.stop());
  }

  /**
   * @param {"microphone" | "tab"} kind
   * @param {() => Promise<MediaStream>} ask
   */
  async _start(kind, ask) {
    if (this.running) return;
    const { wiring } = this;
    const verdict = byId("live-verdict", HTMLElement);
    const looksS = wiring.detector().constants.settings.looks_s;
    try {
      const stream = await ask();
      const name = `${kind === "tab" ? "Tab" : "Microphone"}, ${new Date().toLocaleString()}`;
      this._show(true);
      byId("live-note", HTMLElement).textContent = NOTES[kind];
      let word = "listening …";
      verdict.textContent = word;
      this.running = await scanLive(wiring.engine(), stream, {
        name,
        keepS: wiring.detector().constants.listening.seconds,
        looksS,
        doubt: DOUBTS[kind],
        onWindows: (_, heardS) => {
          const text = `${word}, ${clock(heardS)} heard`;
          if (verdict.textContent !== text) verdict.textContent = text;
        },
        onRunning: (analysis) => {
          const { falseAlarmRate, prior } = wiring.settings();
          const judged = decide(wiring.detector().calibration, analysis, falseAlarmRate / (looksS.length + 1), prior);
          const logit = analysis.logit === null ? "" : ` (logit ${number(analysis.logit, 2, true)})`;
          word = { ai: "AI-generated", human: "human", undecided: "undecided" }[judged.verdict] + logit;
        },
        onDone: (scanned, last) => {
          this.running = null;
          this._show(false);
          wiring.onDone(scanned, last);
        },
      });
      byId("stop", HTMLButtonElement).focus();
    } catch (error) {
      this.running = null;
      this._show(false);
      wiring.onProblem(error);
    }
  }

  /** @param {boolean} on */
  _show(on) {
    byId("live", HTMLElement).hidden = !on;
    for (const button of Object.values(this.buttons)) button.disabled = on;
  }
}
