// Where does the picture come from? The one stream of the page, and what is done when it breaks.
((cityops) => {
  const SILENCE = 6000; // without a word for this long the picture is old
  const FIRST = 3000; // a broken stream is opened again within this, later within twice as long each time
  const MOST = 30000; // … at last within this
  const REFUSED = 30000; // a stream that is refused (too many, none to be had) is asked for again after once to twice this
  const POLL = 2000;
  const PATIENCE = 5000; // with one answer
  const WHOLE = 3000; // as often the state is asked for whole: "unchanged" says nothing about worker and disk
  const GRACE = 1500; // a tab that is looked at again has this long to hear something
  const root = document.documentElement;
  const { ctx } = cityops;

  let first = null;     // what the layout sent: {page, subject, build, etag, urls, …}
  let stream = null;
  let generation = 0;   // messages of an older stream than this are nobody's
  let joined = false;   // has this stream said hello?
  let etag = "";
  let seq = 0;
  let heard = 0;        // performance.now() of the last word of the server
  let told = 0;         // … of the stream
  let opened = 0;       // … of the newest try to open a stream
  let shown = 0;        // … since when somebody looks
  let madeAt = 0;       // the server's clock when what the picture shows was looked up
  let asOf = 0;         // the server's clock when the picture was last known to be true
  let frozen = null;    // why the picture is an old one: "down" = the database, "failed" = this page alone
  let workerAt;         // when the worker last said that it lives; null = it never did, undefined = not known
  let room;             // on the server's disk
  let failures = 0;
  let polling = null;   // while it is: the AbortController of what was asked last
  let answered = true;  // did the last poll get a true picture?
  let wholeAt = 0;
  let retry = null;
  let offsets = [];

  // Nothing the server says is younger than it says: of the last few the newest is nearest.
  const clock = () => (offsets.length ? Math.max(...offsets) + performance.now() : Date.now());
  // … than the picture; not so when the server's clock was set back.
  const isOlder = ({ at, now }) => Date.parse(at) < madeAt && madeAt <= Date.parse(now);
  const isLate = (now) => clock() - Date.parse(now) > SILENCE;
  ctx.now = clock;

  function setClock(now) {
    offsets = [...(isLate(now) ? [] : offsets.slice(-9)), Date.parse(now) - performance.now()];
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
    stream.onerror = () => mine === generation && broken(stream.readyState === EventSource.CLOSED);
    opened = performance.now();
  }

  function close() {
    generation += 1;
    joined = false;
    stream?.close();
    stream = null;
  }

  // An error status ends an EventSource for good and does not tell which: it is asked for again, but seldom.
  function broken(refused) {
    if (refused) again(true, REFUSED * (1 + Math.random()));
    else again();
  }

  // A frozen server raises no error, so `watch` comes here too. No two screens come back at the same moment.
  function again(poll = false, wait = Math.min(MOST, FIRST * 2 ** failures) * (0.1 + 0.9 * Math.random())) {
    close();
    failures += 1;
    clearTimeout(retry);
    retry = setTimeout(open, wait);
    if (poll || failures >= 2) startPolling();
  }

  function hello(said) {
    if (joined || isLate(said.now)) return; // said twice, or held back on the way
    if (Date.parse(said.now) < asOf || (said.state && isOlder(said))) return again(true);
    if (said.build !== first.build || !first.state) return reload();
    joined = true;
    stopPolling();
    frozen = said.db === false ? (frozen ?? "down") : null;
    seq = said.seq;
    etag = said.etag;
    if (said.state) adopt(said);
    madeAt = Date.parse(said.at);
    hear(said.now);
    if (!frozen) watch(); // else `source` follows, with the reason
  }

  function adopt({ state, simulated }) {
    if (simulated !== undefined) setSimulated(simulated);
    cityops.adopt(state);
  }

  function diff(said) {
    if (!joined || said.seq <= seq) return;
    if (said.seq > seq + 1) return resync();
    seq = said.seq;
    madeAt = Date.parse(said.at);
    etag = "";
    cityops.fold(said);
  }

  function beat(said) {
    if (!joined || said.seq < seq || isLate(said.now)) return;
    if (said.seq > seq) return resync();
    failures = 0;
    workerAt = said.worker_at;
    room = said.room;
    hear(said.now);
    watch();
  }

  function hear(now) {
    told = heard = performance.now();
    setClock(now);
    if (!frozen) asOf = Math.max(asOf, Date.parse(now));
  }

  function source(said) {
    if (!joined) return;
    frozen = said.page === false ? "failed" : said.db ? null : "down";
    watch();
  }

  function bye({ reason }) {
    if (reason === "rights" || reason === "session") return reload();
    again();
  }

  // Something was missed.
  function resync() {
    etag = "";
    again();
  }

  // ---- without a stream: the same state, asked for

  function startPolling() {
    if (polling || asleep()) return;
    answered = true;
    poll();
  }

  // What is asked for at this moment will be older than what the stream says.
  function stopPolling() {
    polling?.abort();
    polling = null;
  }

  async function poll() {
    const mine = (polling = new AbortController());
    const late = setTimeout(() => mine.abort(), PATIENCE);
    const came = await ask(mine.signal).catch(() => false);
    clearTimeout(late);
    if (mine !== polling) return;
    const good = came && !frozen;
    if (good && !answered) {
      failures = 0;
      open(); // the server is back: do not wait for the next turn
    }
    answered = good;
    setTimeout(() => mine === polling && poll(), POLL * (came ? 0.8 + 0.4 * Math.random() : 1 + 5 * Math.random()));
  }

  async function ask(signal) {
    const asked = clock();
    const known = etag && performance.now() - wholeAt < WHOLE;
    const answer = await fetch(first.urls.state, {
      headers: known ? { "If-None-Match": /^(W\/)?"/.test(etag) ? etag : `"${etag}"` } : {},
      cache: "no-store",
      signal,
    });
    if (![200, 304, 500, 503].includes(answer.status)) return false;
    const said = answer.status === 200 ? await answer.json() : null;
    if (said && (said.build !== first.build || !first.state)) return reload();
    if (said) takeWhole(said, answer.headers.get("ETag") ?? "");
    heard = performance.now();
    frozen = { 500: "failed", 503: "down" }[answer.status] ?? null;
    if (!frozen) asOf = asked;
    watch();
    return true;
  }

  function takeWhole(said, tag) {
    if (!isOlder(said)) {
      adopt(said);
      etag = tag;
      madeAt = Date.parse(said.at);
    }
    wholeAt = performance.now();
    setClock(said.now);
    workerAt = said.worker_at;
    room = said.room;
  }

  // ---- is it still true?

  const asleep = () => document.visibilityState === "hidden" && !first?.wall;

  function watch() {
    if (!first) return;
    const now = performance.now();
    if (stream && now - Math.max(told, opened) > SILENCE) again(true);
    const silent = now - heard > SILENCE && now - shown > GRACE;
    const mode = asleep() ? "hidden" : silent ? "silent" : (frozen ?? (polling ? "polling" : "live"));
    const dim = mode === "silent" || frozen;
    if (root.dataset.live !== mode) root.dataset.live = mode;
    root.toggleAttribute("data-dim", Boolean(dim) && mode !== "hidden");
    cityops.trouble.say({ mode, asOf, workerAt, room, title: first.title });
  }

  function setSimulated(simulated) {
    ctx.simulated = simulated;
    root.toggleAttribute("data-simulated", simulated);
  }

  // Never into a dead server, never in a circle, never all at once.
  function reload() {
    close();
    stopPolling();
    clearTimeout(retry);
    const last = Number(sessionStorage.getItem("cityops.reloaded") ?? 0);
    const wait = Math.max(0, last + 30000 - Date.now()) + Math.random() * (first.wall ? 5000 : 2000);
    retry = setTimeout(async () => {
      const ready = await fetch("/readyz", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) }).then(({ ok }) => ok, () => false);
      if (!ready) return (retry = setTimeout(reload, 2000));
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
    offsets = [];
    setClock(data.now);
    etag = data.etag;
    seq = data.seq;
    frozen = data.frozen;
    heard = performance.now();
    wholeAt = heard;
    asOf = madeAt = data.at ? Date.parse(data.at) : 0;
    workerAt = data.worker_at;
    room = data.room;
    failures = 0;
    setSimulated(data.simulated);
    cityops.frame?.mount(data);
    cityops.adopt({ ...data.state, "frame.now": true });
    open();
    watch();
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
  addEventListener("online", () => first && again());
  setInterval(watch, 500);

  cityops.live = { mount, get first() { return first; }, get asOf() { return asOf; } };
  (window.dash_clientside ??= {}).cityops = {
    mount: (data) => {
      mount(data);
      return "";
    },
  };
})((window.cityops ??= {}));
