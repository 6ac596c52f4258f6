/** The page that asks for the token. It stands alone: before somebody is let in, nothing else is served. */
import { createHash } from 'node:crypto';

export interface LoginPage {
  readonly html: string;
  readonly contentPolicy: string;
}

const style = `
:root { color-scheme: light dark; --paper: #f6f3ec; --ink: #1f1d1a; --soft: #6a645a; --line: #d8d1c3; --seal: #b7282e; --field: #fffdf8; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #16171a; --ink: #e9e5dc; --soft: #9c968b; --line: #34363c; --seal: #e0565b; --field: #1e2024; }
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 24px; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { width: 100%; max-width: 340px; }
h1 { font-size: 22px; margin: 20px 0 4px; }
p { margin: 0 0 20px; color: var(--soft); }
p.wrong { color: var(--seal); font-weight: 600; }
label { display: block; font-size: 14px; margin-bottom: 6px; }
input { width: 100%; padding: 11px 12px; font: 15px ui-monospace, monospace; color: inherit; background: var(--field); border: 1px solid var(--soft);
  border-radius: 6px; }
button { width: 100%; margin-top: 14px; padding: 11px; font: 600 16px system-ui, sans-serif; color: #fff; background: #a52329; border: 0; border-radius: 6px; cursor: pointer; }
input:focus-visible, button:focus-visible { outline: 3px solid var(--seal); outline-offset: 2px; }
`;

const contentPolicy =
  `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; ` +
  "form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/** The character for gate, cut as a seal: drawn, since not every machine has a font for it. */
const mark = `<svg width="56" height="56" viewBox="0 0 24 24" aria-hidden="true"><rect width="24" height="24" rx="3" fill="#b7282e"/>
<path d="M5.5 4.5V20M5.5 4.5H10.5V11H5.5M5.5 7.7H10.5M18.5 11H13.5V4.5H18.5M13.5 7.7H18.5M18.5 4.5V19Q18.5 20 16.5 19.6" fill="none" stroke="#fff" stroke-width="1.4"/></svg>`;

/** @param failed the token given was wrong */
export const loginPage = (failed: boolean): LoginPage => ({
  contentPolicy,
  html: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sekisho</title>
<style>${style}</style>
</head>
<body>
<main>
${mark}
<h1>Sekisho</h1>
${
  failed
    ? '<p class="wrong" role="alert">That is not the token.</p>'
    : '<p>The token is <code>admin.token</code> of the config, or was printed when the checkpoint started.</p>'
}
<form method="post" action="/session">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Open the gate</button>
</form>
</main>
</body>
</html>
`,
});
