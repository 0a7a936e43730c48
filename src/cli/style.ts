/** The colours of what is shown on a terminal: the sixteen that every terminal has, in whatever tones its owner likes. */
import { styleText } from 'node:util';

/** What a text is about. Colour only repeats what the words say. */
export type Tone = 'title' | 'good' | 'busy' | 'bad' | 'warning' | 'quiet' | 'plain';
/** Gives a text its tone. */
export type Paint = (tone: Tone, text: string) => string;

const FORMATS: Record<Exclude<Tone, 'plain'>, Parameters<typeof styleText>[0]> = {
  title: 'bold',
  good: 'green',
  busy: 'cyan',
  bad: ['bold', 'red'],
  warning: 'yellow',
  quiet: 'dim',
};

/** In colour. */
export const COLOURED: Paint = (tone, text) =>
  tone === 'plain' || text === '' ? text : styleText(FORMATS[tone], text, { validateStream: false });
/** Without. */
export const UNCOLOURED: Paint = (_tone, text) => text;
