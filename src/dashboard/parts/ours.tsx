/** "This host is ours": shows the config lines that make a refused host a served one. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { t } from '../language.ts';
import { CopyLine } from './copy-line.tsx';
import { Dialog } from './dialog.tsx';

/** @param host as sent, without port */
export function OursButton({ host }: { host: string }): JSX.Element {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>
        {t.ours.button}
      </button>
      {open && (
        <Dialog title={t.ours.title(host)} onClose={() => setOpen(false)} wide>
          <p>{t.ours.add}</p>
          <CopyLine
            text={`sites:\n  - hosts: [${JSON.stringify(host)}]   ${t.ours.beside}`}
            label={t.ours.lines}
          />
          <p>
            {t.ours.reload} <code>sekisho check --config FILE</code>
            {t.ours.reloadRest}
          </p>
          <div class="dialog-ends">
            <button type="button" class="strong" onClick={() => setOpen(false)}>
              {t.states.close}
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}
