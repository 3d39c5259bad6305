// How does a figure without colours look in this skin, and how is it taken away?
((cityops) => {
  const { ctx } = cityops;
  const zoomed = new Map(); // id -> {axis: range}: what a person chose to see

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const idOf = (key) => key.replace(/\./g, "-");
  const plotOf = (id) => document.getElementById(id)?.querySelector(".js-plotly-plot");

  // "$ink" anywhere in a figure is the variable --ink of the skin.
  function painted(value) {
    if (typeof value === "string") return value.startsWith("$") ? css(value.slice(1)) : value;
    if (Array.isArray(value)) return typeof value[0] === "number" ? value : value.map(painted);
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, painted(one)]));
    return value;
  }

  function stops() {
    return [
      { dtickrange: [null, 60000], value: "%H:%M:%S" },
      { dtickrange: [60000, 86399999], value: "%H:%M" },
      { dtickrange: [86400000, "M1"], value: "%m-%d" },
      { dtickrange: ["M1", null], value: "%Y-%m" },
    ];
  }

  function axis(given, isTime) {
    const base = {
      gridcolor: css("line"), linecolor: css("line"), zeroline: false, ticks: "", automargin: true, fixedrange: !isTime,
      tickfont: { size: size(12), color: css("muted") }, title: { font: { size: size(12), color: css("muted") } },
      showgrid: !isTime, tickformatstops: isTime ? stops() : undefined,
    };
    const range = given?.range ? { autorange: false } : { autorange: true };
    return { ...base, ...range, ...given, title: { ...base.title, ...(typeof given?.title === "string" ? { text: given.title } : given?.title) } };
  }

  // Walls scale everything by the height of the screen, plotly counts in pixels.
  const size = (px) => (document.documentElement.hasAttribute("data-wall") ? Math.round((px * 1.75 * innerHeight) / 1080) : px);

  function skinned(figure) {
    const layout = painted(figure.layout ?? {});
    const axes = Object.fromEntries(
      Object.keys({ xaxis: 1, yaxis: 1, ...layout }).filter((key) => /^[xy]axis\d*$/.test(key)).map((key) => [key, axis(layout[key], key[0] === "x")]),
    );
    return {
      data: painted(figure.data ?? []),
      layout: {
        paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, dragmode: "zoom", hovermode: "x unified",
        margin: { l: 8, r: 8, t: 8, b: 8 }, separators: ".,", autosize: true, transition: { duration: 0 },
        colorway: [css("ink"), css("muted"), css("text")], ...layout, ...axes,
        font: { family: css("font"), size: size(12), color: css("text"), ...layout.font },
        hoverlabel: { bgcolor: css("raised"), bordercolor: css("line"), font: { color: css("text"), size: size(12) }, ...layout.hoverlabel },
      },
    };
  }

  // dcc.Graph forgets a zoom at the next figure, so it is put into every figure until a double click.
  function keepZoom(id, figure) {
    for (const [axis, range] of Object.entries(zoomed.get(id) ?? {})) {
      if (figure.layout[axis]) Object.assign(figure.layout[axis], { range: [...range], autorange: false });
    }
    return figure;
  }

  function watch(key, tries = 40) {
    const id = idOf(key);
    const plot = plotOf(id);
    if (!plot?.on) return tries && setTimeout(watch, 250, key, tries - 1);
    if (plot.cityops) return;
    plot.cityops = true;
    // A drag or the wheel names both ends; what plotly does by itself at a double click does not count.
    plot.on("plotly_relayout", (change) => {
      for (const name of Object.keys(change)) {
        const axis = name.match(/^([xy]axis\d*)\.range\[0\]$/)?.[1];
        if (axis) zoomed.set(id, { ...zoomed.get(id), [axis]: [change[name], change[`${axis}.range[1]`]] });
      }
    });
    plot.on("plotly_doubleclick", () => {
      zoomed.delete(id);
      setTimeout(paint, 50, key, cityops.model[key]);
    });
    // A figure that comes while the window changes its size is counted at the new size and drawn at the old one.
    plot.on("plotly_react", () => {
      const drawn = plot.querySelector(".main-svg");
      const off = Math.max(Math.abs(drawn.clientWidth - plot.clientWidth), Math.abs(drawn.clientHeight - plot.clientHeight));
      if (off > 1) window.Plotly.redraw(plot);
    });
  }

  function paint(key, figure) {
    const id = idOf(key);
    if (!document.getElementById(id)) return;
    window.dash_clientside.set_props(id, { figure: keepZoom(id, skinned(figure ?? { data: [], layout: {} })) });
    watch(key);
  }

  // ---- taking a picture away: place, time and 模拟数据 stand in it

  async function exported(key, format) {
    const plot = plotOf(idOf(key));
    const figure = { data: plot.data, layout: structuredClone(plot.layout) };
    const { title = "", from = null, to = null } = figure.layout.meta ?? {};
    const place = ctx.name(ctx.place?.name);
    const window_ = from && to ? `${ctx.format("datetime", from)} – ${ctx.format("datetime", to)}` : "";
    const foot = [place, ctx.word("live.as_of", { t: ctx.format("datetime", cityops.live.asOf) }), ctx.simulated && ctx.word("word.simulated")];
    Object.assign(figure.layout, {
      paper_bgcolor: css("bg"), plot_bgcolor: css("bg"), autosize: false,
      title: { text: [place, title, window_].filter(Boolean).join(" · "), x: 0.01, xanchor: "left", font: { size: 16, color: css("text") } },
      margin: { l: 16, r: 16, t: 56, b: 48 },
      annotations: [
        ...(figure.layout.annotations ?? []),
        { text: foot.filter(Boolean).join(" · "), xref: "paper", yref: "paper", x: 0, y: 0, xanchor: "left", yanchor: "top", yshift: -28, showarrow: false, font: { size: 12, color: css("muted") } },
      ],
    });
    const url = await window.Plotly.toImage(figure, { format, width: 1200, height: 640, scale: format === "png" ? 2 : 1 });
    const stamp = ctx.format("datetime", ctx.now()).replace(/[^0-9]/g, "");
    cityops.h("a", { href: url, download: `${ctx.page}-${ctx.place?.code ?? ""}-${stamp}.${format}` }).click();
    return url;
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-export]");
    if (button) exported(button.dataset.chart, button.dataset.export).catch((error) => console.error("export", error));
  });

  (window.PlotlyLocales ??= []).push({
    moduleType: "locale",
    name: "zh-CN",
    dictionary: {
      Autoscale: "自动缩放", "Box Select": "框选", "Click to enter Colorscale title": "点击输入色阶标题",
      "Click to enter Plot title": "点击输入标题", "Click to enter X axis title": "点击输入横轴标题",
      "Click to enter Y axis title": "点击输入纵轴标题", "Compare data on hover": "悬停比较", "Double-click on legend to isolate one trace": "双击图例只看一条",
      "Double-click to zoom back out": "双击还原", "Download plot as a PNG": "保存为 PNG", "Lasso Select": "套索选择", Pan: "平移",
      Reset: "重置", "Reset axes": "重置坐标轴", "Show closest data on hover": "悬停显示最近点", Zoom: "缩放", "Zoom in": "放大", "Zoom out": "缩小",
    },
    format: {
      days: ["星期日", "星期一", "星期二", "星期三", "星期四", "星期五", "星期六"],
      shortDays: ["周日", "周一", "周二", "周三", "周四", "周五", "周六"],
      months: ["一月", "二月", "三月", "四月", "五月", "六月", "七月", "八月", "九月", "十月", "十一月", "十二月"],
      shortMonths: ["1月", "2月", "3月", "4月", "5月", "6月", "7月", "8月", "9月", "10月", "11月", "12月"],
      date: "%Y-%m-%d",
    },
  });

  cityops.chart = { paint, exported, skinned };
})((window.cityops ??= {}));
