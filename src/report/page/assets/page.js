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

  // Nodes as lanes: who is in office, which messages fly, what is said.
  const dash = [[], [6, 3], [2, 3], [8, 3, 2, 3]];
  const flights = (spec, box) => {
    const at = micros => spec.at[0] + micros / 1e6;
    let near = null;
    const line = (u, [from, to, sent, arrives]) => {
      const x = v => u.valToPos(v, "x", true), y = v => u.valToPos(v, "y", true);
      // What is lost ends on its way.
      return arrives === null ? [x(at(sent)), y(from), x(at(sent)) + 26 * devicePixelRatio, y(from) + (y(to) - y(from)) * .45]
        : [x(at(sent)), y(from), x(at(arrives)), y(to)];
    };
    const drawLine = (ctx, [x0, y0, x1, y1]) => { ctx.beginPath(); ctx.moveTo(x0, y0); ctx.lineTo(x1, y1); ctx.stroke(); };
    const told = ([from, to, sent, arrives, kind]) => {
      const name = lane => spec.lanes[lane][0], s = v => at(v).toFixed(6) + " s";
      return `${spec.kinds[kind]} from ${name(from)} to ${name(to)}, sent at ${s(sent)}, ` + (arrives === null ? "lost" : `arrives at ${s(arrives)}`);
    };
    return { hooks: {
      draw: u => {
        const { ctx, bbox } = u, px = devicePixelRatio;
        ctx.save();
        ctx.beginPath();
        ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
        ctx.clip();
        spec.lanes.forEach(([, region], lane) => {
          const y = u.valToPos(lane, "y", true);
          ctx.strokeStyle = css("--faint"); ctx.lineWidth = px; ctx.setLineDash([]);
          drawLine(ctx, [bbox.left, y, bbox.left + bbox.width, y]);
          for (const [of, from, to, writes] of spec.reigns.filter(reign => reign[0] === lane)) {
            const x = u.valToPos(from, "x", true), high = (writes ? 8 : 14) * px;
            ctx.globalAlpha = writes ? 1 : .3;
            ctx.fillStyle = css("--c" + region % 8);
            ctx.fillRect(x, y - high / 2, u.valToPos(to, "x", true) - x, high);
          }
          ctx.globalAlpha = 1;
        });
        const few = spec.flights.length < 250;
        for (const flight of spec.flights) {
          const lost = flight[3] === null, color = spec.lanes[flight[0]][1] % 8;
          ctx.strokeStyle = css(lost ? "--bad" : "--c" + color); ctx.lineWidth = px * (few ? 1.25 : 1); ctx.globalAlpha = few || lost ? .85 : .5;
          ctx.setLineDash((lost ? [3, 3] : dash[flight[4] % 4]).map(v => v * px));
          drawLine(ctx, line(u, flight));
        }
        ctx.setLineDash([]); ctx.globalAlpha = 1;
        if (near) { ctx.strokeStyle = css("--ink"); ctx.lineWidth = 2.5 * px; drawLine(ctx, line(u, near)); }
        const x = u.valToPos(spec.moment, "x", true);
        ctx.strokeStyle = css("--accent"); ctx.lineWidth = px; ctx.setLineDash([5 * px, 4 * px]);
        drawLine(ctx, [x, bbox.top, x, bbox.top + bbox.height]);
        ctx.setLineDash([]);
        for (const [lane, when] of spec.marks) {
          const y = u.valToPos(lane, "y", true), mx = u.valToPos(at(when), "x", true);
          ctx.fillStyle = css("--ink"); ctx.beginPath(); ctx.moveTo(mx - 5 * px, y - 14 * px); ctx.lineTo(mx + 5 * px, y - 14 * px); ctx.lineTo(mx, y - 5 * px); ctx.fill();
        }
        ctx.restore();
      },
      setCursor: u => {
        const { left, top } = u.cursor, said = box.parentElement.querySelector(".said");
        if (left === undefined || left < 0) return;
        const px = devicePixelRatio, mx = left * px + u.bbox.left, my = top * px + u.bbox.top;
        let best = 9 * px, found = null, words = null;
        for (const flight of spec.flights) {
          const [x0, y0, x1, y1] = line(u, flight), dx = x1 - x0, dy = y1 - y0;
          const t = Math.max(0, Math.min(1, ((mx - x0) * dx + (my - y0) * dy) / (dx * dx + dy * dy || 1)));
          const far = Math.hypot(mx - x0 - t * dx, my - y0 - t * dy);
          if (far < best) { best = far; found = flight; words = told(flight); }
        }
        for (const [lane, when, text] of spec.marks) {
          const far = Math.hypot(mx - u.valToPos(at(when), "x", true), my - u.valToPos(lane, "y", true) + 10 * px);
          if (far < 10 * px && far < best + 4 * px) { best = far; found = null; words = `${spec.lanes[lane][0]} ${text}, at ${at(when).toFixed(6)} s`; }
        }
        if (said && words) said.textContent = words;
        if (found !== near) { near = found; u.redraw(false); }
      },
    } };
  };
  const lanes = (spec, width, box) => {
    const count = spec.lanes.length, names = spec.lanes.map(([name]) => name);
    const short = width < 500 ? names.map(name => name.length > 12 ? name.slice(0, 11) + "…" : name) : names;
    const size = 14 + 6.6 * Math.max(...short.map(name => name.length));
    const axis = { stroke: () => css("--soft"), font: "12px system-ui", ticks: { show: false } };
    return {
      width, height: heightOf(spec), plugins: [bands(spec.faults), flights(spec, box)], legend: { show: false },
      cursor: { drag: { x: true, y: false }, points: { show: false }, y: false },
      scales: { x: { time: false }, y: { range: () => [-.6, count - .4], dir: -1 } },
      axes: [
        { ...axis, label: "time, s", labelSize: 20, labelFont: "12px system-ui", size: 36, grid: { stroke: () => css("--grid"), width: 1 } },
        { ...axis, size, splits: () => names.map((_, lane) => lane), values: () => short, grid: { show: false } },
      ],
      series: [{}, { show: true, stroke: "transparent", points: { show: false } }],
    };
  };
  const heightOf = spec => spec.kind === "lanes" ? Math.min(620, 70 + spec.lanes.length * 58) : 230;

  const options = (spec, width, box) => {
    if (spec.kind === "lanes") return lanes(spec, width, box);
    const time = spec.x === "time";
    const axis = (side, label, values) => ({
      label, labelSize: 20, size: side === "x" ? 36 : (u, ticks) => 20 + 7 * Math.max(4, ...(ticks || []).map(tick => String(tick ?? "").length)), stroke: () => css("--soft"), values,
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
    const values = spec.kind === "lanes" ? [[null, null]] : spec.lines.map(line => line.values);
    const plot = new uPlot(options(spec, width, box), [spec.at].concat(values), box);
    drawn.set(box, plot);
    const show = () => { if (spec.x === "time") box.dataset.shown = plot.scales.x.min + ".." + plot.scales.x.max; };
    plot.hooks.setScale = (plot.hooks.setScale || []).concat(show);
    new ResizeObserver(() => {
      if (box.clientWidth > 0 && box.clientWidth !== plot.width) plot.setSize({ width: box.clientWidth, height: heightOf(spec) });
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
