// What is wrong with what a browser draws, and with what a keyboard reaches?
({
  // Words that lie upon each other, are cut, or run out of the page. Words in different layers (a bar that stays
  // while the page scrolls) do not meet; what is scrolled away is not looked at; three dots are honest where the
  // whole is one hover or focus away.
  words() {
    const found = new Set();
    const words = [];
    const kept = new Map();
    const styleOf = (one) => kept.get(one) ?? kept.set(one, getComputedStyle(one)).get(one);
    const ups = (one) => (one ? [one, ...ups(one.parentElement)] : []);
    const told = (one) => ups(one).slice(0, 4).some((up) => up.title || up.getAttribute("aria-label"));
    const layerOf = (one) => ups(one).find((up) => /fixed|sticky/.test(styleOf(up).position)) ?? document.body;
    const seen = (one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true });

    // What the boxes around let be seen of a word; null when it is scrolled or put away.
    const inSight = (element, box, text) => {
      let { left, right, top, bottom } = box;
      for (const up of ups(element)) {
        const { overflowX, overflowY, position, textOverflow } = styleOf(up);
        if (up !== document.body && up !== document.documentElement && overflowX !== "visible" && styleOf(up).display !== "inline") {
          const clip = up.getBoundingClientRect();
          if (left >= clip.right - 2 || right <= clip.left + 2 || top >= clip.bottom - 2 || bottom <= clip.top + 2) return null;
          const scrolls = (one) => one === "auto" || one === "scroll";
          const narrow = !scrolls(overflowX) && (right > clip.right + 1.5 || left < clip.left - 1.5);
          const low = !scrolls(overflowY) && (bottom > clip.bottom + 1.5 || top < clip.top - 1.5);
          if ((narrow && !(textOverflow === "ellipsis" && told(up))) || low) found.add(`cut: ${text}`);
          [left, right] = [Math.max(left, clip.left), Math.min(right, clip.right)];
          [top, bottom] = [Math.max(top, clip.top), Math.min(bottom, clip.bottom)];
        }
        if (position === "fixed") break;
      }
      return { left, right, top, bottom };
    };

    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement;
      const text = node.data.trim();
      if (!text || element.closest(".unseen, .skip, script, style, select") || !seen(element)) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      for (const { left, right, top, bottom, width, height } of range.getClientRects()) {
        if (width < 1) continue;
        const ink = { left: left + 1, right: right - 1, top: top + height * 0.25, bottom: bottom - height * 0.22 };
        const box = inSight(element, ink, text);
        if (!box) continue;
        words.push({ node, text, box, layer: layerOf(element) });
        const end = document.documentElement.clientWidth;
        if (box.right > end + 2 || box.left < -2) found.add(`beyond: ${text}`);
      }
    }
    words.forEach(({ node, text, box: a, layer }, at) => {
      for (const other of words.slice(at + 1)) {
        const b = other.box;
        if (other.node === node || other.layer !== layer) continue;
        if (a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom) found.add(`upon: ${text} | ${other.text}`);
      }
    });
    if (document.documentElement.scrollWidth > innerWidth + 1) found.add("the page runs out sideways");
    return [...found];
  },

  // Text under 26 canvas px (a 汉字 in a shape under 20), or beyond the region of the wall that it belongs to.
  hall() {
    const wall = document.querySelector(".w");
    const unit = innerHeight / 1080;
    const found = new Set();
    const inSight = (element, box) => {
      for (let up = element; up && up !== wall; up = up.parentElement) {
        if (getComputedStyle(up).overflowX !== "hidden") continue;
        const clip = up.getBoundingClientRect();
        const beside = box.left >= clip.right - 1 || box.right <= clip.left + 1;
        if (beside || box.top >= clip.bottom - 4 || box.bottom <= clip.top + 4) return false;
      }
      return true;
    };
    const walker = document.createTreeWalker(wall, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement;
      if (!node.data.trim() || !element.checkVisibility() || element.closest(".unseen")) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const boxes = [...range.getClientRects()].filter((box) => box.width > 0 && inSight(element, box));
      if (!boxes.length) continue;
      const scale = element instanceof SVGElement ? element.getScreenCTM().a : 1;
      const size = (parseFloat(getComputedStyle(element).fontSize) * scale) / unit;
      if (size < (element.closest(".w-g") ? 20 : 26) - 0.1) found.add(`small: ${node.data}`);
      const frame = element.closest(".w-region, .w-head, .w-tick, .w-band, .notice").getBoundingClientRect();
      for (const { left, right, top, bottom, height } of boxes) {
        const beside = right - 1 > frame.right + 2 || left + 1 < frame.left - 2;
        const outside = beside || bottom - height * 0.22 > frame.bottom + 1 || top + height * 0.25 < frame.top - 1;
        if (outside) found.add(`beyond its region: ${node.data}`);
      }
    }
    return [...found];
  },

  // Every colour of the encoding and its tints, as the browser computes them, of everything that is drawn.
  coloured() {
    const probe = document.querySelector("main").appendChild(document.createElement("i"));
    const seen = (name) => { probe.style.color = `var(${name})`; return getComputedStyle(probe).color; };
    const hues = ["red", "orange", "yellow", "blue"].flatMap((one) => [`--${one}`, `--t-${one}`, `--wash-${one}`]);
    const tints = ["--w-alarm", "--w-alarm-line", "--w-warning", "--w-warning-line"];
    const known = (name) => getComputedStyle(probe).getPropertyValue(name);
    const banned = new Set([...hues, ...tints].filter(known).map(seen));
    probe.remove();
    const painted = ({ color, backgroundColor, borderTopColor, fill, stroke }) =>
      [color, backgroundColor, borderTopColor, fill, stroke].some((one) => banned.has(one));
    return [...document.querySelectorAll("body *")]
      .filter((one) => one.checkVisibility() && one.getClientRects().length && painted(getComputedStyle(one)))
      .map((one) => one.outerHTML.slice(0, 160));
  },

  // A 汉字 in a word that is drawn, or said to who cannot see; what names its own language may keep it.
  hanzi() {
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const other = (one) => one.closest("[lang]")?.lang.startsWith("zh") || one.closest("script, style, svg.w-g");
    for (let node = walker.nextNode(); node; node = walker.nextNode())
      if (/\p{Script=Han}/u.test(node.data) && node.parentElement.checkVisibility() && !other(node.parentElement)) found.push(node.data.trim());
    for (const one of document.querySelectorAll("[aria-label], [title], [placeholder], [alt]"))
      for (const name of ["aria-label", "title", "placeholder", "alt"])
        if (/\p{Script=Han}/u.test(one.getAttribute(name) ?? "") && !other(one)) found.push(`${name}: ${one.getAttribute(name)}`);
    return [document.title, ...found].filter((said) => /\p{Script=Han}/u.test(said));
  },

  // Everything that can be acted upon is remembered with its looks, and then what the keyboard comes by.
  listen() {
    const ACTS = "a[href], button, input, select, textarea, summary, [role=button], [role=link], [tabindex], [onclick]";
    const looks = (one) => {
      const parts = ({ outlineStyle, outlineWidth, outlineColor, boxShadow, stroke, strokeWidth, borderColor, backgroundColor, textDecorationLine, content }) =>
        [outlineStyle === "none" ? "" : [outlineWidth, outlineColor], boxShadow, stroke, strokeWidth, borderColor, backgroundColor, textDecorationLine, content].join();
      return parts(getComputedStyle(one)) + parts(getComputedStyle(one, "::after"));
    };
    const drawn = (one) => one.checkVisibility({ visibilityProperty: true }) && one.getClientRects().length > 0 && !one.closest("[aria-hidden=true], [inert]") && one.role !== "presentation";
    const acts = [...document.querySelectorAll(ACTS)].filter((one) => drawn(one) && !one.disabled && one.tagName !== "MAIN");
    const before = new Map(acts.map((one) => [one, looks(one)]));
    const heard = { acts, reached: new Set(), plain: new Set(), first: null, steps: 0 };
    document.addEventListener("focusin", ({ target }) => {
      heard.reached.add(target);
      const same = before.has(target) ? before.get(target) === looks(target) : false;
      if (same && !/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) heard.plain.add(target);
    });
    window.heard = heard;
    document.activeElement?.blur();
    return acts.length;
  },

  // What nobody reached by Tab (of a group that arrows walk, one is enough), what shows no focus, what only a
  // mouse can do, what has no name.
  unreached() {
    const { acts, reached, plain } = window.heard;
    const say = (why) => (one) => `${why}: ${one.outerHTML.slice(0, 140)}`;
    const GROUP = "[role=grid], [role=treegrid], [role=listbox], [role=tablist], [role=menu], [role=radiogroup]";
    const groups = new Set([...reached].map((one) => one.closest(GROUP)).filter(Boolean));
    const radios = new Set([...reached].filter(({ type }) => type === "radio").map(({ name }) => name));
    const byArrows = (one) => groups.has(one.closest(GROUP)) || (one.type === "radio" && radios.has(one.name));
    const still = (one) => one.isConnected && one.checkVisibility();
    const lost = acts.filter((one) => still(one) && !reached.has(one) && !byArrows(one) && !(one.tabIndex < 0 && one.matches("div, section, main, span") && !one.onclick));
    const pointer = (one) => getComputedStyle(one).cursor === "pointer";
    const FOCUS = "a[href], button, input, select, textarea, summary, label, [tabindex]";
    const mouse = [...document.querySelectorAll("main *")].filter((one) => still(one) && pointer(one) && !pointer(one.parentElement))
      .filter((one) => !one.closest(FOCUS) && !one.querySelector(FOCUS) && !one.closest(GROUP));
    const named = (one) => [one.textContent, one.getAttribute("aria-label"), one.title, one.placeholder, one.alt, ...[...(one.labels ?? [])].map((label) => label.textContent)]
      .some((text) => text?.trim()) || document.getElementById(one.getAttribute("aria-labelledby"))?.textContent.trim();
    const nameless = acts.filter((one) => still(one) && !named(one) && one.tabIndex >= 0);
    return [...lost.map(say("not reached")), ...[...plain].filter(still).map(say("no focus seen")), ...mouse.map(say("mouse only")), ...nameless.map(say("no name"))];
  },

  // Has the walk come back to where it began?
  round: () => (heard.first ??= document.activeElement) === document.activeElement && heard.steps++ > 0,
})
