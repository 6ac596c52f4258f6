import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

interface Props {
  readonly label: string;
  readonly id?: string;
  /** The words the list is filtered by now. */
  readonly value: string;
  readonly placeholder: string;
  /** Told while one types, once there is a pause; at once with Enter. */
  readonly onCommit: (value: string) => void;
}

/** Milliseconds without a key until the list is filtered: longer than a click on a line of it takes. */
const pause = 350;

/** A search field that keeps what is being typed while live updates draw the page again. */
export function FilterField({ label, id, value, placeholder, onCommit }: Props): JSX.Element {
  const [draft, setDraft] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const typed = useRef(false);
  // What comes back of an earlier word may not take away what was typed since.
  useEffect(() => {
    if (!typed.current) setDraft(value);
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current ?? undefined), []);
  const commit = (text: string) => {
    clearTimeout(timer.current ?? undefined);
    typed.current = false;
    if (text.trim() !== value) onCommit(text.trim());
  };
  return (
    <label class="field">
      {label}
      <input
        {...(id === undefined ? {} : { id })}
        type="search"
        value={draft}
        placeholder={placeholder}
        spellcheck={false}
        onInput={({ currentTarget }) => {
          const text = currentTarget.value;
          setDraft(text);
          typed.current = true;
          clearTimeout(timer.current ?? undefined);
          timer.current = setTimeout(() => commit(text), pause);
        }}
        onKeyDown={({ key }) => key === 'Enter' && commit(draft)}
      />
    </label>
  );
}
