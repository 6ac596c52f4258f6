/** The character 門 (gate), drawn as a path, since not every machine has a font for it. */
export const logoPath =
  'M5.5 4.5V20M5.5 4.5H10.5V11H5.5M5.5 7.7H10.5M18.5 11H13.5V4.5H18.5M13.5 7.7H18.5M18.5 4.5V19Q18.5 20 16.5 19.6';

/** For pages without script. */
export const logo = `<svg class="mark" viewBox="0 0 24 24" aria-hidden="true"><path d="M4 0H20Q24 0 24 4V20Q24 24 20 24H4Q0 24 0 20V4Q0 0 4 0Z" fill="#b7282e"/><path d="${logoPath}" fill="none" stroke="#fff" stroke-width="1.5"/></svg>`;
