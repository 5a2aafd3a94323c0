// Tables as text for other programs.

const BOM = "\uFEFF"; // else Excel takes Chinese for something else

// A spreadsheet would take what begins so for a formula; some take the wide signs of Chinese and Japanese for it, too.
const FORMULA = /^[=+\-@＝＋－＠\t\r\n]/;

function field(value) {
  let text = value === null || value === undefined ? "" : String(value);
  if (typeof value === "string" && FORMULA.test(text)) text = `'${text}`;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export const csv = (rows) => BOM + rows.map((row) => `${row.map(field).join(",")}\r\n`).join("");

// As spreadsheets take it from the clipboard.
export const tabbed = (rows) => rows.map((row) => row.map((value) => (value ?? "").toString().replace(/[\t\r\n]+/g, " ").replace(FORMULA, "'$&")).join("\t")).join("\n");

export function save(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
