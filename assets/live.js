// Is what this screen shows still true? The one stream of the page, and what is done when it breaks.
((cityops) => {
  const SILENCE = 6000;
  const LATE_WORKER = 15000;
  const MOST = 30000;
  const POLL = 2000;
  const GRACE = 1500;   // a tab that is looked at again has this long to hear something
  const root = document.documentElement;
  const { ctx } = cityops;

  let first = null;     // what the layout sent: {page, subject, build, etag, urls, …}
  let stream = null;
  let generation = 0;   // messages of an older stream than this are nobody's
  let etag = "";
  let seq = 0;
  let heard = 0;        // performance.now() of the last word of the server
  let opened = 0;       // … of the newest try to open a stream
  let shown = 0;        // … since when somebody looks
  let asOf = 0;         // the server's clock when the picture was last known to be true
  let sourceUp = true;
  let sourceSince = null;
  let workerAt = null;
  let failures = 0;
  let polling = null;
  let answered = true;  // did the last poll get an answer?
  let retry = null;
  let offsets = [];

  const clock = () => (offsets.length ? Math.max(...offsets) + performance.now() : Date.now());
  ctx.now = clock;

  function setClock(now) {
    offsets = [...offsets.slice(-9), Date.parse(now) - performance.now()];
  }

  function hear(now) {
    heard = performance.now();
    if (now) setClock(now);
    if (sourceUp) {
      asOf = clock();
      first.frozen = false;
    }
    watch();
  }

  // ---- the stream

  function open() {
    clearTimeout(retry);
    close();
    if (!first?.urls.live || asleep()) return;
    const mine = ++generation;
    const glue = first.urls.live.includes("?") ? "&" : "?";
    stream = new EventSource(`${first.urls.live}${glue}etag=${encodeURIComponent(etag)}`);
    const on = (name, act) => stream.addEventListener(name, (event) => mine === generation && act(JSON.parse(event.data)));
    on("hello", hello);
    on("diff", diff);
    on("hb", beat);
    on("source", source);
    on("bye", bye);
    stream.onerror = () => mine === generation && again();
    opened = performance.now();
  }

  function close() {
    generation += 1;
    stream?.close();
    stream = null;
  }

  // A frozen server raises no error and a 5xx ends an EventSource for good: both come here.
  function again(soon = false) {
    close();
    failures += soon ? 0 : 1;
    const wait = soon ? 100 : Math.min(MOST, 500 * 2 ** Math.min(failures, 7));
    clearTimeout(retry);
    retry = setTimeout(open, wait * (0.5 + Math.random() / 2));
    if (failures >= 2) startPolling();
  }

  function hello(said) {
    failures = 0;
    stopPolling();
    sourceUp = said.db !== false;
    seq = said.seq;
    etag = said.etag;
    if (said.build !== first.build || !first.state) return reload();
    if (said.state) adopt(said);
    hear(said.now);
  }

  function adopt({ state, simulated }) {
    if (simulated !== undefined) setSimulated(simulated);
    cityops.adopt(state);
  }

  function diff(said) {
    if (said.seq !== seq + 1) return resync();
    seq = said.seq;
    etag = "";
    cityops.fold(said);
    hear();
  }

  function beat(said) {
    if (said.seq !== seq) return resync();
    workerAt = said.worker_at;
    hear(said.now);
  }

  function source(said) {
    sourceUp = said.db;
    sourceSince = said.since;
    hear();
  }

  function bye({ reason }) {
    if (reason === "rights" || reason === "session") return reload();
    again(reason === "moved");
  }

  function resync() {
    etag = "";
    again(true);
  }

  // ---- without a stream: the same state, asked for

  function startPolling() {
    if (!polling && !asleep()) poll();
  }

  function stopPolling() {
    clearTimeout(polling);
    polling = null;
  }

  async function poll() {
    polling = setTimeout(() => {}, 0);
    const token = polling;
    const ok = await ask().catch(() => false);
    if (ok && !answered && !stream) open(); // the server is back: do not wait for the next turn
    answered = ok;
    if (polling === token) polling = setTimeout(poll, (ok ? POLL : 3 * POLL) * (0.8 + Math.random() * 0.4));
  }

  async function ask() {
    const answer = await fetch(first.urls.state, {
      headers: etag ? { "If-None-Match": /^(W\/)?"/.test(etag) ? etag : `"${etag}"` } : {},
      cache: "no-store",
      signal: AbortSignal.timeout(5000),
    });
    if (![200, 304, 503].includes(answer.status)) return false;
    sourceUp = answer.status !== 503;
    const said = answer.status === 200 ? await answer.json() : null;
    if (said && (said.build !== first.build || !first.state)) return reload();
    if (said) adopt(said);
    if (said) etag = answer.headers.get("ETag") ?? "";
    hear(said?.at && !offsets.length ? said.at : undefined);
    return true;
  }

  // ---- what the person is told

  const asleep = () => document.visibilityState === "hidden" && !first?.wall;

  function watch() {
    if (!first) return;
    const now = performance.now();
    const silent = now - heard > SILENCE && now - shown > GRACE;
    if (stream && now - Math.max(heard, opened) > SILENCE) again();
    const mode = asleep() ? "hidden" : silent ? "silent" : !sourceUp ? "down" : polling ? "polling" : "live";
    const dim = mode === "silent" || mode === "down" || first.frozen;
    if (root.dataset.live !== mode) root.dataset.live = mode;
    root.toggleAttribute("data-dim", Boolean(dim) && mode !== "hidden");
    speak(mode, dim);
  }

  function speak(mode, dim) {
    const stopped = mode === "live" && (!workerAt || clock() - Date.parse(workerAt) > LATE_WORKER) && heard > 0 && clockKnown();
    root.toggleAttribute("data-clock-stopped", stopped);
    const trouble = stopped ? "stopped" : mode === "live" || mode === "hidden" ? "" : mode;
    const words = trouble ? ctx.word(`live.${trouble}`) : "";
    const at = asOf ? ctx.format("second", asOf) : "—";
    for (const box of document.querySelectorAll("[data-connection]")) {
      write(box.querySelector(".trouble"), words);
      write(box.querySelector(".as-of"), ctx.word("live.as_of", { t: at }));
      write(box.querySelector("[role=status]"), dim || trouble ? words : "");
    }
  }

  const clockKnown = () => workerAt !== null || offsets.length > 1;

  function write(element, text) {
    if (element && element.textContent !== text) element.textContent = text;
  }

  function setSimulated(simulated) {
    ctx.simulated = simulated;
    root.toggleAttribute("data-simulated", simulated);
  }

  // Never into a dead server, never in a circle.
  function reload() {
    close();
    stopPolling();
    clearTimeout(retry);
    const last = Number(sessionStorage.getItem("cityops.reloaded") ?? 0);
    const wait = Math.max(0, last + 30000 - Date.now()) + Math.random() * (first.wall ? 3000 : 1000);
    retry = setTimeout(async () => {
      const up = await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(5000) }).then(({ ok }) => ok, () => false);
      if (!up) return (retry = setTimeout(reload, 2000));
      sessionStorage.setItem("cityops.reloaded", String(Date.now()));
      location.reload();
    }, wait);
    return false;
  }

  // ---- a page comes, goes, sleeps

  function mount(data) {
    if (!data) return unmount();
    unmount();
    first = data;
    Object.assign(ctx, { lang: data.lang, timezone: data.timezone, words: data.words, place: data.place, page: data.page, subject: data.subject });
    root.lang = data.lang === "en" ? "en" : "zh-CN";
    root.toggleAttribute("data-wall", Boolean(data.wall));
    if (data.title) document.title = data.title;
    offsets = [];
    setClock(data.now);
    etag = data.etag;
    seq = data.seq;
    sourceUp = !data.frozen;
    heard = performance.now();
    asOf = data.at ? Date.parse(data.at) : 0;
    workerAt = null;
    failures = 0;
    setSimulated(data.simulated);
    cityops.frame?.mount(data);
    cityops.adopt({ ...data.state, "frame.now": true });
    watch();
    open();
  }

  function unmount() {
    close();
    stopPolling();
    clearTimeout(retry);
    cityops.forget();
    first = null;
  }

  document.addEventListener("visibilitychange", () => {
    if (!first) return;
    if (asleep()) {
      close();
      stopPolling();
      clearTimeout(retry);
    } else {
      shown = performance.now();
      open();
    }
    watch();
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", ({ persisted }) => persisted && open());
  addEventListener("online", () => first && again(true));
  setInterval(watch, 500);

  cityops.live = { mount, get first() { return first; }, get asOf() { return asOf; } };
  (window.dash_clientside ??= {}).cityops = {
    mount: (data) => {
      mount(data);
      return "";
    },
  };
})((window.cityops ??= {}));
