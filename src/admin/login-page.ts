/** The login page. One self-contained file: nothing else is served without a token. */
import { createHash } from 'node:crypto';
import { logo } from '../looks/logo.ts';
import { looks } from '../looks/looks.ts';
import { dashboardWords } from '../words/dashboard.ts';
import type { Language } from '../words/language.ts';

export interface LoginPage {
  readonly html: string;
  readonly contentPolicy: string;
}

const style = `${looks}
body { min-height: 100vh; display: grid; place-items: center; padding: 24px; font-size: 16px; }
main { width: 100%; max-width: 340px; padding: 0; }
.mark { width: 56px; height: 56px; }
h1 { margin: 20px 0 4px; }
p { margin: 0 0 20px; color: var(--soft); }
p.wrong { color: var(--seal); font-weight: 600; }
label { display: block; font-size: 14px; margin-bottom: 6px; }
input { width: 100%; padding: 11px 12px; font: 15px var(--mono); color: inherit; background: var(--card); border: 1px solid var(--edge);
  border-radius: 6px; }
button { width: 100%; margin-top: 14px; padding: 11px; font: 600 16px var(--sans); color: #fff; background: var(--seal-deep); border: 0;
  border-radius: 6px; cursor: pointer; }
`;

const contentPolicy =
  `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; ` +
  "form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/** @param failed a wrong token was submitted */
export function loginPage(failed: boolean, language: Language): LoginPage {
  const { wrong, where, whereRest, token, open } = dashboardWords[language].login;
  return {
    contentPolicy,
    html: `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sekisho</title>
<style>${style}</style>
</head>
<body>
<main>
${logo}
<h1>Sekisho</h1>
${failed ? `<p class="wrong" role="alert">${wrong}</p>` : `<p>${where} <code>admin.token</code> ${whereRest}</p>`}
<form method="post" action="/session">
<label for="token">${token}</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>${open}</button>
</form>
</main>
</body>
</html>
`,
  };
}
