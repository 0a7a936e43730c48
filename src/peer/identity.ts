/** Whether an answer is from the instance that was asked. */
import type { IncomingHttpHeaders } from 'node:http';
import { brief } from './failure.ts';
import { MISDIRECTED, PROTOCOL_HEADER, ROLEID_HEADER } from './protocol.ts';

/**
 * Why nothing of an answer is to be believed, and the status that says so; undefined for the right instance.
 *
 * @param asked the version of the protocol that was asked in, if any
 */
export function strangerIn(
  { status, headers }: { readonly status: number; readonly headers: IncomingHttpHeaders },
  roleid: number,
  asked: number | undefined,
): { readonly status: number; readonly what: string } | undefined {
  const named = headers[ROLEID_HEADER];
  if (named === undefined && status >= 500) return { status, what: `${status} from something before the peer` };
  if (named === undefined)
    return { status: MISDIRECTED, what: 'misrouted: what answers there is no dfsync instance; check its address' };
  if (named !== String(roleid))
    return {
      status: MISDIRECTED,
      what: `misrouted: instance ${brief(String(named))} answers there; check its address`,
    };
  const protocol = headers[PROTOCOL_HEADER];
  // A refusal may come from before anything was found out about the question.
  if (protocol === undefined || asked === undefined || status >= 400 || protocol === String(asked)) return undefined;
  return {
    status,
    what: `the peer answers in protocol ${brief(String(protocol))} what was asked in ${asked}: bring both to one release`,
  };
}
