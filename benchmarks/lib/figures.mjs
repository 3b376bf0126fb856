// Figures with their comparison and their target, and how they are printed as tables.

/**
 * @typedef {object} Figure
 * @property {string} name of what was measured
 * @property {string} [runtime]
 * @property {number} value
 * @property {string} unit
 * @property {{name: string, value: number, unit?: string}} [against] what it is compared to
 * @property {number} [ratio] the value over what it is compared to
 * @property {{most?: number, least?: number}} [target] for the ratio, or for the value if there is none
 * @property {boolean} [met] whether the target is met
 */

/** Makes a figure. Computes its ratio and whether it meets its target. */
export function figure({ name, runtime, value, unit, against, target }) {
  const ratio = against ? value / against.value : undefined;
  const judged = ratio ?? value;
  const met = target
    ? judged <= (target.most ?? Number.POSITIVE_INFINITY) &&
      judged >= (target.least ?? Number.NEGATIVE_INFINITY)
    : undefined;
  return { name, runtime, value, unit, against, ratio, target, met };
}

/** Makes an entry for a figure that could not be measured, with the reason. */
export const notMeasured = (name, why, runtime) => ({ name, runtime, notMeasured: why });

export function number(value) {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  return size >= 1 ? value.toFixed(2) : value.toFixed(3);
}

const quantity = (value, unit) => `${number(value)} ${unit}`;

function aim({ most, least }) {
  return most === undefined ? `≥ ${number(least)}` : `≤ ${number(most)}`;
}

const verdict = ({ met }) => (met === undefined ? "" : met ? "ok" : "MISS");

const HEADER = ["", "what", "measured", "compared with", "", "ratio", "target", ""];

function row(item) {
  const { name, runtime = "", value, unit, against, ratio, target } = item;
  return [
    runtime,
    name,
    quantity(value, unit),
    against?.name ?? "",
    against ? quantity(against.value, against.unit ?? unit) : "",
    ratio === undefined ? "" : number(ratio),
    target ? aim(target) : "",
    verdict(item),
  ];
}

/** Returns rows of cells as lines of text. The columns whose numbers are in `right` are aligned to the right. */
export function aligned(rows, right) {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(0, ...rows.map((cells) => cells[column].length)),
  );
  return rows.map((cells) =>
    cells
      .map((cell, column) =>
        right.includes(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column]),
      )
      .join("  ")
      .trimEnd(),
  );
}

/** Returns figures as lines of text. */
export function table(figures) {
  const measured = figures.filter((item) => item.notMeasured === undefined);
  const rows = measured.length > 0 ? [HEADER, ...measured.map(row)] : [];
  const lines = aligned(rows, [2, 4, 5, 6]);
  for (const { name, runtime, notMeasured: why } of figures) {
    if (why !== undefined) {
      lines.push(`${runtime ? `${runtime}  ` : ""}${name}: not measured: ${why}`);
    }
  }
  return lines.join("\n");
}
