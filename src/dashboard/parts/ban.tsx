/** Banning a client, and letting it go again. */
import type { JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { api } from '../api.ts';
import { sourceText } from '../words.ts';
import { Dialog } from './dialog.tsx';

const terms = [
  { words: '10 minutes', value: '10m' },
  { words: '1 hour', value: '1h' },
  { words: '1 day', value: '1d' },
  { words: '30 days', value: '30d' },
  { words: 'for ever', value: '' },
] as const;

/** What stands of a ban beside its client. */
export const BanMark = ({ prefix, by }: { prefix: string; by: string | null }): JSX.Element | null =>
  by === null ? null : (
    <span class="fate block">
      {by === prefix ? 'banned' : by === 'list' ? 'on a ban list' : `banned with ${sourceText(by)}`}
    </span>
  );

interface BanProps {
  /** Empty: to be typed. */
  readonly prefix: string;
  /** The prefix of the ban in force: this one or a wider one; null: there is none. */
  readonly ban: string | null;
  readonly onChange: () => void;
}

export function BanButton({ prefix, ban, onChange }: BanProps): JSX.Element {
  const [open, setOpen] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  async function unban(of: string): Promise<void> {
    if (busy) return;
    setBusy(true);
    setError(null);
    await api.unban(of).then(onChange, (problem: Error) => setError(problem.message));
    setBusy(false);
  }

  return (
    <>
      {ban !== null ? (
        // Not disabled meanwhile: that would take the focus from it.
        <button type="button" onClick={() => unban(ban)} aria-label={`Unban ${sourceText(ban)}`}>
          {ban === prefix ? 'Unban' : `Unban ${sourceText(ban)}`}
        </button>
      ) : (
        <button
          type="button"
          class={prefix === '' ? 'strong' : ''}
          onClick={() => setOpen(true)}
          aria-label={prefix === '' ? 'Ban a prefix' : `Ban ${sourceText(prefix)}`}
        >
          {prefix === '' ? 'Ban a prefix' : 'Ban'}
        </button>
      )}
      {error !== null && (
        <span class="inline-trouble" role="alert">
          {error}
        </span>
      )}
      {open && <BanDialog prefix={prefix} onChange={onChange} onClose={() => setOpen(false)} />}
    </>
  );
}

function BanDialog({
  prefix,
  onChange,
  onClose,
}: {
  prefix: string;
  onChange: () => void;
  onClose: () => void;
}): JSX.Element {
  const form = useRef<HTMLFormElement>(null);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    const fields = new FormData(form.current!);
    const text = (name: string) => String(fields.get(name) ?? '').trim();
    setBusy(true);
    setError(null);
    try {
      const { note } = await api.ban({
        prefix: prefix || text('prefix'),
        ...(text('for') === '' ? {} : { for: text('for') }),
        ...(text('reason') === '' ? {} : { reason: text('reason') }),
      });
      onChange();
      if (note === undefined) onClose();
      else setError(`Banned, but ${note}.`);
    } catch (problem) {
      setError((problem as Error).message);
    }
    setBusy(false);
  }

  return (
    <Dialog title={prefix === '' ? 'Ban a prefix' : `Ban ${sourceText(prefix)}`} onClose={onClose}>
      <form ref={form} onSubmit={submit}>
        {prefix === '' && (
          <label class="field">
            Address or prefix
            <input
              name="prefix"
              required
              placeholder="192.0.2.1 or 2001:db8::/32"
              autocomplete="off"
              spellcheck={false}
            />
          </label>
        )}
        <fieldset class="choices">
          <legend>For</legend>
          {terms.map(({ words, value }) => (
            <label key={value}>
              <input
                type="radio"
                name="for"
                value={value}
                defaultChecked={value === '1h'}
                autofocus={prefix !== '' && value === '1h'}
              />
              <span>{words}</span>
            </label>
          ))}
        </fieldset>
        <label class="field">
          Why (for whoever asks later)
          <input name="reason" maxLength={200} autocomplete="off" />
        </label>
        {error !== null && (
          <p class="inline-trouble" role="alert">
            {error}
          </p>
        )}
        <div class="dialog-ends">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="strong" disabled={busy}>
            Ban
          </button>
        </div>
      </form>
    </Dialog>
  );
}
