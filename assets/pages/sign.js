// How do a sign's head, its definition, its children and its controls look?
((cityops) => {
  const { h, svg } = cityops;
  const DOT = " · ";

  // What a person chose to see goes along to other places.
  function asked() {
    const query = new URLSearchParams(location.search);
    return { window: query.get("window"), grain: query.get("grain") };
  }

  const signPage = (code, place, ctx) => ctx.href(`/sign/${code}/${place}`, asked());
  const ownCode = (ctx) => ctx.subject.split("/")[0];
  const joined = (parts, ctx) => parts.filter(Boolean).flatMap((part, at) => (at ? [DOT, part] : [part]));
  const placeName = (code, ctx) => ctx.name([...ctx.place.ancestors, ctx.place].find((one) => one.code === code)?.name ?? code);
  const badge = (status, ctx) => (!status || status === "normal" ? null : ctx.mark("status", status));

  // ---- the head: how bad, since when, whence

  // Beside a name there is room for the largest part of an age alone.
  cityops.format["sign.age"] = (at, ctx) => ctx.format("age", at).split(" ")[0];
  cityops.ticks.add("sign.age");

  function figure(row, ctx) {
    if (row.value === null && row.status !== null && row.status !== "none") return null; // a fold of statuses alone
    if (row.value === null) return h("span.value", {}, h("b.none", {}, "—"));
    return h(`span.value${row.status === "stale" ? ".stale" : ""}`, {}, h("b", {}, ctx.format("number", row.value)), row.unit && h("span.unit", {}, ctx.format("unit", row.unit)));
  }

  function standing(row, ctx) {
    if (row.status === null) return null;
    const state = row.held ?? row.status;
    const words = ctx.word(`status.${state}`);
    const since = row.since && h("span", {}, ...filled(ctx.word("sign.since", { t: ctx.format("clock", row.since), status: words, age: "\u0000" }), ctx.tick("age", row.since)));
    const lags = row.held !== null && row.held !== row.status && ["normal", "attention", "warning", "alarm"].includes(row.status);
    return lags ? ctx.word("sign.held", { status: words }) : since;
  }

  const filled = (sentence, node) => sentence.split("\u0000").flatMap((part, at) => (at ? [node, part] : [part]));

  function whence(row, ctx) {
    if (row.lent) return h("span", {}, ctx.word("sign.lent"), " ", h("a.act", { href: signPage(row.code, row.shown, ctx) }, ctx.word("word.value_of", { place: placeName(row.shown, ctx) })));
    if (row.status === null) return h("span", {}, ctx.word("sign.unmeasured"), row.measured_in && [" ", h("a.act", { href: signPage(row.code, row.measured_in.code, ctx) }, ctx.word("sign.see_above", { place: ctx.name(row.measured_in.name) }))]);
    return ctx.word(`sign.taken_${row.leaf ? "leaf" : row.fold_space}`);
  }

  function extreme(row, ctx) {
    if (!row.where || row.lent) return null;
    return h("span", {}, ctx.word("sign.taken_at"), " ", h("a", { href: signPage(row.code, row.where.code, ctx) }, ctx.name(row.where.name)));
  }

  cityops.rows["sign.head"] = (row, ctx) =>
    h(
      "div.sign-head", {},
      h("h1", {}, ctx.name(row.name)), h("span.code.mute", {}, row.code),
      row.status && h("span.st", {}, row.status === "normal" ? h("span.mute", {}, ctx.word("status.normal")) : ctx.mark("status", row.status)),
      figure(row, ctx),
      h(
        "p.how", {},
        joined([
          row.at && (row.status === "stale" ? ctx.word("sign.as_of", { t: ctx.format("clock", row.at) }) : ctx.tick("ago", row.at)),
          row.status === "none" && ctx.word("sign.never"),
          row.expected > 1 && ctx.word("sign.live_of", { live: ctx.format("count", row.live), expected: ctx.format("count", row.expected) }),
          whence(row, ctx), extreme(row, ctx), standing(row, ctx),
        ], ctx),
      ),
    );

  // ---- controls: each is an address

  cityops.rows["sign.segment"] = (row, ctx) =>
    h("a", { href: ctx.href(row.path, row.asked), "aria-current": row.on ? "true" : null }, ctx.word(`sign.${row.kind}_${row.id}`));

  cityops.rows["sign.export"] = (row, ctx) => h("a.act", { href: `${row.path}?${new URLSearchParams(row.asked)}`, download: "", "data-hotkey": row.path.endsWith("/series") ? "e" : null }, "CSV");

  const STROKES = { now: null, now_by_hour: null, yesterday: "5 3", week: "1 3" };
  const BESIDE = ["4 2 1 2", "7 2", "7 2 1 2", "2 2", "6 2 2 2 2 2", "10 2"]; // as the chart's six

  function sample({ id, dash }) {
    if (id === "gap") return h("i.swatch.hatched", { "aria-hidden": "true" });
    if (id === "band") return h("i.swatch.banded", { "aria-hidden": "true" });
    return svg(`svg.stroke.is-${dash === undefined ? id : "beside"}`, { viewBox: "0 0 22 8", width: 22, height: 8, "aria-hidden": "true" }, svg("line", { x1: 0, x2: 22, y1: 4, y2: 4, "stroke-dasharray": dash === undefined ? STROKES[id] : BESIDE[dash] }));
  }

  cityops.rows["sign.legend"] = (row, ctx) => h("li", {}, sample(row), row.name ? ctx.name(row.name) : ctx.word(`sign.legend_${row.id}`));

  cityops.rows["sign.note"] = (row, ctx) =>
    h("li.note", {}, ctx.word(`sign.note_${row.kind}`, { name: row.name ? ctx.name(row.name) : row.code, most: row.most, grain: row.grain && ctx.word(`sign.by_${row.grain}`) }));

  // ---- what is drawn beside

  cityops.format["sign.beside"] = ({ n, most }, ctx) => ctx.word("sign.beside", { n, most });

  cityops.rows["sign.choice"] = (row, ctx) => {
    const all = ctx.model["rows.choices"];
    const first = all.find((one) => one.group === row.group) === row;
    return h(
      "li", {},
      first && h("small.mute", {}, ctx.word(`sign.group_${row.group}`)),
      h("label", {}, h("input", { type: "checkbox", value: row.id, checked: row.on }), h("span", {}, ctx.name(row.name))),
    );
  };

  const boxes = (panel) => [...panel.querySelectorAll("input[type=checkbox]")];

  function limitChoices(panel) {
    const most = cityops.model["text.beside"]?.most ?? 0;
    const full = boxes(panel).filter((box) => box.checked).length >= most;
    for (const box of boxes(panel)) box.disabled = full && !box.checked;
  }

  function draw(panel) {
    const codes = boxes(panel).filter((box) => box.checked).map((box) => box.value);
    const { ctx } = cityops;
    location.assign(ctx.href(`/sign/${ownCode(ctx)}/${ctx.place.code}`, { ...asked(), with: codes.join(",") || null }));
  }

  document.addEventListener("click", (event) => event.target.closest?.("[data-draw]") && draw(event.target.closest(".chooser")));
  document.addEventListener("change", (event) => event.target.closest?.(".chooser") && limitChoices(event.target.closest(".chooser")));
  document.addEventListener("keydown", (event) => {
    const open = event.key === "Escape" && event.target.closest?.(".chooser[open]");
    if (!open) return;
    open.open = false;
    open.querySelector("summary").focus();
  });

  // ---- the definition

  const number = (n, ctx) => ctx.format("number", n);

  function ends(row, ctx) {
    if (row.need) return ctx.word(`sign.need_${row.need}`, { cell: row.cell });
    const low = row.low !== null && ctx.word("sign.limit_low", { n: number(row.low, ctx) });
    const high = row.high !== null && ctx.word(row.outside ? "sign.limit_above" : "sign.limit_high", { n: number(row.high, ctx) });
    return [low, high].filter(Boolean).join(` ${ctx.word("sign.or")} `);
  }

  const kindName = (kind, ctx) => ctx.word(`overview_asset.${kind}`, {}, kind.replaceAll("_", " "));

  const FACTS = {
    domain: ({ name }, ctx) => ctx.name(name),
    unit: ({ unit, period }, ctx) => joined([unit ? ctx.format("unit", unit) : ctx.word("sign.no_unit"), period === null ? ctx.word("sign.by_event") : ctx.word("sign.every", { t: ctx.format("span", period) })]),
    measured: ({ tier, kind, expected }, ctx) => joined([tier ? ctx.word("sign.at_tier", { tier: ctx.word(`tier.${tier}`).toLowerCase() }) : ctx.word("sign.at_kind", { kind: kindName(kind, ctx).toLowerCase() }), expected ? ctx.word("sign.n_series", { n: ctx.format("count", expected) }) : null]),
    direction: ({ direction }, ctx) => ctx.word(`sign.direction_${direction}`),
    limits: ({ levels }, ctx) => (levels.length ? h("ul", {}, levels.map((level) => h("li", {}, ctx.mark("status", level.id), " ", ends(level, ctx)))) : h("span.mute", {}, ctx.word("sign.no_limits"))),
    hold: ({ slack, unit, hold }, ctx) => joined([slack ? ctx.format("value", slack, { unit }) : ctx.word("sign.no_slack"), hold ? ctx.word("sign.for_hold", { t: ctx.format("span", hold) }) : ctx.word("sign.no_hold")]),
    freshness: ({ freshness }, ctx) => ctx.word("sign.after", { t: ctx.format("span", freshness) }),
    fold: ({ fold_time: time, fold_space: space, weight, weighted }, ctx) => joined([ctx.word(`sign.time_${time}`), ctx.word(`sign.space_${space}`), space === "mean" && weight !== "1" && ctx.word(weighted ? `sign.weight_${weight}` : "word.unweighted")]),
    owner: ({ name }, ctx) => (name ? ctx.name(name) : h("span.mute", {}, ctx.word("sign.unknown"))),
    source: ({ text }, ctx) => text ?? h("span.mute", {}, ctx.word("sign.unknown")),
    reported: ({ share, present, due, why }, ctx) => (why ? h("span.mute", {}, ctx.word(`sign.quality_${why}`)) : joined([h("b", {}, `${number(share * 100, ctx)}\u2009%`), h("span.mute", {}, ctx.word("sign.hours_of", { present: ctx.format("count", present), due: ctx.format("count", due) }))])),
    gaps: ({ n, longest }, ctx) => (n ? ctx.word("sign.gaps_n", { n, longest: ctx.format("span", longest) }) : ctx.word("sign.no_gaps")),
    silent: ({ n, expected }, ctx) => ctx.word("sign.silent_n", { n: ctx.format("count", n), expected: ctx.format("count", expected) }),
  };

  cityops.rows["sign.fact"] = (row, ctx) => h("div", {}, h("dt", {}, ctx.word(`sign.fact_${row.id}`)), h("dd", {}, FACTS[row.id](row, ctx)));
  cityops.rows["sign.flag"] = (row, ctx) => h("li.tag", {}, ctx.word(`sign.flag_${row.id}`));

  // A phone opens with the course; what the sign is stands folded below.
  (cityops.listeners ??= {})["rows.facts"] = [
    () => {
      const details = document.querySelector(".definition details:not([data-seen])");
      if (!details) return;
      details.dataset.seen = "";
      if (matchMedia("(max-width: 48rem)").matches) details.open = false;
    },
  ];

  // ---- below

  cityops.format["sign.scale"] = ({ low, high, unit, level, limit }, ctx) => {
    const scale = ctx.word("sign.scale", { low: number(low, ctx), high: number(high, ctx), unit: unit ? ` ${ctx.format("unit", unit)}` : "" });
    return level ? ctx.word("sign.scale_limit", { scale, status: ctx.word(`status.${level}`), limit: number(limit, ctx) }) : scale;
  };

  cityops.format["sign.assets_of"] = ({ n, shown }, ctx) => ctx.word(n > shown ? "sign.assets_of" : "sign.assets_all", { n, shown });

  const WIDE = 124;
  const HIGH = 40;

  // 24 h on the scale that all of them share; only the last point may have a colour.
  function small(points, scale, status) {
    const picture = svg("svg.small", { viewBox: `0 0 ${WIDE} ${HIGH}`, width: WIDE, height: HIGH, preserveAspectRatio: "none", "aria-hidden": "true" });
    if (!points) return picture;
    const y = (value) => (HIGH - 3 - ((value - scale.low) / (scale.high - scale.low || 1)) * (HIGH - 6)).toFixed(1);
    const x = (at) => ((at / (points.length - 1)) * (WIDE - 6) + 1).toFixed(1);
    if (scale.limit !== null) picture.append(svg("line.limit", { x1: 0, x2: WIDE, y1: y(scale.limit), y2: y(scale.limit) }));
    let path = "";
    points.forEach((value, at) => {
      if (value !== null) path += `${path && points[at - 1] !== null ? "L" : "M"}${x(at)} ${y(value)}`;
    });
    picture.append(svg("path", { d: path }));
    const last = points.findLastIndex((value) => value !== null);
    if (last >= 0) picture.append(svg("circle", { cx: x(last), cy: y(points[last]), r: 2, class: `dot-${cityops.shapes.status[status] ?? "plain"}` }));
    return picture;
  }

  cityops.rows["sign.child"] = (row, ctx) =>
    h(
      `li.is-${row.status}`, {},
      h(
        "a", { href: signPage(ownCode(ctx), row.code, ctx) },
        h("span.nm", {}, row.status !== "normal" && ctx.mark("status", row.status, { word: false }), h("span.cut", {}, ctx.name(row.name))),
        h("span.v", {}, row.value === null ? ctx.word(`status.${row.status}`) : h("b", {}, ctx.format("number", row.value)), " ", row.at ? ctx.tick("sign.age", row.at) : null),
        ctx.model["text.scale"] && small(row.spark, ctx.model["text.scale"], row.status),
      ),
    );

  cityops.rows["sign.asset"] = (row, ctx) =>
    h(
      "tr", {},
      h("td.cut", {}, h("a", { href: ctx.href(`/sign/${ownCode(ctx)}/${row.place}`, { ...asked(), with: row.code }) }, ctx.name(row.name))),
      h("td.cut.mute", {}, ctx.name(row.where)),
      h("td", {}, badge(row.status, ctx)),
      h("td.num", {}, row.value === null ? h("span.none", {}, "—") : ctx.format("value", row.value, { unit: row.unit })),
      h("td.spark-cell", {}, ctx.spark(row.spark, { status: row.status })),
      h("td.num.mute", {}, row.at ? ctx.tick("age", row.at) : "—"),
    );

  cityops.rows["sign.incident"] = (row, ctx) =>
    h(
      "li.todo", {},
      h(
        "a", { href: ctx.href(`/incidents/${row.place}`, { source: row.source, source_id: row.source_id }) },
        ctx.mark("severity", row.severity),
        h("span.w", {}, h("span.cut", {}, row.class_name ? ctx.name(row.class_name) : row.class), h("small.cut", {}, joined([ctx.word(`state.${row.state}`), ctx.name(row.place_name)]))),
        h("span.t", {}, row.open && row.due ? ctx.tick("countdown", { due: row.due, at: row.at }) : ctx.tick("ago", row.at)),
      ),
    );
})(window.cityops);
