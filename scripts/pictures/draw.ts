/** The shapes that the pictures of docs/ are made of, each in a colour for light and one for dark pages. */

/** What a shape stands for; its colours say it in every picture. */
export type Tone = 'root' | 'user' | 'reader' | 'outside' | 'wait' | 'bad';

export interface Mark {
  readonly svg: string;
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export type Point = readonly [x: number, y: number];

interface TextStyle {
  readonly size?: number;
  readonly isBold?: boolean;
  readonly isMono?: boolean;
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly tone?: Tone | 'ink' | 'soft';
  /** Keeps apart from lines behind it. */
  readonly hasHalo?: boolean;
}

/** Fill and line. */
type Pair = readonly [fill: string, line: string];

const TONES: Readonly<Record<Tone, { readonly light: Pair; readonly dark: Pair }>> = {
  root: { light: ['#ddf4ff', '#0969da'], dark: ['#121d2f', '#4493f8'] },
  user: { light: ['#fbefff', '#8250df'], dark: ['#271c3a', '#ab7df8'] },
  reader: { light: ['#dafbe1', '#1a7f37'], dark: ['#12261e', '#3fb950'] },
  outside: { light: ['#f6f8fa', '#6e7781'], dark: ['#1c2128', '#9198a1'] },
  wait: { light: ['#fff8c5', '#9a6700'], dark: ['#272215', '#d29922'] },
  bad: { light: ['#ffebe9', '#cf222e'], dark: ['#2d1618', '#f85149'] },
};

const PLAIN = { light: ['#ffffff', '#1f2328', '#59636e'], dark: ['#0d1117', '#e6edf3', '#9198a1'] } as const;

const SANS = 'system-ui, -apple-system, &quot;Segoe UI&quot;, Roboto, &quot;DejaVu Sans&quot;, sans-serif';
const MONO = 'ui-monospace, SFMono-Regular, Menlo, Consolas, &quot;DejaVu Sans Mono&quot;, monospace';
const MARGIN = 16;
const SIZE = 13;

/** A whole picture. It is as large as what is in it, so that nothing is cut off. */
export function picture(title: string, description: string, marks: readonly Mark[]): string {
  const left = Math.floor(Math.min(...marks.map((mark) => mark.left)) - MARGIN);
  const top = Math.floor(Math.min(...marks.map((mark) => mark.top)) - MARGIN);
  const width = Math.ceil(Math.max(...marks.map((mark) => mark.right)) + MARGIN) - left;
  const height = Math.ceil(Math.max(...marks.map((mark) => mark.bottom)) + MARGIN) - top;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${left} ${top} ${width} ${height}" width="${width}" height="${height}" role="img" font-family="${SANS}">`,
    `<title>${escape(title)}</title>`,
    `<desc>${escape(description)}</desc>`,
    `<style>${colours('light')}@media (prefers-color-scheme: dark){${colours('dark')}}</style>`,
    `<rect class="paper" x="${left}" y="${top}" width="${width}" height="${height}" rx="8"/>`,
    ...marks.map(({ svg }) => svg),
    '</svg>',
    '',
  ].join('\n');
}

function colours(theme: 'light' | 'dark'): string {
  const [paper, ink, soft] = PLAIN[theme];
  const tones = Object.entries(TONES).map(([name, tone]) => {
    const [fill, line] = tone[theme];
    return `.${name}{fill:${fill};stroke:${line}}.${name}-solid{fill:${line}}.${name}-line{fill:none;stroke:${line}}`;
  });
  return [
    `.paper{fill:${paper}}.ink{fill:${ink}}.soft{fill:${soft}}`,
    `.rule{stroke:${soft}}.halo{stroke:${paper};stroke-width:5px;paint-order:stroke}`,
    ...tones,
  ].join('');
}

export function text(words: string, [x, y]: Point, style: TextStyle = {}): Mark {
  const { size = SIZE, anchor = 'start' } = style;
  const width = widthOf(words, style);
  const left = { start: x, middle: x - width / 2, end: x - width }[anchor];
  const svg = `<text x="${round(x)}" y="${round(y)}" font-size="${size}" ${looks(style)}>${escape(words)}</text>`;
  return { svg, left, top: y - size, right: left + width, bottom: y + size * 0.3 };
}

