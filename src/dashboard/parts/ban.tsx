/** Buttons and dialog to ban a client and to lift the ban. */
import type { JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { api } from '../api.ts';
import { t } from '../language.ts';
import { sourceText } from '../words.ts';
import { Dialog } from './dialog.tsx';

/** Empty: permanent. */
const terms = ['10m', '1h', '1d', '30d', ''] as const;

/** The mark beside a banned client. */
export const BanMark = ({ prefix, by }: { prefix: string; by: string | null }): JSX.Element | null =>
  by === null ? null : (
    <span class="fate block">
      {by === prefix ? t.bans.banned : by === 'list' ? t.bans.onList : t.bans.bannedWith(sourceText(by))}
    </span>
  );

interface BanProps {
  /** Empty: the operator types it. */
  readonly prefix: string;
  /** Prefix of the ban in force, this one or a wider one; null: not banned. */
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
        // Not disabled while busy: a disabled button loses the focus.
        <button type="button" onClick={() => unban(ban)} aria-label={t.bans.unbanOf(sourceText(ban))}>
          {ban === prefix ? t.bans.unban : t.bans.unbanOf(sourceText(ban))}
        </button>
      ) : (
        <button
          type="button"
          class={prefix === '' ? 'strong' : ''}
          onClick={() => setOpen(true)}
          aria-label={prefix === '' ? t.bans.banPrefix : t.bans.banOf(sourceText(prefix))}
        >
          {prefix === '' ? t.bans.banPrefix : t.bans.ban}
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
      else setError(t.bans.note(note));
    } catch (problem) {
      setError((problem as Error).message);
    }
    setBusy(false);
  }

  return (
    <Dialog title={prefix === '' ? t.bans.banPrefix : t.bans.banOf(sourceText(prefix))} onClose={onClose}>
      <form ref={form} onSubmit={submit}>
        <BanFields prefix={prefix} />
        {error !== null && (
          <p class="inline-trouble" role="alert">
            {error}
          </p>
        )}
        <div class="dialog-ends">
          <button type="button" onClick={onClose}>
            {t.states.cancel}
          </button>
          <button type="submit" class="strong" disabled={busy}>
            {t.bans.ban}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function BanFields({ prefix }: { prefix: string }): JSX.Element {
  return (
    <>
      {prefix === '' && (
        <label class="field">
          {t.bans.address}
          <input
            name="prefix"
            required
            placeholder={t.bans.addressHint}
            autocomplete="off"
            spellcheck={false}
          />
        </label>
      )}
      <fieldset class="choices">
        <legend>{t.bans.for}</legend>
        {terms.map((value) => (
          <label key={value}>
            <input
              type="radio"
              name="for"
              value={value}
              defaultChecked={value === '1h'}
              autofocus={prefix !== '' && value === '1h'}
            />
            <span>{t.bans.terms[value]}</span>
          </label>
        ))}
      </fieldset>
      <label class="field">
        {t.bans.reason}
        <input name="reason" maxLength={200} autocomplete="off" />
      </label>
    </>
  );
}
