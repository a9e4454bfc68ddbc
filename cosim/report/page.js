"use strict";
// Recolours the homes on the map; the page is complete without it.
(() => {
  const data = JSON.parse(document.getElementById("map-data").textContent);
  const choice = document.getElementById("map-quantity");
  const legend = document.getElementById("map-legend");
  const group = document.getElementById("homes");
  if (!choice || !group) return;
  const paint = () => {
    const q = data.quantities[choice.value];
    const dots = [...group.children];
    dots.sort((a, b) => q.classes[a.dataset.i] - q.classes[b.dataset.i]);
    for (const dot of dots) {
      const i = dot.dataset.i, k = q.classes[i];
      dot.setAttribute("fill", k < 0 ? "none" : data.scale[k]);
      dot.setAttribute("r", k < 0 ? 2.2 : data.radii[k]);
      dot.firstElementChild.textContent = data.names[i] + "\n" + q.label + ": " + q.texts[i];
      group.appendChild(dot);
    }
    legend.replaceChildren(...q.legend.map((text, k) => {
      const item = document.createElement("li"), spot = document.createElement("i");
      spot.style.background = data.scale[k];
      spot.style.width = spot.style.height = 2.4 * data.radii[k] + "px";
      item.append(spot, text + " " + q.unit);
      return item;
    }));
  };
  choice.addEventListener("change", paint);
})();