function looks({ isBold, isMono, anchor, tone = 'ink', hasHalo }: TextStyle): string {
  const colour = tone === 'ink' || tone === 'soft' ? tone : `${tone}-solid`;
  return [
    `class="${colour}${hasHalo ? ' halo' : ''}"`,
    ...(isBold ? ['font-weight="600"'] : []),
    ...(isMono ? [`font-family="${MONO}" xml:space="preserve"`] : []),
    ...(anchor === undefined ? [] : [`text-anchor="${anchor}"`]),
  ].join(' ');
}

/** At least as wide as any of the usual fonts draws it, in pixels. */
function widthOf(words: string, { size = SIZE, isBold = false }: TextStyle): number {
  return words.length * size * (isBold ? 0.66 : 0.61);
}

interface Area {
  readonly at: Point;
  readonly width: number;
  readonly height: number;
}

/** Lines of text in a frame. The first is bold; one between backquotes is in the font of commands. */
export function box({ at: [x, y], width, height }: Area, tone: Tone, lines: readonly string[]): Mark[] {
  const frame: Mark = {
    svg: `<rect class="${tone}" x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" rx="6" stroke-width="1.5"/>`,
    ...{ left: x, top: y, right: x + width, bottom: y + height },
  };
  const first = y + height / 2 - ((lines.length - 1) * LINE) / 2 + SIZE * 0.36;
  const written = lines.map((line, index) => {
    const isMono = line.startsWith('`');
    const style = { anchor: 'middle', size: isMono ? 12 : SIZE, isMono, isBold: index === 0 && !isMono } as const;
    const mark = text(line.replaceAll('`', ''), [x + width / 2, first + index * LINE], style);
    if (mark.left < x + 2)
      throw new Error(`expected "${line}" to fit into a box of ${width}, got ${mark.right - mark.left}`);
    return mark;
  });
  return [frame, ...written];
}

const LINE = 18;

/** Without text and frame. */
export function bar({ at: [x, y], width, height }: Area, tone: Tone): Mark {
  const svg = `<rect class="${tone}-solid" x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" rx="2"/>`;
  return { svg, left: x, top: y, right: x + width, bottom: y + height };
}

/** From point to point, with a head at the last. */
export function arrow(points: readonly Point[], tone: Tone, isDashed = false): Mark {
  const [[fromX, fromY], [toX, toY]] = [points.at(-2) ?? [0, 0], points.at(-1) ?? [0, 0]];
  const angle = Math.atan2(toY - fromY, toX - fromX);
  const corner = (turn: number): string =>
    `${round(toX - 9 * Math.cos(angle + turn))},${round(toY - 9 * Math.sin(angle + turn))}`;
  const way = points.slice(0, -1).map(([x, y]) => `${round(x)},${round(y)}`);
  const end = `${round(toX - 7 * Math.cos(angle))},${round(toY - 7 * Math.sin(angle))}`;
  const dashes = isDashed ? ' stroke-dasharray="5 4"' : '';
  const svg =
    `<polyline class="${tone}-line" points="${[...way, end].join(' ')}" stroke-width="1.5"${dashes}/>` +
    `<polygon class="${tone}-solid" points="${round(toX)},${round(toY)} ${corner(0.4)} ${corner(-0.4)}"/>`;
  return { svg, ...extent(points) };
}

export function curve(points: readonly Point[], tone: Tone): Mark {
  const way = points.map(([x, y]) => `${round(x)},${round(y)}`).join(' ');
  return { svg: `<polyline class="${tone}-line" points="${way}" stroke-width="2"/>`, ...extent(points) };
}

/** A thin line to measure or to divide by. */
export function rule(from: Point, to: Point, isDashed = false): Mark {
  const dashes = isDashed ? ' stroke-dasharray="3 4"' : '';
  const svg = `<line class="rule" x1="${round(from[0])}" y1="${round(from[1])}" x2="${round(to[0])}" y2="${round(to[1])}"${dashes}/>`;
  return { svg, ...extent([from, to]) };
}

/** A filled circle, with a letter or number in it. */
export function dot([x, y]: Point, tone: Tone, label = '', radius = 6): Mark {
  const letter =
    label === ''
      ? ''
      : `<text class="paper" x="${round(x)}" y="${round(y + 4)}" font-size="12" font-weight="600" text-anchor="middle">${escape(label)}</text>`;
  const svg = `<circle class="${tone}-solid" cx="${round(x)}" cy="${round(y)}" r="${radius}"/>${letter}`;
  return { svg, left: x - radius, top: y - radius, right: x + radius, bottom: y + radius };
}

function extent(points: readonly Point[]): Omit<Mark, 'svg'> {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escape(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
