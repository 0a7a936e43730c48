/** What a question may be refused with, as the OpenAPI document lists it. */

/** Headers of answers besides those that all have. */
export type AnswerHeader =
  | 'ETag'
  | 'Vary'
  | 'Content-Encoding'
  | 'Content-Range'
  | 'Accept-Ranges'
  | 'Last-Modified'
  | 'Retry-After'
  | 'WWW-Authenticate'
  | 'Allow'
  | 'Accept-Encoding';
/** What any question may be refused with. */
export const EVERYWHERE = [400, 401, 403, 405, 406, 408, 414, 417, 431, 500, 501, 503] as const;

/** A refusal: what it means, the header that always comes with it, and those that may. */
export interface Refused {
  readonly description: string;
  readonly header?: AnswerHeader;
  readonly mayHave?: readonly AnswerHeader[];
}

/** Every refusal by its status. */
export const REFUSALS: Readonly<Record<number, Refused>> = {
  400: {
    description:
      'Not understood: no HTTP, a path that no tree may have, a parameter that is none, no roleid, or a version of the protocol that is not spoken (then `protocols` lists those that are).',
  },
  401: { description: 'No bearer token of this network.', header: 'WWW-Authenticate' },
  403: {
    description:
      'The asking instance is not of this network, is disabled, is of another site and not both are gateways, or its certificate names another one; or the file may not be read by the instance that has it.',
  },
  404: { description: 'That domain is not served to the asking instance, or there is no such file.' },
  405: { description: 'The target is served, but not with this method.', header: 'Allow' },
  406: { description: 'Neither zstd nor the plain bytes are acceptable.' },
  408: { description: 'The request did not arrive in time.' },
  409: { description: 'The file is not what the index says; it is being looked at.' },
  412: {
    description: 'It is another version than the one asked for.',
    header: 'ETag',
    mayHave: ['Accept-Ranges', 'Last-Modified'],
  },
  413: { description: 'The question, or what it asks for at once, is too large.' },
  414: { description: 'The target is too long.' },
  415: { description: 'The body of a question is JSON, and not coded.', mayHave: ['Accept-Encoding'] },
  416: {
    description: 'Nothing of what was asked for exists.',
    header: 'Content-Range',
    mayHave: ['ETag', 'Accept-Ranges', 'Last-Modified'],
  },
  417: { description: 'Nothing but `100-continue` can be expected.' },
  431: { description: 'Request line and headers are too long.' },
  500: { description: 'Something that should never happen; the log of the instance says more.' },
  501: { description: 'No target has this method.', header: 'Allow' },
  503: {
    description:
      'Not now: the first scan of the domain has not ended, too many questions at once, or it is being stopped.',
    header: 'Retry-After',
  },
};
