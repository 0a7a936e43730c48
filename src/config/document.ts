/** The text of a description as a value: JSON or YAML, told apart by nothing but the content. */
import { parseDocument } from 'yaml';
import type { Findings } from './problem.ts';

/** One error of syntax makes others after it; the first ones say where to look. */
const MAX_SYNTAX_ERRORS = 5;

/**
 * Parses JSON or YAML (of which JSON is a part, and whose parser tells line, column and repeated keys). Undefined where the
 * text is neither; the findings say why.
 */
export function parseText(text: string, findings: Findings): { readonly value: unknown } | undefined {
  try {
    const document = parseDocument(text, { stringKeys: true, logLevel: 'error' });
    for (const warning of document.warnings) findings.warn('', firstLine(warning.message));
    for (const error of document.errors.slice(0, MAX_SYNTAX_ERRORS))
      findings.problem('', `no valid JSON or YAML: ${firstLine(error.message)}`);
    return document.errors.length > 0 ? undefined : { value: document.toJS() };
  } catch (error) {
    // Aliases that expand without end, nesting deeper than the stack.
    findings.problem('', `no valid JSON or YAML: ${firstLine(error instanceof Error ? error.message : String(error))}`);
    return undefined;
  }
}

/** The parser's messages go on with an excerpt of the text. */
function firstLine(message: string): string {
  return (message.split('\n', 1)[0] ?? '').replace(/:$/, '');
}
