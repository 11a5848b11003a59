// SPDX-License-Identifier: MIT
/**
 * Keeps the page usable without a network, and keeps its requests at home.
 *
 * All files of a build are cached together, each checked against its hash; a new build waits until
 * no page uses the old one, so that modules of two builds never mix. Requests to other origins are
 * refused: nothing that runs in this page can send sound away.
 */

/* global BUILD, importScripts */
// @ts-nocheck the scope of a service worker is not part of this project's types

importScripts("build.js");

const CACHE = `unsung-${BUILD.version}`;

/** @param {string} hex */
function integrity(hex) {
  const bytes = hex.match(/../g).map((pair) => parseInt(pair, 16));
  return `sha256-${btoa(String.fromCharCode(...bytes))}`;
}

self.addEventListener("install", (event) => {
  const requests = Object.entries(BUILD.files).map(
    ([path, hash]) => new Request(path, { cache: "reload", integrity: integrity(hash) }),
  );
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(requests)));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      const names = (await caches.keys()).filter((name) => name.startsWith("unsung-") && name !== CACHE);
      await Promise.all(names.map((name) => caches.delete(name)));
      await self.clients.claim();
    })(),
  );
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (url.protocol === "blob:" || url.protocol === "data:") return;
  if (url.origin !== self.location.origin) {
    event.respondWith(Response.error());
    return;
  }
  event.respondWith(answer(event.request, url));
});

async function answer(request, url) {
  const scope = new URL(self.registration.scope);
  const path = url.pathname.slice(scope.pathname.length) || "index.html";
  const cache = await caches.open(CACHE);
  const held = await cache.match(new URL(path, scope), { ignoreSearch: true });
  if (held) return held;
  const fresh = await fetch(request);
  if (fresh.ok && BUILD.lazy.includes(path)) await cache.put(new URL(path, scope), fresh.clone());
  return fresh;
}
