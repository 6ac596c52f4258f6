/**
 * The shared stylesheet of dashboard, reports and login page, as text: reports embed it, the dashboard build writes it to a file. It
 * loads nothing from elsewhere.
 */
const dark = `
  color-scheme: dark;
  --dark: 1;
  --paper: #141518;
  --card: #1b1d21;
  --sunk: #23252a;
  --ink: #ece8e0;
  --soft: #aba498;
  --line: #30333a;
  --band: #454850;
  --edge: #777268;
  --seal: #f08480;
  --seal-deep: #b7282e;
  --seal-wash: #3a2023;
  --ochre: #e3b968;
  --ochre-wash: #352b19;
  --indigo: #6fa3cf;
  --pine: #85c9a3;
  --pine-wash: #1c3127;
  --mark: #6b2428;
  --mark-edge: #f08480;
  --shadow: none;
`.trim();

export const looks = `
/* Paper, ink and a seal. Light and dark: as the system, or as chosen. */
:root {
  color-scheme: light;
  --dark: 0;
  --paper: #f6f2ea;
  --card: #fffdf9;
  --sunk: #f1ece2;
  --ink: #211f1b;
  --soft: #645d52;
  --line: #e1d9ca;
  --band: #d8cdb8;
  --edge: #8d8577;
  --seal: #a5242a;
  --seal-deep: #a5242a;
  --seal-wash: #f7e4e1;
  --ochre: #7d5608;
  --ochre-wash: #f6ebd3;
  --indigo: #27577f;
  --pine: #28664a;
  --pine-wash: #e2efe6;
  --mark: #ffd9d2;
  --mark-edge: #a5242a;
  --shadow: 0 1px 2px rgb(60 45 20 / 6%);
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, "Hiragino Sans", "Yu Gothic UI", Meiryo, "Noto Sans CJK JP", sans-serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}

:root[data-theme="dark"] {
${dark}
}

@media (prefers-color-scheme: dark) {
  :root:not([data-theme="light"]) {
${dark}
  }
}

* { box-sizing: border-box; }

body {
  margin: 0;
  background: var(--paper);
  color: var(--ink);
  font: 15px / 1.5 var(--sans);
  font-variant-numeric: tabular-nums;
}

h1,
h2 {
  margin: 0 0 12px;
  font-size: 17px;
  line-height: 1.3;
}
h1 { font-size: 21px; }
/* Japanese headings break between phrases, in browsers that support it. */
:lang(ja) :is(h1, h2) { word-break: auto-phrase; }
p { margin: 0 0 10px; }
/* Senders can send words of any length. */
h1, h2, p, dd, li { overflow-wrap: anywhere; }
a {
  color: inherit;
  text-decoration-color: var(--edge);
  text-underline-offset: 3px;
}
a:hover { color: var(--seal); text-decoration-color: currentcolor; }
code, pre { font-family: var(--mono); font-size: 0.92em; }
small { color: var(--soft); font-size: 13px; }
:focus-visible {
  outline: 3px solid var(--seal);
  outline-offset: 2px;
  border-radius: 4px;
}
.hidden {
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}

/* Header bar. */
.top {
  display: flex;
  align-items: center;
  gap: 12px 28px;
  flex-wrap: wrap;
  padding: 10px clamp(14px, 3vw, 32px) 0;
  background: var(--card);
  border-top: 4px solid var(--seal-deep);
  border-bottom: 1px solid var(--line);
}
.brand {
  display: flex;
  align-items: center;
  gap: 10px;
  padding-bottom: 10px;
  text-decoration: none;
}
.mark {
  width: 30px;
  height: 30px;
}
.brand-name {
  font-weight: 700;
  font-size: 17px;
  letter-spacing: 0.01em;
}
.brand-host {
  color: var(--soft);
  font-size: 13px;
  padding-left: 10px;
  border-left: 1px solid var(--line);
}

main {
  max-width: 1240px;
  margin: 0 auto;
  padding: 18px clamp(14px, 3vw, 32px) 60px;
}
.card {
  margin-bottom: 18px;
  padding: 18px 20px;
  background: var(--card);
  border: 1px solid var(--line);
  border-radius: 8px;
  box-shadow: var(--shadow);
}
.card-head {
  display: flex;
  align-items: baseline;
  justify-content: space-between;
  gap: 12px;
  flex-wrap: wrap;
}
.columns {
  display: grid;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 380px), 1fr));
  gap: 0 18px;
}
.lead { color: var(--soft); }

.headline {
  max-width: 60ch;
  margin-bottom: 18px;
  font-size: 24px;
  text-wrap: pretty;
}
.figures {
  display: grid;
  grid-template-columns: repeat(auto-fit, minmax(150px, 1fr));
  gap: 1px;
  margin-bottom: 18px;
  background: var(--line);
  border: 1px solid var(--line);
  border-radius: 8px;
  overflow: hidden;
}
.figure {
  display: flex;
  flex-direction: column;
  padding: 14px 20px;
  background: var(--card);
}
.figure-value {
  font-size: 28px;
  font-weight: 650;
  line-height: 1.2;
}
.figure.strong .figure-value { color: var(--seal); }
.figure-name { color: var(--soft); font-size: 13px; }

.figure-name small { display: block; }
.legend {
  display: flex;
  flex-wrap: wrap;
  gap: 4px 20px;
  margin: 0;
  padding: 0;
  list-style: none;
  font-size: 14px;
}
.legend i {
  display: inline-block;
  width: 11px;
  height: 11px;
  margin-right: 7px;
  border-radius: 2px;
}
.legend .legend-count { margin-left: 7px; color: var(--soft); }

.bars {
  margin: 0;
  padding: 0;
  list-style: none;
}
.bars li {
  display: grid;
  grid-template-columns: minmax(0, 1fr) auto;
  gap: 2px 12px;
  padding: 5px 0;
}
.bar-label {
  overflow: hidden;
  text-overflow: ellipsis;
  overflow-wrap: anywhere;
}
.bar-count { color: var(--soft); }
.bar {
  display: block;
  grid-column: 1 / -1;
  height: 5px;
  background: var(--sunk);
  border-radius: 3px;
  overflow: hidden;
}
.bar i {
  display: block;
  height: 100%;
  background: var(--seal-deep);
  border-radius: 3px;
}
.fate {
  display: inline-block;
  padding: 0 8px;
  font-size: 12.5px;
  line-height: 1.6;
  border-radius: 4px;
  white-space: nowrap;
}
.fate.block { color: var(--seal); background: var(--seal-wash); }
.fate.flag { color: var(--ochre); background: var(--ochre-wash); }
.fate.allow { color: var(--pine); background: var(--pine-wash); }
.tag {
  display: inline-block;
  padding: 0 8px;
  font-size: 13px;
  line-height: 1.6;
  text-decoration: none;
  background: var(--sunk);
  border-radius: 4px;
}

.rows { width: 100%; border-collapse: collapse; }
.rows th,
.rows td {
  padding: 8px 12px 8px 0;
  text-align: left;
  vertical-align: baseline;
  border-top: 1px solid var(--line);
}
.rows thead th {
  padding-top: 0;
  color: var(--soft);
  font-size: 13px;
  font-weight: 500;
  border-top: 0;
}
.rows tbody th { font-weight: 600; overflow-wrap: break-word; }
.rows .number { text-align: right; white-space: nowrap; }
.rows .number .bar { margin-top: 3px; min-width: 70px; }
.rows .wide { overflow-wrap: anywhere; }
.rows time { white-space: nowrap; }
.rows .fate { font-weight: 400; }
.rows th .fate { margin-left: 8px; }
.whole { white-space: nowrap; }

.crumb { color: var(--soft); font-size: 14px; }
.event-summary { color: var(--soft); }
.facts {
  display: grid;
  grid-template-columns: max-content minmax(0, 1fr);
  gap: 6px 20px;
  margin: 0 0 16px;
}
.facts dt { color: var(--soft); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.bytes {
  max-height: 420px;
  margin: 0;
  padding: 14px 16px;
  overflow: auto;
  font: 13.5px / 1.65 var(--mono);
  white-space: pre-wrap;
  overflow-wrap: anywhere;
  background: var(--sunk);
  border-radius: 6px;
}
mark {
  color: inherit;
  background: var(--mark);
  box-shadow: inset 0 -2px var(--mark-edge);
}
td.actions {
  padding-right: 0;
  text-align: right;
  white-space: nowrap;
}
.actions {
  display: flex;
  flex-wrap: wrap;
  gap: 8px;
}
td.actions {
  display: table-cell;
}
td.actions > * + *:not(dialog) {
  margin-left: 8px;
}

@media (max-width: 640px) {
  .headline { font-size: 19px; margin-bottom: 12px; }
  main { padding-top: 12px; }
  .card { padding: 14px; }
  .figures { grid-template-columns: 1fr 1fr; }
  .figure:first-child { grid-column: 1 / -1; }
  .figure { padding: 10px 14px; }
  .figure-value { font-size: 23px; }
  .rows thead { position: absolute; clip-path: inset(50%); }
  /* display: table would be as wide as its longest word. */
  .rows, .rows tbody { display: block; }
  .rows tr {
    display: block;
    padding: 10px 0;
    border-top: 1px solid var(--line);
  }
  .rows th,
  .rows td,
  td.actions {
    display: flex;
    align-items: baseline;
    gap: 4px 10px;
    padding: 2px 0;
    text-align: left;
    border: 0;
    white-space: normal;
  }
  .rows tbody :is(th, td)[data-label]::before {
    content: attr(data-label);
    flex: 0 0 92px;
    color: var(--soft);
    font-size: 13px;
    font-weight: 400;
  }
  .rows th { flex-wrap: wrap; }
  .rows th .fate { margin-left: 0; }
  .rows .number { text-align: left; }
  .rows .number .bar {
    flex: 1;
    margin: 0;
    align-self: center;
  }
  .facts { grid-template-columns: 1fr; gap: 0; }
  .facts dd { margin-bottom: 8px; }
  td.actions { flex-wrap: wrap; padding-top: 8px; }
  td.actions > * + *:not(dialog) { margin-left: 0; }
}
`;
