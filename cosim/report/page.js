"use strict";
// Recolours the homes on the map, zooms, and tells a home's figures; the page is complete without it.
(() => {
  const data = JSON.parse(document.getElementById("map-data").textContent);
  const at = (id) => document.getElementById(id);
  const map = at("map"), group = at("homes"), choice = at("map-quantity"), pick = at("map-pick");
  const shadeOf = (k) => "k" + (k < 0 ? "x" : k);

  const legendItem = ([shade, text]) => {
    const item = document.createElement("li");
    const svg = document.createElementNS(map.namespaceURI, "svg");
    const dot = document.createElementNS(map.namespaceURI, "circle");
    svg.setAttribute("viewBox", "-8 -8 16 16");
    dot.setAttribute("class", "k" + shade);
    svg.append(dot);
    item.append(svg, text);
    return item;
  };

  const paint = () => {
    const q = data.quantities[choice.value];
    const dots = [...group.children].sort((a, b) => q.shades[a.dataset.i] - q.shades[b.dataset.i]);
    for (const dot of dots) {
      const i = dot.dataset.i;
      dot.setAttribute("class", shadeOf(q.shades[i]));
      dot.firstElementChild.textContent = data.names[i] + "\n" + q.label + ": " + q.texts[i];
    }
    group.append(...dots); // the worst last, so that nothing hides them
    map.setAttribute("aria-label", "Feeder map coloured by " + q.label);
    at("map-label").textContent = q.label;
    at("map-legend").replaceChildren(...q.legend.map(legendItem));
  };

  const read = (text) => text.split(" ").map(Number);
  const first = read(map.getAttribute("viewBox"));
  let box = first;
  const show = (next) => {
    box = next;
    map.setAttribute("viewBox", box.join(" "));
    map.style.setProperty("--zoom", Math.max(first[2] / box[2], first[3] / box[3]));
  };
  const zoom = (factor) => {
    const [x, y, w, h] = box;
    show([x + w * (1 - factor) / 2, y + h * (1 - factor) / 2, w * factor, h * factor]);
  };
  for (const button of at("map-tools").querySelectorAll("button")) {
    button.addEventListener("click", () => {
      if (button.dataset.zoom) zoom(Number(button.dataset.zoom));
      else show(button.dataset.view === "first" ? first : read(map.dataset.whole));
    });
  }

  let grip = null;
  map.addEventListener("pointerdown", (e) => { if (e.pointerType === "mouse") grip = [e.clientX, e.clientY, box]; });
  addEventListener("pointerup", () => { grip = null; });
  addEventListener("pointermove", (e) => {
    if (!grip) return;
    const scale = Math.max(grip[2][2] / map.clientWidth, grip[2][3] / map.clientHeight);
    show([grip[2][0] - (e.clientX - grip[0]) * scale, grip[2][1] - (e.clientY - grip[1]) * scale, box[2], box[3]]);
  });

  group.addEventListener("click", (e) => {
    const i = e.target.dataset.i;
    if (i === undefined) return;
    const figures = Object.values(data.quantities).filter((q) => q.shades[i] >= 0);
    pick.textContent = data.names[i] + ": " + figures.map((q) => q.label + " " + q.texts[i]).join("; ");
  });
  choice.addEventListener("change", paint);
  choice.selectedIndex = 0; // a browser may remember another choice from before a reload
  at("map-tools").hidden = false;
})();
