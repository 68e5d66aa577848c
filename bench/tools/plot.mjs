// A plot of seconds and peak memory over a number, both scales logarithmic, as an SVG that reads on light and dark pages.
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [720, 360, 64, 64, 36, 56];
const COLORS = ["#0b7285", "#c2255c"];

/**
 * `series`: [{name, points: [{x, wall (s), peak (MB), evicted?}]}]. Wall time is a line, memory a dashed one with its scale on the right; the first point from which
 * flows are evicted is marked. `unit(x)` writes a number of the lower scale.
 */
export function plot({ label, unit, series }) {
  const all = series.flatMap(({ points }) => points);
  if (all.length === 0) return '<svg xmlns="http://www.w3.org/2000/svg"/>';
  const x = scale(
    all.map((point) => point.x),
    LEFT,
    WIDTH - RIGHT,
  );
  const seconds = scale(
    all.map((point) => point.wall),
    HEIGHT - BOTTOM,
    TOP,
    true,
  );
  const memory = scale(
    all.map((point) => point.peak),
    HEIGHT - BOTTOM,
    TOP,
    true,
  );
  const parts = [];
  const text = (tx, ty, anchor, content, color = "currentColor") =>
    parts.push(
      `<text x="${tx.toFixed(1)}" y="${ty.toFixed(1)}" text-anchor="${anchor}" fill="${color}">${escaped(content)}</text>`,
    );
  const grid = (x1, y1, x2, y2) =>
    parts.push(`<path d="M${x1} ${y1}L${x2} ${y2}" stroke="currentColor" stroke-opacity=".15"/>`);
  for (const value of new Set(all.map((point) => point.x))) {
    grid(x(value), TOP, x(value), HEIGHT - BOTTOM);
    text(x(value), HEIGHT - BOTTOM + 18, "middle", unit(value));
  }
  for (const tick of seconds.ticks) {
    grid(LEFT, seconds(tick), WIDTH - RIGHT, seconds(tick));
    text(LEFT - 8, seconds(tick) + 4, "end", `${tick} s`);
  }
  for (const tick of memory.ticks) text(WIDTH - RIGHT + 8, memory(tick) + 4, "start", `${tick} MB`);
  text(WIDTH / 2, HEIGHT - 12, "middle", label);
  series.forEach(({ name, points }, index) => {
    const color = COLORS[index % COLORS.length];
    const line = (y, key, dash) =>
      parts.push(
        `<polyline points="${points.map((point) => `${x(point.x).toFixed(1)},${y(point[key]).toFixed(1)}`).join(" ")}" fill="none" stroke="${color}" stroke-width="2"${dash ? ' stroke-dasharray="5 4"' : ""}/>`,
      );
    line(seconds, "wall", false);
    line(memory, "peak", true);
    for (const point of points)
      parts.push(
        `<circle cx="${x(point.x).toFixed(1)}" cy="${seconds(point.wall).toFixed(1)}" r="3" fill="${color}"/>`,
      );
    text(LEFT + index * 250, 18, "start", `${name}: ── wall time, ╌╌ peak memory`, color);
    const first = points.findIndex(({ evicted }) => evicted > 0);
    if (first < 0) return;
    const at = x(points[first].x);
    parts.push(
      `<path d="M${at} ${TOP}V${HEIGHT - BOTTOM}" stroke="${color}" stroke-width="1.5" stroke-dasharray="2 3"/>`,
    );
    text(at - 6, TOP + 14 + index * 16, "end", `${name}: flows are evicted from here on`, color);
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" color="#777" role="img">\n<title>${escaped(label)}</title>\n${parts.join("\n")}\n</svg>\n`;
}

/** A logarithmic scale that covers `values`, with its ticks: the powers of ten, and 2 and 5 of them where there are few. */
function scale(values, from, to, whole = false) {
  const positive = values.map((value) => Math.max(value, 1e-3));
  let [low, high] = [Math.log10(Math.min(...positive)), Math.log10(Math.max(...positive))];
  if (whole) [low, high] = [Math.floor(low), Math.ceil(high)];
  if (high - low < 0.1) high = low + 1;
  const place = (value) => from + ((Math.log10(Math.max(value, 1e-3)) - low) / (high - low)) * (to - from);
  place.ticks = [];
  for (let power = Math.ceil(low); power <= high; power++) place.ticks.push(Number((10 ** power).toPrecision(1)));
  return place;
}

function escaped(text) {
  return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
