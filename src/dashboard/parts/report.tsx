/** A report for the abuse contact of a source, ready to copy. */
import type { JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { listFormats } from '../../reports/formats.ts';
import { api, queryText } from '../api.ts';
import { t } from '../language.ts';
import { useResource } from '../resource.ts';
import { Dialog } from './dialog.tsx';
import { Loaded } from './states.tsx';

export function ReportButton({ client }: { client: string }): JSX.Element {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" onClick={() => setOpen(true)} aria-label={t.report.title(client)}>
        {t.report.button}
      </button>
      {open && <ReportDialog client={client} onClose={() => setOpen(false)} />}
    </>
  );
}

function ReportDialog({ client, onClose }: { client: string; onClose: () => void }): JSX.Element {
  const [format, setFormat] = useState<'text' | 'xarf'>('text');
  const [said, setSaid] = useState('');
  const text = useRef<HTMLTextAreaElement>(null);
  const report = useResource(() => api.report({ client, format }), [client, format]);
  const words = (value: string | object) =>
    typeof value === 'string' ? value : JSON.stringify(value, null, 2);

  async function copy(): Promise<void> {
    text.current?.select();
    try {
      await navigator.clipboard.writeText(text.current?.value ?? '');
      setSaid(t.report.copied);
    } catch {
      // Without TLS a browser denies clipboard access: the text is selected, so that Ctrl+C copies it.
      setSaid(t.report.selected);
    }
  }

  return (
    <Dialog title={t.report.title(client)} onClose={onClose} wide>
      <fieldset class="choices">
        <legend class="hidden">{t.report.format}</legend>
        {(['text', 'xarf'] as const).map((name) => (
          <label key={name}>
            <input
              type="radio"
              name="format"
              checked={format === name}
              onChange={() => {
                setFormat(name);
                setSaid('');
              }}
            />
            <span>{name === 'text' ? t.report.people : 'X-ARF (JSON)'}</span>
          </label>
        ))}
      </fieldset>
      <Loaded of={report} lines={8}>
        {(value) => (
          <textarea ref={text} readOnly rows={16} value={words(value)} aria-label={t.report.report} />
        )}
      </Loaded>
      <p class="exports">
        <ShareLinks client={client} />
      </p>
      <div class="dialog-ends">
        <span role="status">{said}</span>
        <a
          class="button"
          href={`/api/report${queryText({ client, format: 'html' })}`}
          target="_blank"
          rel="noreferrer"
        >
          {t.report.page}
        </a>
        <button type="button" onClick={onClose}>
          {t.states.close}
        </button>
        <button type="button" class="strong" onClick={copy}>
          {t.states.copy}
        </button>
      </div>
    </Dialog>
  );
}

const listNames = {
  abuseipdb: 'AbuseIPDB',
  'blocklist-de': 'blocklist.de',
  stix: 'STIX 2.1',
  misp: 'MISP',
} as const;

/** Downloads of lists to share: about one client, or about all since a time. */
export function ShareLinks(query: { client?: string; from?: number }): JSX.Element {
  return (
    <>
      {t.report.share}
      {listFormats.map((format) => (
        <a key={format} href={`/api/report${queryText({ ...query, format })}`} download>
          {listNames[format]}
        </a>
      ))}
    </>
  );
}
