/** Text with a copy button. */
import type { JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { t } from '../language.ts';

export function CopyLine({ text, label }: { text: string; label: string }): JSX.Element {
  const box = useRef<HTMLElement>(null);
  const [said, setSaid] = useState(t.states.copy);
  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
      setSaid(t.states.copied);
    } catch {
      // Without TLS a browser denies clipboard access: select the text, so that Ctrl+C copies it.
      getSelection()?.selectAllChildren(box.current!);
      setSaid(t.states.selected);
    }
  }
  return (
    <div class="copy-line">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable area must be reachable by keyboard */}
      <section ref={box} tabIndex={0} aria-label={label}>
        {text}
      </section>
      <button type="button" class="small" onClick={copy}>
        {said}
      </button>
    </div>
  );
}
