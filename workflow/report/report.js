"use strict";
/* Chromium leaves a frame empty whose data URI is longer than 2 MB; a blob may have any length. */
new MutationObserver(() => {
  for (const frame of document.querySelectorAll("iframe[src^='data:']")) {
    const address = frame.src;
    frame.removeAttribute("src");
    frame.title = "chosen page";
    fetch(address).then((page) => page.blob()).then((page) => { frame.src = URL.createObjectURL(page); });
  }
}).observe(document.body, { childList: true, subtree: true });
