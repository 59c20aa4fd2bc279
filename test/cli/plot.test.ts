/** Plots: every point in its place, and an SVG that is well-formed. */
import assert from 'node:assert/strict';
import { type Plot, svgPlot, terminalPlot } from '../../cli/plot.js';

const plot: Plot = {
  title: 'p99 & "load" <1>',
  xLabel: 'requests/s',
  yLabel: 'p99 ms',
  series: [
    {
      name: 'measured',
      mark: '.',
      points: [
        { x: 0, y: 1 },
        { x: 100, y: 100 },
        { x: 50, y: Number.POSITIVE_INFINITY },
        { x: 5, y: 0 },
      ],
    },
    { name: 'best', mark: 'o', points: [{ x: 100, y: 10 }], joined: true },
  ],
  line: { y: 10, name: 'target 10 ms' },
};

describe('a plot', () => {
  it('puts points on a logarithmic y axis, later series and the line where they belong', () => {
    const lines = terminalPlot(plot, 41, 11).split('\n');
    assert.equal(lines[0], 'p99 ms   . measured   o best   - target 10 ms');
    const body = lines.slice(1, 12).map((line) => line.slice(line.indexOf('|') + 1));
    assert.equal(body[0]?.indexOf('.'), 38); // 100 of 105
    const rowsWith = (mark: string): number[] => body.flatMap((line, row) => (line.includes(mark) ? [row] : []));
    assert.deepEqual(rowsWith('o'), [5]);
    assert.equal(body[5]?.indexOf('o'), 38);
    assert.equal(body[5]?.replace('o', '-'), '-'.repeat(41));
    const dots = rowsWith('.');
    assert.equal(dots.length, 2);
    assert.equal((dots[0] as number) + (dots[1] as number), 10, 'a decade above and a decade below the line');
    assert.equal(body[dots[1] as number]?.indexOf('.'), 0);
  });

  it('is empty where there is nothing to show', () => {
    const empty = { ...plot, series: [{ name: 'none', mark: '.', points: [{ x: 1, y: Number.NaN }] }] };
    assert.equal(terminalPlot(empty), '');
    assert.match(svgPlot(empty), /<\/svg>\n$/);
  });

  it('shows a single point', () => {
    const one = { title: '', xLabel: 'x', yLabel: 'y', series: [{ name: 'one', mark: '#', points: [{ x: 3, y: 7 }] }] };
    assert.equal(terminalPlot(one).split('#').length, 3); // legend and point
  });

  it('escapes what it writes into SVG, leaves out what is not finite, and closes every element', () => {
    const svg = svgPlot(plot);
    assert.match(svg, /p99 &amp; &quot;load&quot; &lt;1&gt;/);
    assert.doesNotMatch(svg, /NaN|Infinity|undefined/);
    const open: string[] = [];
    for (const [, close, name, self] of svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)) {
      if (close) assert.equal(open.pop(), name);
      else if (!self) open.push(name as string);
    }
    assert.deepEqual(open, []);
    assert.equal(svg.match(/<circle[^>]*r="3.5"/g)?.length, 3);
  });
});
