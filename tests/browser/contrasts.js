// Copyright (c) The cordon.docker authors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The contrast of each visible text with the background behind it, by WCAG 2, the worst first.
() => {
  const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colour) => {
    paint.clearRect(0, 0, 1, 1);
    paint.fillStyle = colour;
    paint.fillRect(0, 0, 1, 1);
    return [...paint.getImageData(0, 0, 1, 1).data];
  };
  const linear = (value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = rgb(getComputedStyle(at).backgroundColor);
      if (found[3] > 250) return found;
    }
    return [255, 255, 255, 255];
  };
  const own = (at) => [...at.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  const seen = new Map();
  for (const at of document.querySelectorAll("body *")) {
    if (!at.checkVisibility() || at.closest("svg, .unseen, .none") || !own(at)) continue;
    const [most, least] = [light(rgb(getComputedStyle(at).color)), light(behind(at))].sort((x, y) => y - x);
    const ratio = (most + 0.05) / (least + 0.05);
    const name = `${at.tagName}.${at.className} in ${at.parentElement.className}`;
    if (!(seen.get(name) < ratio)) seen.set(name, ratio);
  }
  return [...seen].sort((x, y) => x[1] - y[1]).slice(0, 20);
}
