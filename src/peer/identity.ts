/** Whether an answer is from the instance that was asked. */
import type { IncomingHttpHeaders } from 'node:http';
import { brief } from './failure.ts';
import { MISDIRECTED, PROTOCOL_HEADER, PROTOCOLS, ROLEID_HEADER } from './protocol.ts';

/** Why nothing of an answer is to be believed, and the status that says so; undefined for the right instance. */
export function strangerIn(
  { status, headers }: { readonly status: number; readonly headers: IncomingHttpHeaders },
  roleid: number,
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
  if (protocol === undefined || PROTOCOLS.includes(Number(protocol))) return undefined;
  const ours = `this instance speaks ${PROTOCOLS.join(', ')}: bring both to one release`;
  return { status, what: `the peer answers in protocol ${brief(String(protocol))}, ${ours}` };
}
