import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';

interface Props {
  readonly label: string;
  readonly id?: string;
  /** The words the list is filtered by now. */
  readonly value: string;
  readonly placeholder: string;
  /** Told when the field is left, or Enter pressed. */
  readonly onCommit: (value: string) => void;
}

/** A search field that keeps what is being typed while live updates draw the page again. */
export function FilterField({ label, id, value, placeholder, onCommit }: Props): JSX.Element {
  const [draft, setDraft] = useState(value);
  useEffect(() => setDraft(value), [value]);
  return (
    <label class="field">
      {label}
      <input
        {...(id === undefined ? {} : { id })}
        type="search"
        value={draft}
        placeholder={placeholder}
        spellcheck={false}
        onInput={(event) => setDraft(event.currentTarget.value)}
        onChange={() => onCommit(draft.trim())}
      />
    </label>
  );
}
