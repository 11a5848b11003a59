"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const audio = byId("audio"), stack = byId("stack"), cursor = byId("cursor"), cross = byId("cross");
  const minus = (text) => text.replace("-", "\u2212");
  const signed = (v, digits) => (v > 0 ? "+" : "") + minus(v.toFixed(digits));
  const thin = (v) => Math.round(v).toString().replace(/\B(?=(\d{3})+$)/g, "\u202f");
  const clock = (s) => {
    const whole = Math.max(0, Math.floor(s)), h = Math.floor(whole / 3600);
    const two = (n) => String(n).padStart(2, "0"), m = Math.floor(whole / 60) % 60;
    return h ? `${h}:${two(m)}:${two(whole % 60)}` : `${m}:${two(whole % 60)}`;
  };
  const share = (event, box) => {
    const r = box.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - r.left) / r.width));
  };
  document.documentElement.classList.add("js");

  // The level under the pointer is read back from the image: its colours are the scale's steps.
  let pixels = null;
  const loadPixels = () => {
    const spec = data.spectrogram, image = new Image();
    const levels = new Map();
    for (let i = 0; i < spec.levels; i++) {
      const [r, g, b] = spec.palette.slice(3 * i, 3 * i + 3);
      levels.set((r << 16) | (g << 8) | b, i);
    }
    image.onload = () => {
      const canvas = document.createElement("canvas");
      canvas.width = image.width; canvas.height = image.height;
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(image, 0, 0);
      pixels = (x, y) => {
        const p = context.getImageData(
          Math.min(image.width - 1, Math.floor(x * image.width)),
          Math.min(image.height - 1, Math.floor(y * image.height)), 1, 1).data;
        const level = levels.get((p[0] << 16) | (p[1] << 8) | p[2]);
        return level === undefined ? null
          : spec.db[0] + (spec.db[1] - spec.db[0]) * level / (spec.levels - 1);
      };
    };
    image.src = byId("spectrogram-image").getAttribute("href");
  };

  const windowAt = (s) => (data.windows || []).find((w) => w[0] <= s && s < w[1]);
  const readTime = (event) => {
    const x = share(event, stack), parts = [clock(x * data.end_s)];
    const spec = data.spectrogram, box = byId("spectrogram");
    if (box) {
      const r = box.getBoundingClientRect(), y = (event.clientY - r.top) / r.height;
      if (y >= 0 && y <= 1) {
        parts.push(thin(spec.hz[1] - y * (spec.hz[1] - spec.hz[0])) + "\u202fHz");
        const inside = (100 * x - spec.x[0]) / spec.x[1];
        const db = pixels && inside >= 0 && inside <= 1 ? pixels(inside, y) : null;
        if (db !== null) parts.push(minus(db.toFixed(0)) + "\u202fdB");
      }
    }
    const span = windowAt(x * data.end_s);
    if (span) parts.push(`window ${clock(span[0])}–${clock(span[1])}, logit ${signed(span[2], 2)}`);
    return parts.join("  ·  ");
  };
  const wireReadout = (box, line, output, read) => {
    box.addEventListener("pointermove", (event) => {
      line.hidden = false;
      line.style.left = 100 * share(event, box) + "%";
      output.textContent = read(event);
    });
    box.addEventListener("pointerleave", () => { line.hidden = true; output.textContent = ""; });
  };

  const wirePlayer = () => {
    const show = () => {
      cursor.hidden = audio.paused && audio.currentTime === 0;
      cursor.style.left = Math.min(100, 100 * audio.currentTime / data.end_s) + "%";
      stack.setAttribute("aria-valuenow", audio.currentTime.toFixed(1));
      stack.setAttribute("aria-valuetext", clock(audio.currentTime));
    };
    const seek = (s) => {
      const end = Number.isFinite(audio.duration) ? audio.duration : data.end_s;
      audio.currentTime = Math.min(Math.max(0, s), end);
      show();
    };
    const follow = () => { show(); if (!audio.paused) requestAnimationFrame(follow); };
    const step = { ArrowLeft: -5, ArrowRight: 5, ArrowDown: -5, ArrowUp: 5, PageDown: -30, PageUp: 30 };
    Object.entries({ role: "slider", tabindex: "0", "aria-label": "Position in the track",
      "aria-valuemin": "0", "aria-valuemax": data.end_s.toFixed(1) })
      .forEach(([name, value]) => stack.setAttribute(name, value));
    stack.classList.add("seekable");
    stack.addEventListener("click", (event) => seek(share(event, stack) * data.end_s));
    stack.addEventListener("keydown", (event) => {
      if (event.key in step) seek(audio.currentTime + step[event.key]);
      else if (event.key === "Home") seek(0);
      else if (event.key === "End") seek(data.end_s);
      else if (event.key === " ") audio.paused ? audio.play() : audio.pause();
      else return;
      event.preventDefault();
    });
    audio.addEventListener("play", follow);
    audio.addEventListener("timeupdate", show);
    audio.addEventListener("seeked", show);
    show();
  };

  if (stack) wireReadout(stack, cross, byId("time-readout"), readTime);
  if (stack && data.spectrogram) loadPixels();
  if (stack && audio) wirePlayer();
  if (data.residual) {
    const box = byId("residual"), [low, high] = data.residual.hz, rows = data.residual.columns;
    wireReadout(box, byId("residual-cursor"), byId("residual-readout"), (event) => {
      const hz = low + share(event, box) * (high - low);
      const row = rows.reduce((a, b) => Math.abs(b[0] - hz) < Math.abs(a[0] - hz) ? b : a);
      return `${thin(row[0])}\u202fHz  ·  ${signed(row[1], 1)}\u202fdB above the envelope  ·  ` +
        `adds ${signed(row[2], 3)} to the logit`;
    });
  }
  addEventListener("beforeprint", () =>
    document.querySelectorAll("details").forEach((d) => { d.open = true; }));
})();
