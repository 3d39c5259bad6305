// What does a hall eight metres away see of signs, cases and acts?
((cityops) => {
  const { h, svg, format, rows, ctx } = cityops;
  const root = document.documentElement;
  const PATHS = { red: "M20 0 40 20 20 40 0 20Z", orange: "M20 2 40 38H0Z", yellow: "M2 2H38V38H2Z", blue: "M20 0A20 20 0 1 1 20 40 20 20 0 0 1 20 0Z" };
  const MIDDLE = { orange: 33, red: 27.25, yellow: 28.5, blue: 28.5 };

  // ---- shapes: one 汉字 inside where it is 20 px high or more, else none

  function shape(scale, code, { inside = true, off = false } = {}) {
    const kind = cityops.shapes[scale][code];
    if (!PATHS[kind]) return svg("svg.w-g", { viewBox: "0 0 40 40", "aria-hidden": "true" });
    const word = ctx.word(`${scale}1.${code}`);
    const picture = svg(`svg.w-g.w-${kind}${off ? ".w-off" : ""}`, { viewBox: "0 0 40 40", role: "img", "aria-label": ctx.word(`${scale}.${code}`) }, svg("path", { d: PATHS[kind] }));
    if (inside) picture.append(svg("text", { x: 20, y: MIDDLE[kind], class: word.length > 2 || kind === "orange" || kind === "red" ? "w-3" : null }, word));
    return picture;
  }

  const unit = (value) => value && value !== "1" && h("span.w-u", {}, ctx.format("unit", value));
  const number = (row) => (row.value === null ? "—" : ctx.format("number", row.value));
  const join = (...parts) => parts.flat().filter((one) => one !== null && one !== "" && one !== undefined && one !== false).flatMap((one, at) => (at ? [" · ", one] : [one]));
  const ENDS = { en: / (District|Subdistrict|Street|Community|Village|Town|Township)$/, zh: /(?<=..)((?<!社)区|街道)$/ };

  // Without what the wall's own title says already.
  function short(name) {
    const [said, own] = [ctx.name(name), ctx.name(ctx.place?.name)];
    if (said.startsWith(own) && said !== own) return said.slice(own.length).trim();
    return said.replace(/\s*[(（][^)）]*[)）]$/, "").replace(ENDS[ctx.lang === "en" ? "en" : "zh"], "");
  }

  const sum = (...parts) => (parts.includes(null) ? null : parts.reduce((all, one) => all + one, 0));
  const placeName = (code) => short(ctx.place?.children?.find((one) => one.code === code)?.name);
  const className = (row) => (row.class_name ? ctx.name(row.class_name) : row.class);

  // ---- the header

  format["wall.low"] = ({ low }) => (low ? shape("status", "attention") : "");
  format["wall.places"] = (value, ctx) => ctx.word("wall.places", { ...value, tier: ctx.word(`tiers.${ctx.place.children[0].tier}`) });
  format["wall.mode"] = ({ urgent }, ctx) => h(`span${urgent ? ".w-urgent" : ""}`, { title: ctx.word(`wall.mode_${urgent ? "urgent" : "calm"}_title`) }, ctx.word(`wall.mode_${urgent ? "urgent" : "calm"}`));

  rows["wall.decision"] = (row, ctx) =>
    h("li", {}, h("span", {}, row.track), h("b.w-level", {}, ctx.word("wall.level_of", row)), h("small.w-wide", {}, ctx.word("wall.level_since", { t: ctx.format("clock", row.since) })));

  rows["wall.warning"] = (row, ctx) =>
    h("li", {}, h(`b.w-cap.w-on-${row.colour}`, {}, ctx.word("wall.warning", { kind: row.kind, colour: ctx.word(`wall_colour.${row.colour}`) })),
      h("small.w-wide", {}, ctx.word("wall.warning_since", { issuer: row.issuer, t: ctx.format("clock", row.since) })));

  // ---- old

  const stopped = () => ctx.format("second", cityops.live.asOf || ctx.now());
  format["wall.stopped"] = (value, ctx) => ctx.word("wall.stopped", { t: stopped() });
  format["wall.as_of"] = (value, ctx) => ctx.word("wall.as_of", { t: stopped() });
  format["wall.cause"] = (value, ctx) =>
    ctx.word("wall.cause", { why: ctx.word(`live.${["down", "failed"].includes(root.dataset.live) ? root.dataset.live : "silent"}`), span: ctx.format("age", new Date(cityops.live.asOf || ctx.now()).toISOString()) });
  for (const one of ["wall.stopped", "wall.as_of", "wall.cause"]) cityops.ticks.add(one);

  // ---- signs

  // One unit is enough from afar.
  format["wall.age"] = (at, ctx) => {
    const seconds = Math.max(0, Math.floor((ctx.now() - Date.parse(at)) / 1000));
    const [size, name] = [[86400, "day"], [3600, "hour"], [60, "minute"]].find(([size]) => seconds >= size) ?? [1, "second"];
    return `${Math.floor(seconds / size)}\u202f${ctx.word(`time.${name}`)}`;
  };
  cityops.ticks.add("wall.age");

  rows["wall.level"] = (row, ctx) =>
    h("li", {}, shape("status", row.id, { inside: false, off: !row.n }), h("span.w-wide", {}, ctx.word(`wall.${row.id}_short`)), h("b", {}, ctx.format("count", row.n)));

  // Where it is worst, else how much of it is live.
  function whence(row, ctx) {
    if (row.worst) return ctx.name(row.worst.name);
    return row.expected > 1 ? ctx.format("coverage", row) : null;
  }

  const age = (row) => (row.at ? ctx.tick("wall.age", row.at) : "—");
  const signName = (row) => ctx.name(row.name).replace(/\s*[(（][^)）]*[)）]/g, "");
  const sparkOf = (row, width, height) => ctx.spark(row.spark, { high: row.limit, status: row.status, width, height });

  format["wall.measured"] = () => "";

  rows["wall.sign"] = (row, ctx) =>
    h(
      "li", {}, shape("status", row.status),
      h("div.w-n", {}, h("a.w-cut", { href: ctx.href(`/sign/${row.code}/${ctx.place.code}`) }, signName(row)), h("small.w-cut", {}, join(whence(row, ctx), age(row)))),
      h("div.w-v", {}, number(row), unit(row.unit)),
      h("div.w-sp", {}, sparkOf(row, 200, 68), row.limit === null ? null : h("small.w-wide", {}, ctx.word("wall.limit", { n: ctx.format("number", row.limit) }))),
    );

  function key(sign, second, ctx) {
    const kind = sign.status === "stale" ? ".w-old" : sign.status === "none" ? ".w-none" : "";
    return h(
      `div.w-key-sign${kind}${second ? ".w-second" : ""}`, {},
      h("span", {}, signName(sign)), h("b", {}, sign.status === "none" ? "—" : [number(sign), unit(sign.unit)]),
    );
  }

  const lent = ({ from }, ctx) => from && ctx.word("wall.lent", { place: ctx.name(ctx.place?.ancestors?.find(({ code }) => code === from)?.name) });

  // Kept where the room is short: the first 8, the first 12, the others only on a calm wall.
  rows["wall.domain"] = (row, ctx) =>
    h(
      `li.w-rank-${[8, 12].find((most) => row.rank < most) ?? 99}`, { "data-rank": row.rank },
      h("div.w-d", {}, h("span", {}, ctx.name(row.name)), h("span.w-marked", {}, h("span.w-lent", {}, lent(row.signs[0], ctx)), row.status && [shape("status", row.status, { inside: false }), ctx.format("count", row.n)], h("span.w-age", {}, row.signs[0].status === "none" ? "" : age(row.signs[0])))),
      row.signs.map((sign, at) => key(sign, at > 0, ctx)),
    );

  // ---- incidents

  format["wall.late"] = (n, ctx) => (n ? h("b.w-inv", {}, ctx.format("count", n)) : h("b.w-zero", {}, "0"));
  format["wall.focus"] = (sign, ctx) => ctx.word("wall.focus", { sign: ctx.name(sign.name), tier: ctx.word(`wall.each_${ctx.place.children[0].tier}`) });
  format["wall.on_map"] = (n, ctx) => ctx.word("wall.on_map", { n: ctx.format("count", sum(...ctx.model["rows.matrix"].filter(({ severity }) => severity).map((row) => row.n))) });

  const cell = (n, name) => h(`td${name}`, { class: n ? null : "w-zero" }, n === null ? "—" : n ? ctx.format("count", n) : "·");

  const late = (n, ctx) => (n ? h("b.w-inv", {}, ctx.format("count", n)) : h("span.w-zero", {}, n === null ? "—" : "·"));

  rows["wall.grade"] = (row, ctx) => {
    const [one, two, three, four, five, six] = row.stages;
    return h(
      `tr${row.severity ? "" : ".w-routine"}`, {},
      h("th", { scope: "row" }, row.severity && shape("severity", row.severity, { inside: false, off: !row.n }), h("span", {}, ctx.word(`severity.${row.severity ?? "none"}`))),
      row.stages.map((n) => cell(n, ".w-wide")), [sum(one, two, three), sum(four, five), six].map((n) => cell(n, ".w-slim")),
      cell(row.n, ".w-sum"), h("td", {}, late(row.overdue, ctx)),
    );
  };

  // 剩 6:44 in minutes, 2:06:44 in hours, days in words.
  format["wall.countdown"] = ({ due }, ctx) => {
    const left = (Date.parse(due) - ctx.now()) / 1000;
    const all = Math.floor(Math.abs(left));
    const two = (n) => String(n).padStart(2, "0");
    const [days, hours, minutes, seconds] = [Math.floor(all / 86400), Math.floor(all / 3600), Math.floor((all % 3600) / 60), all % 60];
    const said = days ? ctx.word("wall.days", { d: days, h: hours % 24 }) : hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
    return { text: ctx.word("wall.countdown", { way: ctx.word(`wall.${left < 0 ? "over" : "left"}`), t: said }), classes: { "w-inv": left < 0 } };
  };
  cityops.ticks.add("wall.countdown");

  rows["wall.clock"] = (row, ctx) =>
    h(
      `li${row.overdue ? ".w-over" : ""}`, {},
      row.severity ? shape("severity", row.severity) : h("span.w-routine-word", {}, ctx.word("wall.routine")),
      h("div.w-n", {}, h("b.w-cut", {}, row.where ? `${placeName(row.where)} ` : "", className(row)),
        h("small.w-cut", {}, join(ctx.word(`state.${row.state}`), row.holder_name && ctx.name(row.holder_name)), row.holder_tier && h("span.w-wide", {}, ` · ${ctx.word(`wall.tier_${row.holder_tier}`)}`))),
      h("div.w-t", {}, ctx.tick("wall.countdown", { due: row.due })),
    );

  // ---- today

  rows["wall.hour"] = (row, ctx) => {
    const most = Math.max(1, ...ctx.model["rows.hours"].map((one) => Math.max(one.n ?? 0, one.before ?? 0)));
    const part = (n) => `${Math.round((n / most) * 100)}%`;
    return h("div.w-hour", {}, row.n === null ? null : h("i.w-now", { style: { height: part(row.n) } }), row.before === null ? null : h("i.w-before", { style: { bottom: part(row.before) } }));
  };

  const statusMark = (status) => (cityops.shapes.status[status] && status !== "none" && status !== "stale" ? shape("status", status, { inside: false }) : h("i.w-nothing", {}));

  rows["wall.children"] = (row, ctx) =>
    h("li", {}, statusMark(row.status), h("a.w-cut", { href: ctx.href(`/wall/${row.id}`) }, placeName(row.id)),
      h("span.w-cell", {}, row.live ? ctx.format("count", row.abnormal) : "—"), h("span.w-cell", {}, ctx.format("count", row.open)),
      h("span.w-cell", {}, late(row.overdue, ctx)));

  rows["wall.classes"] = (row, ctx) => h("li", {}, h("span.w-cut.w-grow", {}, ctx.name(row.name)), h("span.w-cell", {}, ctx.format("count", row.n)));
  rows["wall.feeds"] = (row, ctx) => h("li", {}, h("span.w-cut.w-grow", {}, row.id), h("small", {}, ctx.word(`wall.kind_${row.kind}`)), h("span.w-cell.w-far", {}, ctx.tick("wall.age", row.last_at)));

  format["wall.first_children"] = (list, ctx) => (list[0] ? [statusMark(list[0].status), ` ${placeName(list[0].id)} · `, `${ctx.word("wall.open_short")} ${ctx.format("count", list[0].open)}`] : "");
  format["wall.first_classes"] = (list, ctx) => (list[0] ? `${ctx.name(list[0].name)} ${ctx.format("count", list[0].n)}` : "");
  format["wall.first_feeds"] = (list, ctx) => (list[0] ? [list[0].id, " · ", ctx.tick("wall.age", list[0].last_at)] : ctx.word("wall.no_feeds"));

  rows["wall.act"] = (row, ctx) =>
    h("li", {}, ctx.format("second", row.at), " ", row.where ? `${placeName(row.where)} · ` : "", h("em", {}, `${ctx.word(`act.${row.act}`)} ${className(row)}`));

  cityops.wall = { shape, short, className };
})((window.cityops ??= {}));
