// SPDX-License-Identifier: MIT
/**
 * Names the family of decoders that a track's residual pictures resemble, or "unknown": the twin of
 * `unsung.runtime.attribution`, which says what it is worth. One linear template a family.
 */

/**
 * @typedef {{families: string[], scales: number[], baselines: number[], limits: number[]}} Facts
 *   the section `attribution` of bundle.json
 */

export const UNKNOWN = "unknown";

export class Attribution {
  /**
   * @param {Facts} facts
   * @param {Float32Array[]} templates of each front end: `families × channels × bins`; they may have
   *   fewer channels than the pictures, the first ones count
   */
  constructor(facts, templates) {
    this.facts = facts;
    this.templates = templates;
    const { length } = facts.families;
    const even = templates.every((template) => template.length % length === 0);
    if (!even || [facts.scales, facts.baselines, facts.limits].some((values) => values.length !== length)) {
      throw new Error(
        `the bundle's attribution section does not fit its ${length} families; export the bundle again`,
      );
    }
  }

  /**
   * The score of each family.
   * @param {Float32Array[]} pictures the track's mean pictures
   */
  scores(pictures) {
    const { families, scales, baselines } = this.facts;
    return families.map((_, family) => {
      let total = 0;
      pictures.forEach((picture, index) => {
        const size = this.templates[index].length / families.length;
        const template = this.templates[index].subarray(family * size, (family + 1) * size);
        for (let i = 0; i < size; i += 1) total += template[i] * picture[i];
      });
      return total * scales[family] + baselines[family];
    });
  }

  /**
   * The family whose limit is passed by most, or "unknown".
   * @param {Float32Array[]} pictures
   */
  name(pictures) {
    const { families, limits } = this.facts;
    const beyond = this.scores(pictures).map((score, family) => score - limits[family]);
    const most = Math.max(...beyond);
    return most >= 0 ? families[beyond.indexOf(most)] : UNKNOWN;
  }
}
