"use strict";
// Writes values as a person reads them: three figures, thousands separators, a true minus sign.
((tool) => {
  const DASH = "\u2013", MINUS = "\u2212", PLUS_MINUS = "\u00b1";
  tool.DASH = DASH;

  tool.formatNumber = (value, decimals) => {
    if (typeof value !== "number" || !Number.isFinite(value)) return DASH;
    const size = Math.abs(value);
    if (size !== 0 && (size >= 1e7 || size < 1e-4)) return value.toExponential(2).replace("-", MINUS);
    const fixed = decimals ?? (Number.isInteger(value) ? 0 : Math.max(0, 2 - Math.floor(Math.log10(size || 1))));
    const text = size.toLocaleString("en-US", { minimumFractionDigits: fixed, maximumFractionDigits: fixed });
    return (value < 0 && /[1-9]/.test(text) ? MINUS : "") + text;
  };

  // Write a limit with the decimals of its column, and with more where somebody gave more.
  tool.formatLimit = (value, decimals) => {
    const own = /\.(\d+)$/.exec(String(value))?.[1].length ?? 0;
    return tool.formatNumber(value, decimals === null ? null : Math.max(decimals, own));
  };

  // Write a number with what it counts, of which one has no plural.
  tool.countThings = (number, thing) => `${number.toLocaleString("en-US")} ${thing}${number === 1 ? "" : "s"}`;

  tool.formatProbability = (value) =>
    typeof value !== "number" ? DASH : value < 0.01 ? "<1 %" : value > 0.99 ? ">99 %" : `${Math.round(100 * value)} %`; // a prediction is never certain

  // Round the long numbers in a text, as a logarithm or a mean of measured values is; what somebody wrote down is shorter.
  const roundNumbers = (text) => text.replace(/-?\d+\.\d{7,}(e[-+]?\d+)?/g, (number) => tool.formatNumber(Number(number)));

  // Write the value of a column for a row, with its standard deviation where it has one.
  tool.formatCell = (store, column, row) => {
    const value = store.get(column.column, row);
    if (value === null || value === undefined || value === "") return DASH;
    if (column.kind === "flag") return value ? "yes" : "no";
    if (column.is_probability) return tool.formatProbability(value);
    if (typeof value !== "number") return column.basis === "measured" ? roundNumbers(String(value)) : String(value);
    const text = tool.formatNumber(value, column.decimals);
    const spread = column.spread ? store.get(column.spread, row) : null;
    return spread === null || spread === undefined ? text : `${text} ${PLUS_MINUS} ${tool.formatNumber(spread, column.decimals)}`;
  };

  // Name a column with its unit.
  tool.nameColumn = (column) => (column.unit ? `${column.label}, ${column.unit}` : column.label);

  // Whether a computed value is within its objective; null where there is none, or for a prediction, which may be wrong.
  tool.isMet = (column, value) => {
    if (!column.is_objective || column.basis === "predicted" || typeof value !== "number") return null;
    if (column.low === null && column.high === null) return null;
    const slack = 1e-9 * Math.max(Math.abs(column.low || 0), Math.abs(column.high || 0), 1);
    return (column.low === null || value >= column.low - slack) && (column.high === null || value <= column.high + slack);
  };

  tool.splitList = (text) => (typeof text === "string" ? text.split(";").map((part) => part.trim()).filter(Boolean) : []);
})(globalThis.candidateTool ??= {});
