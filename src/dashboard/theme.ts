/** Light, dark, or as the system; stored in the browser. */
import { useEffect, useState } from 'preact/hooks';

export type Theme = 'auto' | 'light' | 'dark';

export const nextTheme = (theme: Theme): Theme =>
  ({ auto: 'light', light: 'dark', dark: 'auto' })[theme] as Theme;

export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState<Theme>(stored);
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem('sekisho-theme', theme);
    } catch {
      // Storage is disabled: the choice lasts until the page is closed.
    }
    dispatchEvent(new Event('sekisho-theme'));
  }, [theme]);
  return [theme, setTheme];
}

function stored(): Theme {
  try {
    const kept = localStorage.getItem('sekisho-theme');
    return kept === 'light' || kept === 'dark' ? kept : 'auto';
  } catch {
    return 'auto';
  }
}
