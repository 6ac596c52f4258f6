/** "This is ours": what to write into the config so that a host that was refused is served. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { CopyLine } from './copy-line.tsx';
import { Dialog } from './dialog.tsx';

/** @param host as the sender wrote it, without a port */
export function OursButton({ host }: { host: string }): JSX.Element {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>
        This host is ours
      </button>
      {open && (
        <Dialog title={`${host} is ours`} onClose={() => setOpen(false)} wide>
          <p>Add it to the hosts of its site in the config:</p>
          <CopyLine
            text={`sites:\n  - hosts: [${JSON.stringify(host)}]   # beside the hosts that stand there`}
            label="Lines of the config"
          />
          <p>
            Then reload: <code>sekisho check --config FILE</code>, and SIGHUP to the process. Only do so for
            names that you own: whoever sent this request chose this one.
          </p>
          <div class="dialog-ends">
            <button type="button" class="strong" onClick={() => setOpen(false)}>
              Close
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}
