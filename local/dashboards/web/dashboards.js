// Draws dashboards of Grafana's JSON model. What it knows of the model is what ours use: rows, panels of time series
// with their unit, whether they are stacked, and queries with the names of their series.

const POINTS = 240;
const LEAST_STEP_SECONDS = 15;
const REFRESH_SECONDS = 30;
const PICTURE_PIXELS = 190;
const NAME_PIXELS = 20;

// Grafana's names of units, as settings of plotly's axes. Shares and seconds are told by d3's formats (1%, 50ms), all
// others as plain numbers with k, M, G.
const UNITS = {
  short: {},
  percentunit: { tickformat: "~%", hoverformat: ".3~%" },
  s: { tickformat: "~s", hoverformat: ".3~s", ticksuffix: "s" },
  reqps: { ticksuffix: " req/s" },
};

const panelsElement = document.getElementById("panels");
const minutesElement = document.getElementById("minutes");
const troubleElement = document.getElementById("trouble");

const dashboards = await (await fetch("dashboards")).json();
let turn = 0;
let timer;

function chosen() {
  const asked = new URLSearchParams(location.hash.slice(1));
  return {
    dashboard: dashboards.find((one) => one.uid === asked.get("dashboard")) ?? dashboards[0],
    minutes: Number(asked.get("minutes")) || 60,
  };
}

function link(dashboard, minutes) {
  return `#${new URLSearchParams({ dashboard: dashboard.uid, minutes })}`;
}

function element(tag, text = "", attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function axis(unit) {
  const suffix = unit.startsWith("suffix:") ? { ticksuffix: unit.slice("suffix:".length) } : undefined;
  return { hoverformat: ".4~r", ...(suffix ?? UNITS[unit] ?? {}) };
}

function span(minutes) {
  const seconds = minutes * 60;
  const step = LEAST_STEP_SECONDS * Math.ceil(seconds / POINTS / LEAST_STEP_SECONDS);
  // Whole steps: between two refreshes the samples of the past stay where they were.
  const end = Math.floor(Date.now() / 1000 / step) * step;
  return { start: end - Math.ceil(seconds / step) * step, end, step };
}

async function answerOf(target, when) {
  const asked = new URLSearchParams({ query: target.expr, ...when });
  const answer = await fetch(`api/v1/query_range?${asked}`);
  // One that is starting answers in plain text.
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.error ?? `Prometheus answers with status ${answer.status}.`);
  return said.data.result.map((series) => ({ name: nameOf(target, series.metric), values: series.values }));
}

function nameOf(target, labels) {
  const name = target.legendFormat.replace(/{{\s*(\w+)\s*}}/g, (_, label) => labels[label] ?? "");
  // plotly takes texts for HTML.
  return name.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

function timesOf(found, when, stacked) {
  const seen = new Set(found.flatMap((series) => series.values.map(([time]) => time)));
  const times = [];
  for (let time = when.start; time <= when.end; time += when.step) {
    // What a stack has no sample of counts as 0, which is wrong where there is none at all.
    if (!stacked || seen.has(time)) times.push(time);
  }
  return times;
}

function trace(series, times, stacked) {
  const known = new Map(series.values.map(([time, value]) => [time, Number(value)]));
  // A missing sample is a gap, and so is a number that is none.
  const values = times.map((time) => (Number.isFinite(known.get(time)) ? known.get(time) : null));
  const lone = values.filter((value) => value !== null).length < 2;
  return {
    type: "scatter",
    name: series.name,
    x: times.map((time) => new Date(time * 1000)),
    y: values,
    mode: lone ? "markers" : "lines",
    line: { width: 1.5 },
    showlegend: true,
    ...(stacked ? { stackgroup: "all" } : {}),
  };
}

function layout(panel, when, empty) {
  const grid = { gridcolor: "#e6e8eb", zerolinecolor: "#e6e8eb", automargin: true };
  return {
    margin: { l: 10, r: 10, t: 10, b: 10 },
    font: { size: 11, family: "system-ui, DejaVu Sans, sans-serif" },
    hovermode: "x unified",
    legend: { orientation: "h", y: -0.15 },
    xaxis: {
      ...grid,
      type: "date",
      range: [new Date(when.start * 1000), new Date(when.end * 1000)],
      tickformat: "%H:%M",
      hoverformat: "%Y-%m-%d %H:%M:%S",
    },
    yaxis: {
      ...grid,
      rangemode: "tozero",
      exponentformat: "SI",
      showexponent: "all",
      ...axis(panel.fieldConfig.defaults.unit),
    },
    annotations: empty
      ? [{ text: "No data", showarrow: false, xref: "paper", yref: "paper", x: 0.5, y: 0.5, font: { size: 14 } }]
      : [],
  };
}

// What is wrong, if anything is, in a sentence.
async function draw(section, when, mine) {
  const { panel, plot } = section;
  try {
    const found = (await Promise.all(panel.targets.map((target) => answerOf(target, when)))).flat();
    if (mine !== turn) return "";
    const stacked = panel.fieldConfig.defaults.custom.stacking?.mode === "normal";
    const times = timesOf(found, when, stacked);
    const traces = found.map((series) => trace(series, times, stacked));
    const look = layout(panel, when, found.length === 0);
    // Names stand below the picture, and take none of its height.
    plot.style.height = `${PICTURE_PIXELS + NAME_PIXELS * Math.ceil(found.length / 2)}px`;
    await Plotly.react(plot, traces, look, { responsive: true, displayModeBar: false });
    section.element.dataset.state = found.length ? "drawn" : "empty";
    return "";
  } catch (error) {
    section.element.dataset.state = "failed";
    return error instanceof TypeError ? "This page's own server is gone: run `make dashboards` again." : error.message;
  }
}

function lay(dashboard) {
  panelsElement.replaceChildren();
  const sections = [];
  for (const panel of dashboard.panels) {
    if (panel.type === "row") {
      panelsElement.append(element("h2", panel.title));
      continue;
    }
    const section = element("section", "", { class: "panel", "data-title": panel.title, "data-state": "asked" });
    const plot = element("div", "", { class: "plot", role: "img", "aria-label": panel.title });
    section.append(element("h3", panel.title), element("p", panel.description ?? ""), plot);
    panelsElement.append(section);
    sections.push({ element: section, plot, panel });
  }
  return sections;
}

function show() {
  const { dashboard, minutes } = chosen();
  document.title = dashboard.title;
  minutesElement.value = minutes;
  const links = dashboards.map((one) =>
    element("a", one.title, { href: link(one, minutes), ...(one === dashboard ? { "aria-current": "page" } : {}) }),
  );
  document.getElementById("questions").replaceChildren(...links);
  const sections = lay(dashboard);
  clearTimeout(timer);
  refresh(sections, minutes);
}

async function refresh(sections, minutes) {
  const mine = ++turn;
  const when = span(minutes);
  const troubles = await Promise.all(sections.map((section) => draw(section, when, mine)));
  if (mine !== turn) return;
  // All panels have the same trouble where Prometheus is away.
  troubleElement.textContent = [...new Set(troubles)].join(" ").trim();
  troubleElement.hidden = troubleElement.textContent === "";
  document.getElementById("told").textContent =
    `as of ${new Date().toLocaleTimeString()}, every ${REFRESH_SECONDS} seconds`;
  timer = setTimeout(() => refresh(sections, minutes), REFRESH_SECONDS * 1000);
}

minutesElement.addEventListener("change", () => {
  location.hash = link(chosen().dashboard, minutesElement.value);
});
window.addEventListener("hashchange", show);
show();
