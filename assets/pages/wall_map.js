// Where is it? One picture in canvas units: cells by status, names and values, open cases, the whole city inset.
((cityops) => {
  const { svg, ctx } = cityops;
  const TINTS = { alarm: "w-l-red", warning: "w-l-orange" }; // blue on a map is water: attention tints nothing
  const SIZES = { 1: 60, 2: 56, 3: 48, 4: 44 };
  const CORE = 0.25; // cells this much smaller than the mean could not be read in a picture of all
  const APART = 1.3;
  const MOST = 14; // shapes
  const INSET = [292, 300];
  const LINE = 32;
  const shapes = new Map(); // address -> features, or the promise of them
  let placed = null; // what was computed for one size and one set of shapes

  // ---- outlines, asked for once

  function outlines(address) {
    if (!shapes.has(address)) {
      shapes.set(address, null);
      fetch(address, { signal: AbortSignal.timeout(15000) })
        .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(String(answer.status)))))
        .then(({ features }) => {
          shapes.set(address, features.filter(({ geometry }) => geometry));
          placed = null;
          draw();
        })
        .catch(() => setTimeout(() => shapes.delete(address), 5000));
    }
    return shapes.get(address) ?? [];
  }

  const polygons = ({ type, coordinates }) => (type === "MultiPolygon" ? coordinates : type === "Polygon" ? [coordinates] : []);
  const points = (feature) => polygons(feature.geometry).flatMap((polygon) => polygon[0]);

  function bounds(features) {
    const all = features.flatMap(points);
    const [lons, lats] = [all.map(([lon]) => lon), all.map(([, lat]) => lat)];
    return [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)];
  }

  const ringArea = (ring) => Math.abs(ring.reduce((sum, [x, y], at) => (([u, v]) => sum + x * v - u * y)(ring[(at + 1) % ring.length]), 0)) / 2;
  const area = (feature) => polygons(feature.geometry).reduce((sum, polygon) => sum + ringArea(polygon[0]), 0);

  // Where the small cells are, if there are some; without the one that lies apart, if that makes all others much larger.
  function core(cells, frame) {
    const mean = cells.reduce((sum, cell) => sum + area(cell), 0) / cells.length;
    const small = cells.filter((cell) => area(cell) < CORE * mean);
    if (small.length >= 3) return small;
    const without = cells.map((one) => cells.filter((cell) => cell !== one)).filter((rest) => rest.length > 4);
    const best = without.map((rest) => [rest, scaleOf(bounds(rest), frame)]).sort(([, one], [, other]) => other - one)[0];
    return best && best[1] > APART * scaleOf(bounds(cells), frame) ? best[0] : cells;
  }

  const squeezed = (south, north) => Math.cos(((south + north) / 2) * (Math.PI / 180));
  const scaleOf = ([west, south, east, north], [, , width, height]) => Math.min(width / ((east - west) * squeezed(south, north) || 1e-6), height / (north - south || 1e-6));

  // The box into the frame, north up, nothing stretched.
  function projection([west, south, east, north], [left, top, width, height]) {
    const squeeze = squeezed(south, north);
    const size = scaleOf([west, south, east, north], [left, top, width, height]);
    const [cx, cy] = [(west + east) / 2, (south + north) / 2];
    return ([lon, lat]) => [left + width / 2 + (lon - cx) * squeeze * size, top + height / 2 - (lat - cy) * size];
  }

  const line = (feature, at) =>
    polygons(feature.geometry).map((polygon) => polygon.map((ring) => `M${ring.map((point) => at(point).map((n) => n.toFixed(1)).join(" ")).join("L")}Z`).join("")).join("");

  // ---- a name's place: the point of the cell in sight that is farthest from everything else

  function inside([x, y], rings) {
    let found = false;
    for (const ring of rings) {
      for (let at = 0, before = ring.length - 1; at < ring.length; before = at++) {
        const [[ax, ay], [bx, by]] = [ring[at], ring[before]];
        if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) found = !found;
      }
    }
    return found;
  }

  const overlaps = (one, other) => one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3];
  const box = ([x, y], width, height) => [x - width / 2, y - height / 2, x + width / 2, y + height / 2];
  const within = ([l, t, r, b], [width, height]) => l > 8 && t > 8 && r < width - 8 && b < height - 8;

  function spot(rings, taken, size, label) {
    let best = null;
    for (let x = 24; x < size[0]; x += 18) {
      for (let y = 24; y < size[1]; y += 18) {
        if (!inside([x, y], rings)) continue;
        const own = box([x, y], ...label);
        if (!within(own, size) || taken.some((other) => overlaps(own, other))) continue;
        const far = Math.min(...rings.flat().map(([a, b]) => Math.hypot((a - x) * 0.7, b - y)), x, size[0] - x, y, size[1] - y);
        if (!best || far > best.far) best = { at: [x, y], far, box: own };
      }
    }
    return best;
  }

  // A cell smaller than its name: the name stands beside it, with a line.
  function aside(rings, taken, size, label) {
    const from = spot(rings, [], size, [0, 0])?.at;
    const found = from && free(from, ...label, taken, size);
    return found && { ...found, from };
  }

  const wide = (words, size = 28) => [...words].reduce((sum, letter) => sum + (letter.charCodeAt(0) > 0x2e80 ? size : size * 0.56), 0);
  const { short } = cityops.wall;

  function place(size, valued) {
    const code = ctx.place.code;
    const cells = outlines(`/shapes/${code}`);
    const ground = outlines(`/shapes/${code}/ground`);
    const above = ctx.place.ancestors?.at(-1)?.code;
    const around = above ? outlines(`/shapes/${above}`).filter(({ properties }) => properties.code !== code) : [];
    const whole = outlines(`/shapes/${ctx.place.ancestors?.[0]?.code ?? code}`);
    if (!cells.length) return null;
    const frame = [24, 110, size[0] - 48, size[1] - 150];
    const hasInset = size[0] > 1000; // a narrow wall has no room for it
    const seen = core(cells, frame);
    const at = projection(bounds(seen), frame);
    const inset = hasInset ? insetOf(seen.length < cells.length ? cells : whole, size, seen.length < cells.length) : null;
    const taken = [[0, 0, Math.min(size[0], 760), 96], ...(inset ? [inset.box] : [])];
    const names = cells.map((cell) => {
      const rings = polygons(cell.geometry).map((polygon) => polygon[0].map(at));
      const label = valued ? [Math.max(wide(short(cell.properties.name)), 150) + 12, 2 * LINE + 4] : [wide(short(cell.properties.name)) + 8, LINE + 2];
      const found = spot(rings, taken, size, label) ?? aside(rings, taken, size, label);
      if (found) taken.push(found.box);
      return found && { code: cell.properties.code, name: short(cell.properties.name), at: found.at, from: found.from };
    });
    const drawn = (features) => features.map((feature) => ({ ...feature.properties, d: line(feature, at) }));
    return { size, at, taken, names: names.filter(Boolean), cells: drawn(cells), around: drawn(around), ground: drawn(ground), inset: inset && { ...inset, view: bounds(seen) } };
  }

  function insetOf(whole, size, own) {
    if (!whole.length) return null;
    const frame = [16, size[1] - INSET[1] - 16, ...INSET];
    const at = projection(bounds(whole), [frame[0] + 14, frame[1] + 40, frame[2] - 28, frame[3] - 54]);
    const [l, t, w, h] = frame;
    return { frame, at, own, box: [l, t, l + w, t + h], cells: whole.map((cell) => ({ ...cell.properties, d: line(cell, at) })) };
  }

  // ---- cells

  const tint = (row) => (!row || row.status === null ? "" : row.status === "stale" ? "w-l-stale" : row.status === "none" ? "w-l-none" : TINTS[row.status] ?? "");

  function cell({ code, name, d }, row) {
    const words = `${ctx.name(name)} ${row?.status ? ctx.word(`status.${row.status}`) : ""}`;
    return svg("a", { href: ctx.href(`/wall/${code}`), "aria-label": words }, svg(`path.w-land.${tint(row) || "w-l-plain"}`, { d, "data-code": code, "data-status": row?.status ?? "" }));
  }

  function valueOf(row) {
    if (!row || row.status === null) return "";
    if (row.n !== null && row.n !== undefined) return row.n ? ctx.word(row.n === 1 ? "wall.sign_1" : "wall.signs_n", { n: row.n }) : "";
    const unit = ctx.model["text.focus"]?.unit;
    return row.status === "none" ? "—" : row.value === null ? "" : ctx.format("value", row.value, { unit });
  }

  function nameOf({ code, name, at: [x, y], from }, row) {
    const value = valueOf(row);
    const bad = ["alarm", "warning", "attention"].includes(row?.status);
    const mark = bad && value ? symbol("status", row.status, [x - wide(value, 28) / 2 - 14, y + 18], 24, false) : null;
    const lead = from ? [svg("line", { x1: from[0], y1: from[1], x2: x, y2: y + (from[1] > y ? 30 : -30) }), svg("circle", { cx: from[0], cy: from[1], r: 3 })] : null;
    return svg(`g.w-name${bad ? ".w-hot" : ""}`, {}, lead, svg("text", { x, y: value ? y - 6 : y + 9 }, name), value ? svg("text.w-value", { x: mark ? x + 8 : x, y: y + 27 }, value) : null, mark);
  }

  // ---- cases

  function symbol(scale, code, [x, y], size, inside) {
    const drawn = cityops.wall.shape(scale, code, { inside });
    for (const [key, value] of Object.entries({ x: (x - size / 2).toFixed(1), y: (y - size / 2).toFixed(1), width: size, height: size })) drawn.setAttribute(key, value);
    return drawn;
  }

  // The worse takes the others near it in; wider and wider, until they are few enough to be read.
  function clusters(cases, { at, size }) {
    const seen = cases.map((one) => ({ ...one, at: at([one.lon, one.lat]) })).filter((one) => within(box(one.at, 30, 30), size));
    for (let reach = 64; ; reach *= 1.3) {
      const found = [];
      for (const one of seen) {
        const near = found.find((other) => Math.hypot(one.at[0] - other.at[0], one.at[1] - other.at[1]) < reach);
        if (near) near.all.push(one);
        else found.push({ ...one, all: [one] });
      }
      if (found.length <= MOST) return found;
    }
  }

  // The nearest free place: a shape may step aside from a name, never onto it.
  function free(want, width, height, taken, size, most = 230) {
    for (const away of [0, 26, 44, 64, 88, 112, 140, 180, 230].filter((one) => one <= most)) {
      for (let turn = 0; turn < (away ? 16 : 1); turn += 1) {
        const at = [want[0] + away * Math.cos((turn * Math.PI) / 8), want[1] + away * Math.sin((turn * Math.PI) / 8)];
        const own = box(at, width, height);
        if (within(own, size) && !taken.some((other) => overlaps(own, other))) return { at, box: own };
      }
    }
    return null;
  }

  function said(cluster) {
    if (cluster.all.length > 1) {
      const split = [1, 2, 3, 4].map((grade) => [grade, cluster.all.filter((one) => one.severity === grade).length]).filter(([, n]) => n);
      return [ctx.word("wall.cases_n", { n: cluster.all.length }), split.map(([grade, n]) => `${ctx.word(`severity1.${grade}`)} ${n}`).join(" · ")];
    }
    if (cluster.severity > 3 && !cluster.overdue) return null;
    return [cityops.wall.className(cluster), `${ctx.word(`state.${cluster.state}`)}${cluster.overdue ? ` · ${ctx.word("wall.overdue")}` : ""}`];
  }

  function label(cluster, spotAt, taken, size) {
    const words = said(cluster);
    if (!words) return null;
    const width = Math.max(wide(words[0], 28), wide(words[1], 26)) + 8;
    const half = SIZES[cluster.severity] / 2 + 8;
    const [x, y] = spotAt;
    const ways = [["start", x + half, y, x + half + width / 2], ["end", x - half, y, x - half - width / 2], ["middle", x, y + half + LINE, x], ["middle", x, y - half - LINE, x]];
    for (const [anchor, tx, ty, middle] of ways) {
      const own = box([middle, ty], width, 2 * LINE);
      if (!within(own, size) || taken.some((other) => overlaps(own, other))) continue;
      taken.push(own);
      return svg("g.w-said", { "text-anchor": anchor }, svg("text.w-it", { x: tx, y: ty - 4 }, words[0]), svg("text.w-is", { x: tx, y: ty + 26 }, words[1]));
    }
    return null;
  }

  function drawCases(cases, found) {
    const taken = [...found.taken];
    const shown = clusters(cases, found).map((cluster) => {
      const size = SIZES[cluster.severity];
      const spotAt = free(cluster.at, size + 6, size + 6, taken, found.size, 112);
      if (spotAt) taken.push(spotAt.box);
      return spotAt && { cluster, at: spotAt.at, mark: symbol("severity", cluster.severity, spotAt.at, size, true) };
    }).filter(Boolean);
    const labels = shown.map(({ cluster, at }) => label(cluster, at, taken, found.size));
    return [...shown.map(({ mark }) => mark), ...labels];
  }

  // ---- the picture

  function inset({ frame: [x, y, width, height], cells, at, view, own }, rows) {
    const [left, top] = at([view[0], view[3]]);
    const [right, bottom] = at([view[2], view[1]]);
    const room = 10;
    const here = { x: left - room / 2, y: top - room / 2, width: right - left + room, height: bottom - top + room };
    return svg("g.w-inset", {}, svg("rect.w-chrome", { x, y, width, height, rx: 6 }), cells.map(({ code, d }) => svg(`path.w-land.${tint(rows[code]) || "w-l-plain"}`, { d })), svg("rect.w-frame", here), svg("text", { x: x + 14, y: y + 34 }, own && ctx.place.ancestors.length ? short(ctx.place.name) : ctx.word("wall.whole")));
  }

  function draw() {
    const container = document.querySelector("[data-wall-map]");
    if (!container || !ctx.place?.code) return;
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const size = [container.clientWidth, container.clientHeight].map((px) => Math.round((px * 16) / rem));
    if (!size[0]) return;
    const rows = ctx.model["layer.places"] ?? [];
    const valued = rows.some((row) => valueOf(row));
    const key = `${ctx.place.code} ${size} ${ctx.lang} ${valued}`;
    if (placed?.key !== key) placed = { key, found: place(size, valued) };
    const { found } = placed;
    if (!found) return;
    const byCode = Object.fromEntries(rows.map((row) => [row.id, row]));
    const fresh = picture(found, byCode);
    const old = container.firstElementChild;
    if (old) cityops.morph(old, fresh);
    else container.append(fresh);
  }

  function picture(found, byCode) {
    const water = found.ground.filter(({ kind }) => kind !== "outline");
    const outline = found.ground.filter(({ kind }) => kind === "outline");
    return svg(
      "svg", { viewBox: `0 0 ${found.size.join(" ")}`, preserveAspectRatio: "xMidYMid meet" },
      svg("g.w-around", {}, found.around.map(({ d }) => svg("path", { d }))),
      svg("g", {}, found.cells.map((one) => cell(one, byCode[one.code]))),
      svg("g.w-water", {}, water.map(({ d }) => svg("path", { d }))),
      svg("g.w-outline", {}, outline.map(({ d }) => svg("path", { d }))),
      svg("g", {}, found.names.map((one) => nameOf(one, byCode[one.code]))),
      svg("g", {}, drawCases(ctx.model["layer.incidents"] ?? [], found)),
      found.inset && inset(found.inset, byCode),
    );
  }

  for (const key of ["layer.places", "layer.incidents", "text.focus"]) (cityops.listeners[key] ??= []).push(draw);
  cityops.wall.map = { draw, resized: draw };
})((window.cityops ??= {}));
