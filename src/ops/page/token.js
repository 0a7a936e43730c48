/** Asks a person for a token. */
import { the } from './dom.js';

/** @type {(token: string | undefined) => void} */
let answer = () => {};

/**
 * Shows the dialog until `use` takes a token or the person cancels. What `use` throws is shown, and the person may try again.
 *
 * @param {{ title: string, text: string, hint: string, go: string }} wording
 * @param {(token: string) => Promise<void>} use
 */
export async function withToken({ title, text, hint, go }, use) {
  const dialog = /** @type {HTMLDialogElement} */ (the('token-dialog'));
  if (dialog.open) return;
  the('token-title').textContent = title;
  the('token-text').textContent = text;
  the('token-hint').textContent = hint;
  the('token-go').textContent = go;
  the('token-error').textContent = '';
  dialog.showModal();
  try {
    for (;;) {
      const token = await new Promise(resolve => {
        answer = resolve;
      });
      if (token === undefined) return;
      the('token-go').disabled = true;
      try {
        return await use(token);
      } catch (error) {
        the('token-error').textContent = error instanceof Error ? error.message : String(error);
      } finally {
        the('token-go').disabled = false;
      }
    }
  } finally {
    the('token').value = '';
    dialog.close();
  }
}

/** Listens to the dialog; once. */
export function openTokens() {
  const dialog = /** @type {HTMLDialogElement} */ (the('token-dialog'));
  the('token-form').addEventListener('submit', (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    answer(the('token').value.trim());
  });
  dialog.addEventListener('cancel', event => {
    event.preventDefault();
    answer(undefined);
  });
  dialog.querySelector('[data-do=cancel]')?.addEventListener('click', () => answer(undefined));
}
