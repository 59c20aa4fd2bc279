/** Points on two axes, as characters for a terminal and as an SVG for a document. The y axis is logarithmic: latencies span decades. */

export interface Series {
  /** Shown in the legend. */
  name: string;
  /** One character of the terminal's plot. */
  mark: string;
  points: readonly { x: number; y: number }[];
  /** Joined by a line in the SVG. */
  joined?: boolean;
}

export interface Plot {
  title: string;
  xLabel: string;
  yLabel: string;
  /** Later ones are drawn over earlier ones. */
  series: readonly Series[];
  /** A level worth seeing: a target. */
  line?: { y: number; name: string };
}

interface Scale {
  xMax: number;
  /** Decades: 10^low to 10^high. */
  low: number;
  high: number;
}

/** Undefined where there is nothing to show. Points that are not finite, or not above 0, are left out. */
function scaleOf({ series, line }: Plot): Scale | undefined {
  const points = series.flatMap((each) => each.points).filter(shown);
  if (points.length === 0) return undefined;
  const ys = points.map(({ y }) => y).concat(line ? [line.y] : []);
  const [low, high] = [Math.log10(Math.min(...ys)), Math.log10(Math.max(...ys))];
  const room = Math.max(0.05, (high - low) * 0.05);
  return { xMax: Math.max(...points.map(({ x }) => x)) * 1.05 || 1, low: low - room, high: high + room };
}

const shown = ({ x, y }: { x: number; y: number }): boolean => Number.isFinite(x) && Number.isFinite(y) && y > 0;

/** Lines without a newline at the end; "" where there is nothing to show. */
export function terminalPlot(plot: Plot, columns = 64, rows = 16): string {
  const scale = scaleOf(plot);
  if (!scale) return '';
  const cells = Array.from({ length: rows }, () => new Array<string>(columns).fill(' '));
  const rowOf = (y: number): number =>
    Math.round(((scale.high - Math.log10(y)) / (scale.high - scale.low)) * (rows - 1));
  const line = plot.line && rowOf(plot.line.y);
  if (line !== undefined) cells[line]?.fill('-');
  for (const { mark, points } of plot.series) {
    for (const point of points.filter(shown)) {
      const row = cells[rowOf(point.y)];
      if (row) row[Math.round((point.x / scale.xMax) * (columns - 1))] = mark;
    }
  }
  const labels = cells.map((_, row) => {
    if (row === line) return number(plot.line?.y ?? 0);
    const y = 10 ** (scale.high - (row / (rows - 1)) * (scale.high - scale.low));
    return row % 5 === 0 || row === rows - 1 ? number(y) : '';
  });
  const width = Math.max(...labels.map(({ length }) => length));
  const body = cells.map((row, index) => `${(labels[index] as string).padStart(width)} |${row.join('').trimEnd()}`);
  const right = number(scale.xMax);
  const legend = plot.series
    .map(({ mark, name }) => `${mark} ${name}`)
    .concat(plot.line ? [`- ${plot.line.name}`] : []);
  return [
    `${plot.yLabel}   ${legend.join('   ')}`,
    ...body,
    `${' '.repeat(width)} +${'-'.repeat(columns)}`,
    `${' '.repeat(width)}  0${plot.xLabel.padStart(Math.ceil((columns + plot.xLabel.length) / 2) - 1).padEnd(columns - 1 - right.length)}${right}`,
  ].join('\n');
}

const COLOURS = ['#b8b8b8', '#1f6fb2', '#c8501e', '#2e8540', '#7b4ea3', '#8a6d1d'];
const [WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM] = [720, 420, 64, 40, 180, 48];

/** A whole SVG document; with nothing to show, its title alone. */
export function svgPlot(plot: Plot): string {
  const scale = scaleOf(plot);
  const body: string[] = [];
  if (scale) {
    const [innerWidth, innerHeight] = [WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM];
    const xAt = (x: number): string => (LEFT + (x / scale.xMax) * innerWidth).toFixed(1);
    const yAt = (y: number): string =>
      (TOP + ((scale.high - Math.log10(y)) / (scale.high - scale.low)) * innerHeight).toFixed(1);
    for (const y of ticks(scale)) {
      body.push(`<line x1="${LEFT}" x2="${LEFT + innerWidth}" y1="${yAt(y)}" y2="${yAt(y)}" stroke="#e4e4e4"/>`);
      body.push(`<text x="${LEFT - 8}" y="${yAt(y)}" text-anchor="end" dominant-baseline="middle">${number(y)}</text>`);
    }
    for (let part = 0; part <= 4; part++) {
      const x = (scale.xMax * part) / 4;
      body.push(`<text x="${xAt(x)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${number(x)}</text>`);
    }
    body.push(
      `<path d="M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${LEFT + innerWidth}" fill="none" stroke="#444"/>`,
      `<text x="${LEFT + innerWidth / 2}" y="${HEIGHT - 8}" text-anchor="middle">${xml(plot.xLabel)}</text>`,
      `<text x="14" y="${TOP + innerHeight / 2}" text-anchor="middle" transform="rotate(-90 14 ${TOP + innerHeight / 2})">${xml(plot.yLabel)}</text>`,
    );
    if (plot.line) {
      const y = yAt(plot.line.y);
      body.push(
        `<line x1="${LEFT}" x2="${LEFT + innerWidth}" y1="${y}" y2="${y}" stroke="#444" stroke-dasharray="5 4"/>`,
      );
      body.push(`<text x="${LEFT + innerWidth + 8}" y="${y}" dominant-baseline="middle">${xml(plot.line.name)}</text>`);
    }
    for (const [index, { name, points, joined }] of plot.series.entries()) {
      const colour = COLOURS[index % COLOURS.length];
      const seen = points.filter(shown);
      if (joined) {
        const path = seen.map(({ x, y }) => `${xAt(x)},${yAt(y)}`).join(' ');
        body.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`);
      }
      for (const { x, y } of seen) body.push(`<circle cx="${xAt(x)}" cy="${yAt(y)}" r="3.5" fill="${colour}"/>`);
      const top = TOP + 12 + index * 20;
      body.push(`<circle cx="${WIDTH - RIGHT + 16}" cy="${top}" r="4" fill="${colour}"/>`);
      body.push(`<text x="${WIDTH - RIGHT + 26}" y="${top}" dominant-baseline="middle">${xml(name)}</text>`);
    }
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
<text x="${LEFT}" y="22" font-size="15">${xml(plot.title)}</text>
${body.join('\n')}
</svg>
`;
}

/** 1, 2 and 5 of each decade that lie inside. */
function ticks({ low, high }: Scale): number[] {
  const found: number[] = [];
  for (let decade = Math.floor(low); decade <= Math.ceil(high); decade++) {
    for (const step of [1, 2, 5]) {
      const y = step * 10 ** decade;
      if (Math.log10(y) >= low && Math.log10(y) <= high) found.push(y);
    }
  }
  return found;
}

/** Three digits are enough to place a point. */
function number(value: number): string {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
