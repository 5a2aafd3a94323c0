// Tables as text for other programs.

const BOM = "\uFEFF"; // else Excel takes Chinese for something else

// A spreadsheet would take what begins so for a formula; some take the wide signs of Chinese and Japanese for it, too.
const FORMULA = /^[=+\-@＝＋－＠\t\r\n]/;

// And this for a number, whose last digits it rounds away, or for a date.
const NUMBER = /^\d[\d.,:/+\-e]*$/i;

// A name, which a spreadsheet must keep to the last digit. `shipclock import csv` reads it as it was.
export class Name {
  constructor(text) {
    this.text = text;
  }
}

function cell(value) {
  const isName = value instanceof Name;
  const given = isName ? value.text : value;
  if (given === null || given === undefined) return "";
  if (isName && NUMBER.test(given)) return `="${given}"`;
  return typeof given === "string" && FORMULA.test(given) ? `'${given}` : String(given);
}

function field(value) {
  const text = cell(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export const csv = (rows) => BOM + rows.map((row) => `${row.map(field).join(",")}\r\n`).join("");

// As spreadsheets take it from the clipboard.
export const tabbed = (rows) => rows.map((row) => row.map((value) => cell(value).replace(/[\t\r\n]+/g, " ")).join("\t")).join("\n");

export function save(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
