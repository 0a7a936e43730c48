/** Answers that depend on what the asker has already. */
import type { Context } from './asked.ts';
import { precondition, type Validators } from './preconditions.ts';
import { Problem } from './problem.ts';

/** Whether an answer is to be given: not where the asker has it (304, set here); 412 where it is not what he asked for. */
export function conditional(ctx: Context, validators: Validators): boolean {
  switch (precondition(ctx.req.headers, validators, Date.now())) {
    case 200:
      return true;
    case 304:
      ctx.status = 304;
      return false;
    case 412:
      throw new Problem(412, 'Another version', `what is here is ${validators.etag}: ask what there is, and for that`);
  }
}
