"use strict";
(() => {
  const read = id => JSON.parse(document.getElementById(id).textContent);
  const charts = read("charts");
  const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const short = v => v === null || v === undefined ? "–" : Math.abs(v) >= 1000 ? Math.round(v).toLocaleString("en-US") : String(+v.toPrecision(4));
  const nines = v => v <= 0 ? "0 %" : String(+(100 * (1 - Math.pow(10, -v))).toFixed(v <= 2 ? 0 : Math.round(v) - 2)) + " %";
  const drawn = new Map();

  // Faults as bands behind the lines.
  const bands = faults => ({ hooks: { drawClear: u => {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.fillStyle = css("--fault");
    for (const [from, to] of faults) {
      const a = u.valToPos(from, "x", true), b = u.valToPos(to, "x", true);
      ctx.fillRect(a, bbox.top, Math.max(b - a, 2 * devicePixelRatio), bbox.height);
    }
    ctx.restore();
  } } });

  const options = (spec, width) => {
    const time = spec.x === "time";
    const axis = (side, label, values) => ({
      label, labelSize: 20, size: side === "x" ? 36 : 58, stroke: () => css("--soft"), values,
      labelFont: "12px system-ui", font: "12px system-ui", grid: { stroke: () => css("--grid"), width: 1 }, ticks: { stroke: () => css("--line"), width: 1 },
    });
    const log = spec.log ? { distr: 3 } : { range: (u, lo, hi) => [Math.min(0, lo ?? 0), spec.top ?? ((hi ?? 0) * 1.06 || 1)] };
    return {
      width, height: 230, plugins: spec.faults ? [bands(spec.faults)] : [],
      cursor: { drag: { x: true, y: false }, sync: time ? { key: spec.sync } : undefined },
      scales: { x: { time: false }, y: log },
      axes: [
        axis("x", time ? "time, s" : "share of operations", time ? undefined : (u, ticks) => ticks.map(v => Number.isInteger(v) ? nines(v) : "")),
        axis("y", spec.unit, (u, ticks) => ticks.map(v => v === null ? "" : short(v))),
      ],
      series: [{ label: time ? "s" : "of all", value: (u, v) => v === null ? "–" : time ? v + " s" : nines(v) }].concat(spec.lines.map(line => ({
        label: line.name, stroke: () => css("--c" + line.color % 8), width: 2, dash: line.dash ? [6, 4] : undefined,
        points: { show: false }, spanGaps: !time, value: (u, v) => short(v), fill: line.fill ? () => css("--c" + line.color % 8) + "22" : undefined,
      }))),
    };
  };

  const draw = box => {
    const spec = charts[+box.dataset.chart], width = box.clientWidth;
    if (drawn.has(box) || width === 0) return;
    const plot = new uPlot(options(spec, width), [spec.at].concat(spec.lines.map(line => line.values)), box);
    drawn.set(box, plot);
    new ResizeObserver(() => {
      if (box.clientWidth > 0 && box.clientWidth !== plot.width) plot.setSize({ width: box.clientWidth, height: 230 });
    }).observe(box);
    const whole = [spec.at[0], spec.at[spec.at.length - 1]];
    box.addEventListener("keydown", event => {
      const { min, max } = plot.scales.x, span = max - min;
      const to = {
        "+": [min + span / 4, max - span / 4], "=": [min + span / 4, max - span / 4], "-": [min - span / 2, max + span / 2],
        ArrowLeft: [min - span / 5, max - span / 5], ArrowRight: [min + span / 5, max + span / 5], 0: whole, Escape: whole,
      }[event.key];
      if (!to) return;
      event.preventDefault();
      plot.setScale("x", { min: Math.max(to[0], whole[0]), max: Math.min(to[1], whole[1]) });
    });
  };
  const drawAll = root => root.querySelectorAll(".chart").forEach(draw);

  document.querySelectorAll("[role=tablist]").forEach(list => {
    const tabs = [...list.querySelectorAll("[role=tab]")];
    const choose = (tab, focus) => {
      for (const other of tabs) {
        const is = other === tab, panel = document.getElementById(other.getAttribute("aria-controls"));
        other.setAttribute("aria-selected", is);
        other.tabIndex = is ? 0 : -1;
        panel.hidden = !is;
        if (is) drawAll(panel);
      }
      if (focus) tab.focus();
    };
    tabs.forEach((tab, at) => {
      tab.addEventListener("click", () => choose(tab, false));
      tab.addEventListener("keydown", event => {
        const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
        if (to === undefined) return;
        event.preventDefault();
        choose(tabs[(to + tabs.length) % tabs.length], true);
      });
    });
  });

  drawAll(document);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.forEach(plot => plot.redraw(false)));
  addEventListener("beforeprint", () => {
    document.querySelectorAll("[role=tabpanel]").forEach(panel => { panel.dataset.hidden = panel.hidden; panel.hidden = false; });
    drawAll(document);
  });
  addEventListener("afterprint", () => document.querySelectorAll("[role=tabpanel]").forEach(panel => { panel.hidden = panel.dataset.hidden === "true"; }));
  document.documentElement.dataset.ready = drawn.size;
})();
