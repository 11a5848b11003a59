// SPDX-License-Identifier: MIT
/** Shows the running verdict on the button; what listens is the offscreen document. */

/** @type {Record<string, {text: string, color: string}>} */
const BADGES = {
  ai: { text: "AI", color: "#a84600" },
  human: { text: "H", color: "#00609a" },
  undecided: { text: "?", color: "#565b61" },
  listening: { text: "…", color: "#565b61" },
  none: { text: "", color: "#565b61" },
};

chrome.runtime.onMessage.addListener((message) => {
  if (message?.to !== "background") return;
  const { text, color } = BADGES[message.badge] ?? BADGES.none;
  chrome.action.setBadgeText({ text });
  chrome.action.setBadgeBackgroundColor({ color });
});
