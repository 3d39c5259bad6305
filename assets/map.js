// Where is it? Cells by state, names and points on a leaflet map that nobody's hand is torn from.
((cityops) => {
  const { ctx } = cityops;
  const maps = new Set();
  const known = new Map(); // layer key -> {row id: row}
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const boxOf = (map) => map.getContainer().closest("[data-map]");
  const codeOf = (layer) => layer.feature?.properties?.code;
  const WASH = { alarm: "wash-red", warning: "wash-orange", attention: "wash-blue" };

  // ---- cells: dash-leaflet asks for the style of a new feature, the painter changes it in place afterwards

  function style(feature, context) {
    return styleOf(known.get(context?.hideout?.key)?.[feature.properties.code]);
  }

  function styleOf(row) {
    const status = row?.status ?? "none";
    const plain = { weight: 1, opacity: 1, color: css("land-line"), fillColor: css("land"), fillOpacity: 1, dashArray: null };
    if (WASH[status]) return { ...plain, fillColor: css(WASH[status]), color: css("muted") };
    if (status === "stale") return { ...plain, fillColor: "url(#hatch)" };
    if (status === "none") return { ...plain, fillOpacity: 0, dashArray: "2 3" };
    return plain;
  }

  // The ground below the cells; a feature says which: water, land, outline.
  function base(feature) {
    const kind = feature.properties.kind ?? "water";
    if (kind === "outline") return { fill: false, weight: 1.25, color: css("muted"), interactive: false };
    return { weight: 0, fillColor: css(kind === "land" ? "land" : "water"), fillOpacity: 1, interactive: false };
  }

  function each(feature, layer) {
    layer.on("click", () => location.assign(cityops.frame.here(feature.properties.code)));
    layer.on("add", () => {
      reachable(layer, feature.properties);
      later(layer._map);
    });
  }

  function reachable(layer, { code, name }) {
    const path = layer.getElement();
    if (!path) return;
    const attributes = { tabindex: 0, role: "link", "data-code": code, "aria-label": ctx.name(name) };
    for (const [key, value] of Object.entries(attributes)) path.setAttribute(key, value);
    path.onkeydown = (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      location.assign(cityops.frame.here(code));
    };
  }

  // Features come one by one: names are drawn and the view is set once, after the last.
  function later(map) {
    if (!map || map.cityopsSoon) return;
    map.cityopsSoon = requestAnimationFrame(() => {
      map.cityopsSoon = null;
      if (!map.cityopsSeen) fit(map);
      paintMap(map);
    });
  }

  function cellsOf(map) {
    const found = [];
    map.eachLayer((layer) => codeOf(layer) && layer.setStyle && found.push(layer));
    return found;
  }

  // Of a place in several pieces the largest: a far exclave neither widens the view nor pulls the name away.
  function bodyOf(cell) {
    const parts = cell.feature.geometry.type === "MultiPolygon" ? cell.getLatLngs() : [cell.getLatLngs()];
    const boxes = parts.map(([ring]) => L.latLngBounds(ring));
    return boxes.reduce((most, box) => (size(box) > size(most) ? box : most));
  }

  const size = (box) => (box.getEast() - box.getWest()) * (box.getNorth() - box.getSouth());
  const around = (boxes) => boxes.reduce((all, box) => all.extend(box), L.latLngBounds([]));

  // All cells but one that lies apart: without it the others would be drawn at more than twice the size.
  function fit(map) {
    const boxes = cellsOf(map).map(bodyOf);
    const whole = around(boxes);
    if (!whole.isValid()) return;
    const tighter = boxes.map((box) => around(boxes.filter((other) => other !== box))).filter((box) => box.isValid());
    const bounds = tighter.find((box) => size(box) < size(whole) / 2) ?? whole;
    map.cityopsSeen = true;
    map.fitBounds(bounds, { padding: [8, 8], animate: false });
  }

  // ---- painting

  function paint(key, rows) {
    known.set(key, Object.fromEntries((rows ?? []).map((row) => [row.id, row])));
    for (const map of maps) {
      const box = boxOf(map);
      if (box && (box.dataset.cells === key || box.dataset.points === key)) paintMap(map);
    }
  }

  function paintMap(map) {
    const box = boxOf(map);
    if (!box) return;
    const rows = known.get(box.dataset.cells) ?? {};
    const cells = cellsOf(map);
    nameButtons(box);
    for (const cell of cells) paintCell(cell, rows[codeOf(cell)]);
    put(map, "names", cells.map((cell) => named(cell, rows[codeOf(cell)])).filter(Boolean), nameTag);
    const points = Object.values(known.get(box.dataset.points) ?? {});
    put(map, "points", points.filter(({ lat, lon }) => Number.isFinite(lat) && Number.isFinite(lon)), pointTag);
    declutter(map, (cityops.model[box.dataset.cells] ?? []).map(({ id }) => id));
  }

  // Names never lie upon each other: the first of the layer keeps its own, the others their mark, else nothing.
  function declutter(map, order) {
    const kept = [];
    const free = (tag) => {
      const { left, right, top, bottom } = tag.getBoundingClientRect();
      if (kept.some((one) => left < one.right && one.left < right && top < one.bottom && one.top < bottom)) return false;
      kept.push({ left, right, top, bottom });
      return true;
    };
    for (const id of order) {
      const tag = map.cityopsMarkers?.names?.get(id)?.getElement()?.firstElementChild;
      if (!tag) continue;
      tag.classList.remove("tight", "gone");
      if (free(tag)) continue;
      tag.classList.add("tight");
      if (!tag.querySelector(".mark") || !free(tag)) tag.classList.add("gone");
    }
  }

  function nameButtons(box) {
    for (const way of ["in", "out"]) {
      const button = box.querySelector(`.leaflet-control-zoom-${way}`);
      button?.setAttribute("title", ctx.word(`word.zoom_${way}`));
      button?.setAttribute("aria-label", ctx.word(`word.zoom_${way}`));
    }
  }

  function paintCell(cell, row) {
    const status = row?.status ?? "none";
    cell.setStyle(styleOf(row));
    const path = cell.getElement();
    path?.setAttribute("data-status", status);
    path?.setAttribute("aria-label", `${ctx.name(cell.feature.properties.name)} ${ctx.word(`status.${status}`)}`);
  }

  function named(cell, row) {
    if (row?.label === false) return null;
    const { centre, code, name } = cell.feature.properties;
    const middle = centre ? [centre[1], centre[0]] : bodyOf(cell).getCenter();
    return { name, ...row, id: code, at: middle };
  }

  function nameTag(row) {
    const abnormal = row.status && row.status !== "normal";
    const value = row.value === undefined || row.value === null ? null : ctx.format("value", row.value, { unit: row.unit });
    return cityops.h("div.map-name", { class: abnormal ? "hot" : "" }, abnormal && ctx.mark("status", row.status, { word: false }), cityops.h("span", {}, ctx.name(row.name)), value && cityops.h("b", {}, value));
  }

  function pointTag(row) {
    const inner = ctx.mark(row.mark ?? "severity", row.code, { word: false });
    const words = ctx.name(row.name);
    return row.href
      ? cityops.h("a.map-point", { href: ctx.href(row.href), title: words, "aria-label": words }, inner)
      : cityops.h("div.map-point", { title: words }, inner);
  }

  // Markers by id: moved and rewritten in place.
  function put(map, name, rows, draw) {
    const markers = ((map.cityopsMarkers ??= {})[name] ??= new Map());
    const wanted = new Set(rows.map((row) => row.id));
    for (const [id, marker] of markers) {
      if (wanted.has(id)) continue;
      marker.remove();
      markers.delete(id);
    }
    for (const row of rows) place(map, markers, row, draw(row));
  }

  function place(map, markers, row, element) {
    const at = row.at ?? [row.lat, row.lon];
    const marker = markers.get(row.id);
    if (marker) {
      marker.setLatLng(at);
      const shown = marker.getElement()?.firstElementChild;
      if (shown) cityops.morph(shown, element);
      return;
    }
    const icon = L.divIcon({ className: "map-icon", html: element, iconSize: null });
    markers.set(row.id, L.marker(at, { icon, interactive: false, keyboard: false }).addTo(map));
  }

  // ---- the pattern of what is old, and the hook that finds the maps

  function hatch() {
    if (document.getElementById("hatch")) return;
    const { svg } = cityops;
    const size = { width: 6, height: 6 };
    const ground = svg("rect.hatch-ground", size);
    const lines = svg("path.hatch-line", { d: "M-1 1 1 -1M0 6 6 0M5 7 7 5" });
    document.body.append(svg("svg.hatch-defs", { width: 0, height: 0, "aria-hidden": "true" }, svg("pattern", { id: "hatch", ...size, patternUnits: "userSpaceOnUse" }, ground, lines)));
  }

  function hook() {
    if (!window.L?.Map) return false;
    L.Map.addInitHook(function () {
      hatch();
      maps.add(this);
      this.on("unload", () => maps.delete(this));
      this.on("zoomend", () => later(this));
      later(this);
    });
    return true;
  }

  if (!hook()) {
    const wait = setInterval(() => hook() && clearInterval(wait), 20);
  }
  cityops.map = { style, base, each, paint, maps };
})((window.cityops ??= {}));
