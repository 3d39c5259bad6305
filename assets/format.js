// How is a value of the state written in this language?
((cityops) => {
  const THIN = "\u2009";
  const DAY = 86400;
  const formatters = new Map();

  // Every Intl object is made once: making one costs more than using it a hundred times.
  function intl(kind, locale, options) {
    const key = JSON.stringify([kind, locale, options]);
    if (!formatters.has(key)) formatters.set(key, new Intl[kind](locale, options));
    return formatters.get(key);
  }

  function number(value, digits) {
    const most = digits ?? (Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
    const options = { maximumFractionDigits: Number(most), minimumFractionDigits: digits === undefined ? 0 : Number(digits) };
    return intl("NumberFormat", "en-US", options).format(value);
  }

  function withUnit(text, unit, ctx) {
    if (!unit || unit === "1") return text;
    return `${text}${THIN}${ctx.word(`unit.${unit}`, {}, unit)}`;
  }

  function span(seconds, ctx) {
    const whole = Math.max(0, Math.floor(seconds));
    const part = (count, unit) => `${number(count, 0)}${THIN}${ctx.word(`time.${unit}`)}`;
    if (whole < 60) return part(whole, "second");
    if (whole < 3600) return part(Math.floor(whole / 60), "minute");
    if (whole >= 2 * DAY) return part(Math.floor(whole / DAY), "day");
    const minutes = Math.floor((whole % 3600) / 60);
    return part(Math.floor(whole / 3600), "hour") + (minutes ? ` ${part(minutes, "minute")}` : "");
  }

  const since = (time, ctx) => (ctx.now() - Date.parse(time)) / 1000;

  // The parts of a moment on the city's clock.
  function parts(time, ctx) {
    const options = {
      timeZone: ctx.timezone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit",
      hour: "2-digit", minute: "2-digit", second: "2-digit", weekday: "short",
    };
    const found = intl("DateTimeFormat", ctx.lang === "en" ? "en-GB" : "zh-CN", options).formatToParts(new Date(time));
    return Object.fromEntries(found.map(({ type, value }) => [type, value]));
  }

  const day = (p) => `${p.year}-${p.month}-${p.day}`;

  function clock(time, ctx) {
    const p = parts(time, ctx);
    const today = day(p) === day(parts(ctx.now(), ctx));
    return `${today ? "" : `${p.month}-${p.day} `}${p.hour}:${p.minute}`;
  }

  function countdown(value, ctx) {
    const { due, at } = typeof value === "object" ? value : { due: value };
    const left = -since(due, ctx);
    const whole = at ? (Date.parse(due) - Date.parse(at)) / 1000 : Infinity;
    const text = ctx.word(left < 0 ? "time.over" : "time.left", { t: span(Math.abs(left), ctx) });
    return { text, classes: { late: left < 0, soon: left >= 0 && left < 0.2 * whole && whole !== Infinity } };
  }

  const share = (value, data) => number(value * 100, data.digits ?? 1);

  cityops.ticks = new Set(["age", "ago", "countdown", "now", "today"]);
  cityops.format = {
    text: (value, ctx) => (typeof value === "object" ? ctx.name(value) : String(value)),
    name: (value, ctx) => ctx.name(value),
    word: (value, ctx, data) => ctx.word(`${data.words}.${value}`),
    count: (value) => number(value, 0),
    number: (value, ctx, data) => number(value, data.digits),
    value: (value, ctx, data) =>
      typeof value === "object"
        ? value.value === null ? "—" : withUnit(number(value.value, data.digits), value.unit ?? data.unit, ctx)
        : withUnit(number(value, data.digits), data.unit, ctx),
    unit: (value, ctx) => ctx.word(`unit.${value}`, {}, value),
    percent: (value, ctx, data) => `${share(value, data)}${THIN}%`,
    share: (value, ctx, data) => share(value, data),
    coverage: ({ live, expected }) => `${number(live, 0)}/${number(expected, 0)}`,
    age: (value, ctx) => span(since(value, ctx), ctx),
    ago: (value, ctx) => ctx.word("time.ago", { t: span(since(value, ctx), ctx) }),
    span: (value, ctx) => span(value, ctx),
    countdown,
    clock,
    second: (value, ctx) => (({ hour, minute, second }) => `${hour}:${minute}:${second}`)(parts(value, ctx)),
    date: (value, ctx) => (({ weekday, ...p }) => `${day(p)} ${weekday}`)(parts(value, ctx)),
    datetime: (value, ctx) => (({ hour, minute, ...p }) => `${day(p)} ${hour}:${minute}`)(parts(value, ctx)),
    now: (value, ctx) => cityops.format.second(ctx.now(), ctx),
    today: (value, ctx) => cityops.format.date(ctx.now(), ctx),
    status: (value, ctx) => ctx.mark("status", value),
    severity: (value, ctx) => ctx.mark("severity", value),
    state: (value, ctx) => ctx.word(`state.${value}`),
    stage: (value, ctx) => ctx.word(`stage.${value}`),
    tier: (value, ctx) => ctx.word(`tier.${value}`),
  };

  const SHAPES = {
    status: { alarm: "red", warning: "orange", attention: "blue", stale: "stale", none: "none" },
    severity: { 1: "red", 2: "orange", 3: "yellow", 4: "blue" },
  };

  // Shape, colour and word; normal and routine have a word only.
  function mark(scale, code, { word = true, single = scale === "severity" } = {}) {
    const shape = SHAPES[scale][code];
    const said = cityops.ctx.word(`${single ? `${scale}1` : scale}.${code ?? "none"}`);
    const title = cityops.ctx.word(`${scale}.${code ?? "none"}`);
    return cityops.h(
      `span.mark.${scale}`, { title: word && said === title ? null : title },
      shape && cityops.h(`i.mk.mk-${shape}`, word ? { "aria-hidden": "true" } : { role: "img", "aria-label": title }),
      (word || !shape) && cityops.h("b", {}, said),
    );
  }

  // 24 h in a few strokes: gaps are gaps; only the last point takes the colour of its status.
  function spark(points, { low = null, high = null, status = null, width = 88, height = 26 } = {}) {
    const values = (points ?? []).filter((one) => one !== null);
    const picture = cityops.svg("svg.spark", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" });
    if (values.length < 2) return picture;
    const limits = [low, high].filter((one) => one !== null);
    const [least, most] = [Math.min(...values, ...limits), Math.max(...values, ...limits)];
    const y = (value) => (height - 4 - ((value - least) / (most - least || 1)) * (height - 8) + 0.5).toFixed(1);
    const x = (at) => ((at / (points.length - 1)) * (width - 6) + 1).toFixed(1);
    for (const limit of limits) picture.append(cityops.svg("line.limit", { x1: 0, x2: width, y1: y(limit), y2: y(limit) }));
    let path = "";
    points.forEach((value, at) => {
      if (value !== null) path += `${path && points[at - 1] !== null ? "L" : "M"}${x(at)} ${y(value)}`;
    });
    picture.append(cityops.svg("path", { d: path }));
    const last = points.length - 1;
    if (points[last] !== null) {
      picture.append(cityops.svg("circle", { cx: x(last), cy: y(points[last]), r: 2, class: SHAPES.status[status] ? `dot-${SHAPES.status[status]}` : "dot" }));
    }
    return picture;
  }

  function bar(part, kind = "") {
    const width = `${Math.round(Math.min(1, Math.max(0, part)) * 100)}%`;
    return cityops.h("span.bar", { class: kind, "aria-hidden": "true" }, cityops.h("i", { style: { width } }));
  }

  function word(key, fill = {}, otherwise = key) {
    const said = cityops.ctx.words[key] ?? otherwise;
    return said.replace(/\{(\w+)\}/g, (whole, name) => fill[name] ?? whole);
  }

  // Links keep the language.
  function href(path, query = {}) {
    const asked = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== ""));
    if (cityops.ctx.lang === "en" && !path.includes("lang=")) asked.set("lang", "en");
    const tail = asked.toString();
    return tail ? `${path}${path.includes("?") ? "&" : "?"}${tail}` : path;
  }

  // What templates and formats are given; live.js sets the rest at mount.
  Object.assign(cityops.ctx, {
    lang: "zh", timezone: "UTC", words: {}, place: null, simulated: false,
    now: () => Date.now(),
    name: (names) => (names === null || names === undefined ? "—" : typeof names === "string" ? names : names[cityops.ctx.lang] || names.zh || "—"),
    format: (name, value, data = {}) => {
      if (value === null || value === undefined) return "—";
      const said = cityops.format[name](value, cityops.ctx, data);
      return said?.text ?? said;
    },
    tick: (name, value, data) => cityops.tick(name, value, data),
    word, mark, spark, bar, href,
  });
  cityops.shapes = SHAPES;
})((window.cityops ??= {}));
